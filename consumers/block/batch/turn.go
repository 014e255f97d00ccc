package batch

import (
	"context"
	"fmt"
	"sync"
)

// A Turn lets one of those who write at a time.
type Turn struct{ held chan struct{} }

// NewTurn makes a turn that nobody has.
func NewTurn() Turn { return Turn{make(chan struct{}, 1)} }

// Take waits until nobody has the turn, or ctx ends. release gives it up.
func (t Turn) Take(ctx context.Context) (release func(), err error) {
	select {
	case t.held <- struct{}{}:
		return func() { <-t.held }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting for other writers: %w", ctx.Err())
	}
}

// Writers are the writers of many enforcers, each made when it is first asked for. The zero value has none. It is safe for concurrent use.
type Writers[K comparable] struct {
	mu  sync.Mutex
	all map[K]*Writer
}

// Of returns the writer of one enforcer.
func (w *Writers[K]) Of(enforcer K) *Writer {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = map[K]*Writer{}
	}
	if w.all[enforcer] == nil {
		w.all[enforcer] = New()
	}
	return w.all[enforcer]
}
