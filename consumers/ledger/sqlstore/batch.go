package sqlstore

import (
	"context"
	"runtime"
	"slices"
	"sync"
)

// A batcher does in one go what several callers ask for at about the same time: what comes in while one batch is on its way makes up the next.
// Nobody waits for others to come: whoever is alone is a batch of one.
type batcher struct {
	// run carries out a batch: it calls take once, when it is ready to begin, and answers everything that it was given.
	run func(ctx context.Context, take func() []*request)

	mu      sync.Mutex
	waiting []*request
	running bool
	idle    sync.WaitGroup
}

// A request is what one caller asks for: an entry to be saved, a command to be counted against budgets, the past of a target, or another
// step of a transaction.
type request struct {
	save   *saving
	spend  *spending
	look   *looking
	step   step
	answer chan error // takes one without a reader
}

// most is how many requests a batch has at most.
const most = 64

// asOne is the run of a batcher whose requests are done as one: of takes what each is about, and what do returns is the answer to all of them.
func asOne[T any](s *Store, of func(*request) T, do func(ctx context.Context, all []T) error) func(context.Context, func() []*request) {
	return func(ctx context.Context, take func() []*request) {
		ctx, cancel := s.within(ctx, most)
		defer cancel()
		batch := take()
		if len(batch) == 0 {
			return
		}
		all := make([]T, len(batch))
		for i, r := range batch {
			all[i] = of(r)
		}
		err := do(ctx, all)
		for _, r := range batch {
			r.answer <- err
		}
	}
}

// do asks for one thing and returns what became of it. When ctx ends, a request that no batch has taken is withdrawn. A saving that one has
// taken is left to it, since it is the batch's own: whether it was done is not known then, as with any answer that was not seen. Another step
// writes to what is its caller's, who has to wait.
func (b *batcher) do(ctx context.Context, r *request) error {
	r.answer = make(chan error, 1)
	b.mu.Lock()
	b.waiting = append(b.waiting, r)
	if !b.running {
		b.running = true
		b.idle.Go(func() { b.loop(context.WithoutCancel(ctx)) })
	}
	b.mu.Unlock()
	select {
	case err := <-r.answer:
		return err
	case <-ctx.Done():
	}
	if b.withdraw(r) || r.save != nil {
		return ctx.Err()
	}
	return <-r.answer
}

// loop runs batches until nothing is left.
func (b *batcher) loop(ctx context.Context) {
	for b.more() {
		b.run(ctx, b.take)
		for range 3 { // those who were answered run first: what they ask for next goes with the next batch, not the one after it
			runtime.Gosched()
		}
	}
}

func (b *batcher) more() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.running = len(b.waiting) > 0
	return b.running
}

// take returns what the next batch has to do; nothing if all who asked have left.
func (b *batcher) take() []*request {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := min(most, len(b.waiting))
	batch := slices.Clone(b.waiting[:n])
	b.waiting = slices.Delete(b.waiting, 0, n)
	return batch
}

// withdraw takes a request back, unless a batch has it.
func (b *batcher) withdraw(r *request) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.Index(b.waiting, r)
	if i < 0 {
		return false
	}
	b.waiting = slices.Delete(b.waiting, i, i+1)
	return true
}

// wait returns when no batch is on its way. Nobody may ask for anything any more.
func (b *batcher) wait() { b.idle.Wait() }
