package kafka_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/broker"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/kafka"
)

func publishRejectsOnlyWhatIsTooLarge(t *testing.T, addrs []string) {
	c := newClient(t, addrs)
	w := c.NewWriter()
	defer w.Close()
	topic := c.Topics().Alert
	noise := func(n int) []byte { // nothing that compresses
		b := make([]byte, n)
		x := uint32(1)
		for i := range b {
			x = x*1664525 + 1013904223
			b[i] = byte(x >> 24)
		}
		return b
	}
	err := w.Publish(t.Context(),
		kafka.Message{Topic: topic, Key: []byte("a"), Value: []byte("small")},
		kafka.Message{Topic: topic, Key: []byte("b"), Value: noise(kafka.MaxMessage)}, // the key makes it one byte too large
		kafka.Message{Topic: topic, Key: []byte("c"), Value: noise(kafka.MaxMessage - 1)},
		kafka.Message{Topic: "no/topic", Value: []byte("x")},
		kafka.Message{Topic: topic, Key: []byte("d"), Value: []byte("last")},
	)
	var rejected *kafka.RejectedError
	if !fault.IsPermanent(err) || !errors.As(err, &rejected) {
		t.Fatalf("error %v", err)
	}
	if len(rejected.Rejected) != 2 || rejected.Rejected[0].Index != 1 || !errors.Is(rejected.Rejected[0].Err, kafka.ErrTooLarge) ||
		rejected.Rejected[1].Index != 3 {
		t.Errorf("rejected %v", err)
	}
	keys := map[string]int{}
	for _, m := range everything(t, c, topic) {
		keys[string(m.Key)] = len(m.Value)
	}
	if len(keys) != 3 || keys["c"] != kafka.MaxMessage-1 {
		t.Errorf("published: %v", keys)
	}
}

func publishWaitsForTheTopic(t *testing.T, addrs []string) {
	c := newClient(t, addrs)
	w := c.NewWriter()
	defer w.Close()
	topic := c.Topics().Prefix() + "-later"
	done := make(chan error, 1)
	go func() { done <- w.Publish(t.Context(), kafka.Message{Topic: topic, Value: []byte("x")}) }()
	select {
	case err := <-done:
		t.Fatalf("published to a topic that does not exist: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	other := newClientOf(t, c)
	if err := other.EnsureTopics(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(await.Long):
		t.Fatal("not published 5 s after the topic was made")
	}
}

func TestPublishEndsWithItsContext(t *testing.T) {
	t.Parallel()
	c, err := kafka.New(kafka.Config{Brokers: []string{"127.0.0.1:1"}}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	w := c.NewWriter()
	defer w.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := w.Publish(ctx, kafka.Message{Topic: "t", Value: []byte("x")}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	if err := c.Ping(ctx); err == nil {
		t.Error("a broker that does not exist answers")
	}
	if d := time.Since(began); d > 3*time.Second {
		t.Errorf("took %v", d)
	}
	if err := c.Consume(ctx, kafka.Group{ID: "g", Topics: []string{"t"}}, newSeen().handle); err != nil {
		t.Errorf("Consume: %v", err)
	}
}

// TestBrokerAway stops the broker for a while under writers and a reader: nothing is lost, and the order of each key is kept.
func TestBrokerAway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, err := broker.Start(t.Context(), broker.Options{DataDir: dir, Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	var lines bytes.Buffer
	var mu sync.Mutex
	c, err := kafka.New(kafka.Config{Brokers: []string{b.Addr()}, Partitions: 3, SessionTimeout: time.Second}, zerolog.New(lockedWriter{&mu, &lines}).Level(zerolog.WarnLevel))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.EnsureTopics(t.Context()); err != nil {
		t.Fatal(err)
	}
	topic := c.Topics().Events
	got := newSeen()
	stop := consume(t, c, kafka.Group{ID: "g", Topics: []string{topic}}, got.handle)
	w := c.NewWriter()
	defer w.Close()
	const writers, each = 4, 60
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			for j := range each {
				n := j*writers + i
				m := kafka.Message{Topic: topic, Key: fmt.Appendf(nil, "w%d", i), Value: fmt.Appendf(nil, "%d", n)}
				if err := w.Publish(t.Context(), m); err != nil {
					t.Error(err)
				}
			}
		})
	}
	await.Until(t, "the first messages", func() bool { return got.len() > 10 })
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(700 * time.Millisecond) //nolint:forbidigo // the time that the broker is away
	if b, err = broker.Start(t.Context(), broker.Options{DataDir: dir, Log: zerolog.Nop()}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	wg.Wait()
	await.Until(t, "all messages", func() bool { return got.len() == writers*each })
	if err := stop(); err != nil {
		t.Error(err)
	}
	if len(got.mixed) > 0 {
		t.Errorf("out of order: %v", got.mixed)
	}
	mu.Lock()
	defer mu.Unlock()
	if n := bytes.Count(lines.Bytes(), []byte("is away")); n != 1 {
		t.Errorf("%d lines that Kafka is away:\n%s", n, lines.String())
	}
}

// TestEndWhileBrokerIsAway ends a consumer whose broker has gone: there is nothing to wait for.
func TestEndWhileBrokerIsAway(t *testing.T) {
	t.Parallel()
	b, err := broker.Start(t.Context(), broker.Options{Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	c := newClient(t, []string{b.Addr()})
	topic := c.Topics().Events
	publish(t, c, topic, 0, 10)
	got := newSeen()
	stop := consume(t, c, kafka.Group{ID: "g", Topics: []string{topic}}, got.handle)
	await.Until(t, "all messages", func() bool { return got.len() == 10 })
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	await.Until(t, "notice that the broker is away", func() bool { return !c.Well() })
	began := time.Now()
	if err := stop(); err != nil {
		t.Error(err)
	}
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("stopping took %v", d)
	}
}

type lockedWriter struct {
	mu *sync.Mutex
	w  *bytes.Buffer
}

func (l lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
