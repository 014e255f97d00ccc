// Package batch is for enforcers that are written as a whole, under a token that dies with the next write by anybody: within a process one writes at a
// time, and takes along what has queued up meanwhile, so that many changes become one call.
package batch

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/riposte-security/riposte/consumers/block/address"
	"github.com/riposte-security/riposte/internal/fault"
)

// Tries is how often Retry calls update: against writers in other processes.
const Tries = 8

// A Writer changes one enforcer.
type Writer struct {
	turn Turn // of the one who writes

	mu    sync.Mutex
	queue []*Change
}

// A Change is one address to be added or removed. done and err belong to whoever has the turn, left to whoever holds the writer's mutex.
type Change struct {
	prefix netip.Prefix
	add    bool
	done   bool
	err    error
	left   bool // its owner waits no more
}

// New makes the writer of one enforcer. There is one in a process.
func New() *Writer { return &Writer{turn: NewTurn()} }

// Write returns when the change is made, or cannot be. commit makes the changes of a batch, all or none.
func (w *Writer) Write(ctx context.Context, p netip.Prefix, add bool, commit func(ctx context.Context, batch []*Change) error) error {
	c := &Change{prefix: p, add: add}
	w.mu.Lock()
	w.queue = append(w.queue, c)
	w.mu.Unlock()
	release, err := w.turn.Take(ctx)
	if err != nil {
		w.leave(c)
		return err
	}
	defer release()
	if c.done {
		return c.err
	}
	w.mu.Lock()
	batch := w.queue
	w.queue = nil
	w.mu.Unlock()
	if err := commit(ctx, batch); err != nil {
		w.mu.Lock() // the others have contexts of their own, and try for themselves
		w.queue = append(slices.DeleteFunc(batch, func(o *Change) bool { return o == c || o.left }), w.queue...)
		w.mu.Unlock()
		return err
	}
	for _, o := range batch {
		o.done = true
	}
	return c.err
}

// leave takes a change out of the queue. If somebody is at it already, it may yet be made: its owner has to read to know.
func (w *Writer) leave(c *Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c.left = true
	w.queue = slices.DeleteFunc(w.queue, func(o *Change) bool { return o == c })
}

// Retry calls update, which reads, merges and writes, again while stale says of its error that somebody else came between.
func Retry(ctx context.Context, stale func(error) bool, update func() error) error {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval = 50 * time.Millisecond
	b.MaxInterval = 2 * time.Second
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := update()
		if err != nil && !stale(err) {
			return struct{}{}, backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(b), backoff.WithMaxTries(Tries), backoff.WithMaxElapsedTime(0))
	return err
}

// Merge returns the addresses with the changes made; entries that no change names stay as they are spelt. Removals come first, to make room; a change
// for which there is none (room 0: there always is) gets the error full, and does not hold up the others.
func Merge(addresses []string, batch []*Change, room int, full error) []string {
	remove, present := map[netip.Prefix]bool{}, map[netip.Prefix]bool{}
	for _, c := range batch {
		if !c.add {
			remove[c.prefix] = true
		}
	}
	merged := make([]string, 0, len(addresses)+len(batch))
	for _, a := range addresses {
		p, err := address.Parse(a)
		if err == nil && remove[p] {
			continue
		}
		if err == nil {
			present[p] = true
		}
		merged = append(merged, a)
	}
	for _, c := range batch {
		c.err = nil
		switch {
		case !c.add || present[c.prefix]:
		case room > 0 && len(merged) >= room:
			c.err = fault.Permanent(full)
		default:
			merged, present[c.prefix] = append(merged, c.prefix.String()), true
		}
	}
	return merged
}
