package kafka

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/broker"
)

// TestBehindRetention commits an offset, has retention remove more than that, and consumes again: the range that is gone is reported, and
// reading goes on behind it.
func TestBehindRetention(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, err := broker.Start(t.Context(), broker.Options{DataDir: dir, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(Config{Brokers: []string{b.Addr()}, Partitions: 1}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.EnsureTopics(t.Context()); err != nil {
		t.Fatal(err)
	}
	topic := c.topics.Events
	w := c.NewWriter()
	defer w.Close()
	write := func(from, to int, at time.Time) {
		t.Helper()
		for i := from; i < to; i++ { // one batch each: retention removes whole batches
			if err := w.Publish(t.Context(), Message{Topic: topic, Value: fmt.Append(nil, i), Time: at}); err != nil {
				t.Fatal(err)
			}
		}
	}
	long := time.Now().Add(-30 * 24 * time.Hour) // longer than the topic keeps events
	write(0, 20, long)
	write(20, 25, time.Now())

	var (
		mu   sync.Mutex
		gaps []Gap
		got  []int64
	)
	run := func(hold int64, enough int) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), await.Long)
		defer cancel()
		g := Group{ID: "g", Topics: []string{topic}, Lost: func(g Gap) {
			mu.Lock()
			defer mu.Unlock()
			gaps = append(gaps, g)
		}}
		if hold > 0 {
			g.Hold = func(string, int) (int64, bool) { return hold, true }
		}
		n := 0
		err := c.Consume(ctx, g, func(_ context.Context, batch []Message) error {
			for _, m := range batch {
				got = append(got, m.Offset)
			}
			if n += len(batch); n == enough {
				cancel()
			}
			return nil
		})
		if err != nil || n != enough {
			t.Fatalf("%d messages, %d expected; error %v", n, enough, err)
		}
	}
	run(8, 25) // commits 8
	got = nil
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if b, err = broker.Start(t.Context(), broker.Options{DataDir: dir, Log: zerolog.Nop()}); err != nil { // applies retention
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	tp := topicPartition{topic, 0}
	for first := int64(0); first == 0; {
		if first, _, err = c.bounds(t.Context(), tp); err != nil {
			c.refresh()
		}
	}
	run(0, 5)
	if len(gaps) != 1 || gaps[0] != (Gap{Topic: topic, First: 8, Last: 19, Reason: errRetention}) {
		t.Errorf("gaps %+v", gaps)
	}
	if len(got) != 5 || got[0] != 20 {
		t.Errorf("offsets %v", got)
	}

	// An offset past the end, as after the topic was made anew, starts over instead of waiting for ever.
	p := partition{m: &member{c: c, log: zerolog.Nop()}, tp: tp, offset: 1000}
	pg, err := p.page(t.Context())
	if err != nil || len(pg.messages) != 5 || pg.messages[0].Offset != 20 {
		t.Errorf("past the end: %d messages, error %v", len(pg.messages), err)
	}
}
