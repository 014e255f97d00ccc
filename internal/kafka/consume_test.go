package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/kafka"
)

func handlerErrors(t *testing.T, addrs []string) {
	c := newClient(t, addrs)
	topic := c.Topics().Events
	publish(t, c, topic, 0, 30)
	var calls atomic.Int32
	got := newSeen()
	stop := consume(t, c, kafka.Group{ID: topic + ".retry", Topics: []string{topic}, MaxBatch: 3}, func(ctx context.Context, b []kafka.Message) error {
		if calls.Add(1)%3 == 0 {
			return errors.New("for now")
		}
		return got.handle(ctx, b)
	})
	await.Until(t, "all messages", func() bool { return got.len() == 30 })
	if err := stop(); err != nil {
		t.Error(err)
	}
	if len(got.mixed) > 0 {
		t.Errorf("a failed batch was overtaken: %v", got.mixed)
	}

	never := errors.New("never")
	err := c.Consume(t.Context(), kafka.Group{ID: topic + ".fail", Topics: []string{topic}}, func(context.Context, []kafka.Message) error {
		return fault.Permanent(never)
	})
	if !errors.Is(err, never) || !fault.IsPermanent(err) {
		t.Errorf("error %v", err)
	}
	// What failed is not committed.
	all := newSeen()
	stop = consume(t, c, kafka.Group{ID: topic + ".fail", Topics: []string{topic}}, all.handle)
	await.Until(t, "all messages again", func() bool { return all.len() == 30 })
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// endWaitsForHandler ends a consumer while a handler is at work: the handler finishes, and its work is committed.
func endWaitsForHandler(t *testing.T, addrs []string) {
	c := newClient(t, addrs)
	topic := c.Topics().Events
	publish(t, c, topic, 0, 1)
	g := kafka.Group{ID: topic + ".g", Topics: []string{topic}}
	entered, finish := make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- c.Consume(ctx, g, func(ctx context.Context, _ []kafka.Message) error {
			close(entered)
			<-finish
			return ctx.Err()
		})
	}()
	<-entered
	cancel()
	time.AfterFunc(300*time.Millisecond, func() { close(finish) })
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	lag, err := c.Lag(t.Context(), g.ID, topic)
	if err != nil {
		t.Fatal(err)
	}
	for p, n := range lag[topic] {
		if n != 0 {
			t.Errorf("partition %d: %d not committed", p, n)
		}
	}
}

// membersComeAndGo adds a member to a group under load and takes the first away: every message is handled, most of them once.
func membersComeAndGo(t *testing.T, addrs []string) {
	c := newClient(t, addrs)
	topic := c.Topics().Events
	g := kafka.Group{ID: topic + ".g", Topics: []string{topic}, MaxBatch: 10}
	got, first, second := newSeen(), atomic.Int64{}, atomic.Int64{}
	slow := func(n *atomic.Int64) kafka.Handler {
		return func(ctx context.Context, b []kafka.Message) error {
			select {
			case <-time.After(2 * time.Millisecond):
			case <-ctx.Done():
				return ctx.Err()
			}
			n.Add(int64(len(b)))
			return got.handle(ctx, b)
		}
	}
	stopFirst := consume(t, c, g, slow(&first))
	var wg sync.WaitGroup
	const least, most = 4000, 100_000
	n := 0 // as many as it takes until the second member has had some, however long joining takes
	wg.Go(func() {
		for ; n < least || second.Load() == 0 && n < most; n += 50 {
			publish(t, c, topic, n, n+50)
			time.Sleep(10 * time.Millisecond) //nolint:forbidigo // a steady load
		}
	})
	await.Until(t, "the first member", func() bool { return first.Load() > 0 })
	stopSecond := consume(t, newClientOf(t, c), g, slow(&second))
	await.Until(t, "the second member", func() bool { return second.Load() > 0 })
	if err := stopFirst(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	await.Until(t, "all messages", func() bool { return got.len() == n })
	if err := stopSecond(); err != nil {
		t.Error(err)
	}
	t.Logf("first member %d, second %d messages of %d", first.Load(), second.Load(), n)
	if over := first.Load() + second.Load() - int64(n); over > int64(n)/10 {
		t.Errorf("%d of %d messages handled again", over, n)
	}
}

func holdKeepsOffsetBack(t *testing.T, addrs []string) {
	c := newClient(t, addrs)
	topic := c.Topics().Events
	publish(t, c, topic, 0, 300)
	got := newSeen()
	g := kafka.Group{ID: topic + ".g", Topics: []string{topic}}
	g.Hold = func(_ string, p int) (int64, bool) { return 5, p == 0 }
	stop := consume(t, c, g, got.handle)
	await.Until(t, "all messages", func() bool { return got.len() == 300 })
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	ends, err := c.Lag(t.Context(), topic+".nobody", topic)
	if err != nil {
		t.Fatal(err)
	}
	lag, err := c.Lag(t.Context(), g.ID, topic)
	if err != nil {
		t.Fatal(err)
	}
	for p, n := range lag[topic] {
		want := int64(0)
		if p == 0 {
			want = ends[topic][0] - 5
		}
		if n != want {
			t.Errorf("partition %d: %d not committed, %d expected", p, n, want)
		}
	}
}

func tail(t *testing.T, addrs []string) {
	c := newClient(t, addrs)
	topic := c.Topics().Outcomes
	publish(t, c, topic, 0, 5)
	ctx, cancel := context.WithTimeout(t.Context(), await.Long)
	defer cancel()
	all := 0
	err := c.Tail(ctx, topic, false, func(context.Context, kafka.Message) error {
		if all++; all == 5 {
			cancel()
		}
		return nil
	})
	if err != nil || all != 5 {
		t.Errorf("%d messages, error %v", all, err)
	}
	stop := errors.New("enough")
	published := make(chan error, 1)
	time.AfterFunc(300*time.Millisecond, func() {
		w := c.NewWriter()
		defer w.Close()
		published <- w.Publish(t.Context(), kafka.Message{Topic: topic, Value: []byte("new")})
	})
	err = c.Tail(t.Context(), topic, true, func(_ context.Context, m kafka.Message) error {
		if string(m.Value) != "new" {
			return fmt.Errorf("%s is old", m.Value)
		}
		return stop
	})
	if !errors.Is(err, stop) {
		t.Errorf("error %v", err)
	}
	if err := <-published; err != nil {
		t.Error(err)
	}
}
