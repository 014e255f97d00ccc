package sqlstore

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
)

// batches runs a batcher whose batches wait at a gate, and notes what each of them took.
type batches struct {
	batcher
	gate  chan struct{}
	mu    sync.Mutex
	sizes []int
	err   error
}

func newBatches() *batches {
	b := &batches{gate: make(chan struct{})}
	b.run = func(_ context.Context, take func() []*request) {
		batch := take()
		<-b.gate
		b.mu.Lock()
		b.sizes = append(b.sizes, len(batch))
		b.mu.Unlock()
		for _, r := range batch {
			r.answer <- b.err
		}
	}
	return b
}

func TestBatchesGather(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBatches()
		b.err = errors.New("what became of it")
		var callers sync.WaitGroup
		call := func() {
			callers.Go(func() {
				if err := b.do(t.Context(), &request{save: &saving{}}); !errors.Is(err, b.err) {
					t.Errorf("answer %v", err)
				}
			})
			synctest.Wait()
		}
		for range 2 + most {
			call() // the first is alone; the others come while it is on its way
		}
		close(b.gate)
		callers.Wait()
		b.wait()
		if want := []int{1, most, 1}; !slices.Equal(b.sizes, want) {
			t.Errorf("batches of %v; %v expected", b.sizes, want)
		}
	})
}

func TestBatchLeave(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		r     *request
		taken bool
		want  error // nil: the caller has to wait for the answer
	}{
		{"a saving that waits is withdrawn", &request{save: &saving{}}, false, context.Canceled},
		{"a saving that was taken is left to the batch", &request{save: &saving{}}, true, context.Canceled},
		{"a step that waits is withdrawn", &request{}, false, context.Canceled},
		{"a step that was taken is waited for", &request{}, true, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBatches()
				ctx, cancel := context.WithCancel(t.Context())
				var callers sync.WaitGroup
				if !c.taken {
					callers.Go(func() {
						if err := b.do(t.Context(), &request{}); err != nil {
							t.Error(err)
						}
					})
					synctest.Wait()
				}
				answered := false
				callers.Go(func() {
					if err := b.do(ctx, c.r); !errors.Is(err, c.want) {
						t.Errorf("answer %v; %v expected", err, c.want)
					}
					answered = true
				})
				synctest.Wait()
				cancel()
				synctest.Wait()
				if left := c.want != nil; answered != left {
					t.Errorf("the caller left before the answer: %t; %t expected", answered, left)
				}
				close(b.gate)
				callers.Wait()
				b.wait()
				if want := []int{1}; !slices.Equal(b.sizes, want) {
					t.Errorf("batches of %v; %v expected", b.sizes, want)
				}
			})
		})
	}
}
