package kafka

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/broker"
)

// TestReleased: who leaves a group is told of each partition that he had, after the last look at what is on hold.
func TestReleased(t *testing.T) {
	t.Parallel()
	b, err := broker.Start(t.Context(), broker.Options{DataDir: t.TempDir(), Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	c, err := New(Config{Brokers: []string{b.Addr()}, Partitions: 2}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.EnsureTopics(t.Context()); err != nil {
		t.Fatal(err)
	}
	w := c.NewWriter()
	defer w.Close()
	if err := w.Publish(t.Context(), Message{Topic: c.topics.Events, Value: []byte("x")}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), await.Long)
	defer cancel()
	var (
		mu       sync.Mutex
		released []int
	)
	err = c.Consume(ctx, Group{
		ID: "g", Topics: []string{c.topics.Events},
		Hold: func(_ string, partition int) (int64, bool) {
			mu.Lock()
			defer mu.Unlock()
			if slices.Contains(released, partition) {
				t.Errorf("asked about partition %d, which was released", partition)
			}
			return 0, false
		},
		Released: func(_ string, partition int) {
			mu.Lock()
			defer mu.Unlock()
			released = append(released, partition)
		},
	}, func(context.Context, []Message) error {
		cancel()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(released)
	if !slices.Equal(released, []int{0, 1}) {
		t.Errorf("released %v", released)
	}
}
