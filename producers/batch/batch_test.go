package batch

import (
	"context"
	"errors"
	"testing"

	"github.com/riposte-security/riposte/producers"
)

func TestBatch(t *testing.T) {
	var sizes []int
	fail := false
	b := New(func(_ context.Context, r []producers.Record) error {
		if fail {
			return errors.New("away")
		}
		sizes = append(sizes, len(r))
		return nil
	})
	done := 0
	b.Then(func() { done++ })
	if done != 1 {
		t.Error("nothing was waited for, and it was not done")
	}
	for range Records + 1 {
		if err := b.Add(t.Context(), producers.Record{Data: []byte("x")}); err != nil {
			t.Fatal(err)
		}
	}
	b.Then(func() { done++ })
	fail = true
	if err := b.Flush(t.Context()); err == nil || done != 1 {
		t.Error("done, and Kafka has it not", err, done)
	}
	fail = false
	if err := b.Flush(t.Context()); err != nil || done != 2 || len(sizes) != 2 || sizes[0] != Records || sizes[1] != 1 {
		t.Error(err, done, sizes)
	}
	if err := b.Add(t.Context(), producers.Record{Data: make([]byte, Bytes)}); err != nil || len(sizes) != 3 {
		t.Error("a large batch waits", err, sizes)
	}
}
