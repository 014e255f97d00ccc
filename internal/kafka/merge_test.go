package kafka

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/broker"
)

// TestSmallWritesMerge: what many callers write one by one becomes fewer batches by a writer that merges, and everything arrives once, in the order of each caller.
func TestSmallWritesMerge(t *testing.T) {
	t.Parallel()
	b, err := broker.Start(t.Context(), broker.Options{DataDir: t.TempDir(), Log: zerolog.Nop()})
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
	const callers, each = 4, 50
	w := c.NewMergingWriter()
	defer w.Close()
	var all sync.WaitGroup
	for who := range callers {
		all.Go(func() {
			for i := range each {
				if err := w.Publish(t.Context(), Message{Topic: c.topics.Events, Key: []byte{byte(who)}, Value: []byte{byte(i)}}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	next := make([]byte, callers)
	err = c.ReadAll(t.Context(), c.topics.Events, func(_ context.Context, m Message) error {
		if who := m.Key[0]; m.Value[0] == next[who] {
			next[who]++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for who, n := range next {
		if n != each {
			t.Errorf("caller %d: %d of %d in order", who, n, each)
		}
	}
	x, err := c.ask(t.Context(), nil, topicPartition{c.topics.Events, 0}, 0, fetchBytes)
	if err != nil {
		t.Fatal(err)
	}
	batches := 0
	for r := (cursor{data: x.records}); r.at < len(x.records); batches++ {
		r.int64()
		r.take(int(r.int32()))
	}
	if batches > callers*each*2/5 {
		t.Errorf("%d messages in %d batches", callers*each, batches)
	}
	// After a pause, one is written at once.
	<-time.After(2 * mergeFor)
	l := &lane{merges: true, streak: 10, ended: time.Now().Add(-2 * mergeFor), queue: make([]item, 1)}
	if l.merge(t.Context()); l.streak != 0 {
		t.Error("a streak goes on after a pause")
	}
}
