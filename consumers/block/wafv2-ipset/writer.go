package wafv2ipset

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/wafv2"
	"github.com/aws/aws-sdk-go-v2/service/wafv2/types"
	"github.com/cenkalti/backoff/v5"

	"github.com/riposte-security/riposte/consumers/block/address"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
)

const (
	capacity  = 10_000 // addresses in one set
	lockTries = 8      // against writers in other processes
)

// A writer changes one IP set. AWS takes a set as a whole, under a token that dies with the next write by anybody; so within a process one goes
// at a time, and takes along what has queued up meanwhile. That also keeps a storm of blocks below the few calls a second that WAF allows.
type writer struct {
	set  setRef
	turn chan struct{} // held by the one who writes

	mu    sync.Mutex
	queue []*change
}

// A change is one address to be added or removed. done and err belong to whoever has the turn, left to whoever holds the writer's mutex.
type change struct {
	prefix netip.Prefix
	add    bool
	done   bool
	err    error
	left   bool // its owner waits no more
}

func newWriter(set setRef) *writer { return &writer{set: set, turn: make(chan struct{}, 1)} }

// write returns when the change is made, or cannot be.
func (w *writer) write(ctx context.Context, api API, p netip.Prefix, add bool) error {
	c := &change{prefix: p, add: add}
	w.mu.Lock()
	w.queue = append(w.queue, c)
	w.mu.Unlock()
	select {
	case w.turn <- struct{}{}:
		defer func() { <-w.turn }()
	case <-ctx.Done():
		w.leave(c)
		return fmt.Errorf("waiting for other writers: %w", ctx.Err())
	}
	if c.done {
		return c.err
	}
	w.mu.Lock()
	batch := w.queue
	w.queue = nil
	w.mu.Unlock()
	if err := w.commit(ctx, api, batch); err != nil {
		w.mu.Lock() // the others have contexts of their own, and try for themselves
		w.queue = append(slices.DeleteFunc(batch, func(o *change) bool { return o == c || o.left }), w.queue...)
		w.mu.Unlock()
		return err
	}
	for _, o := range batch {
		o.done = true
	}
	return c.err
}

// leave takes a change out of the queue. If somebody is at it already, it may yet be made: its owner has to read to know.
func (w *writer) leave(c *change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c.left = true
	w.queue = slices.DeleteFunc(w.queue, func(o *change) bool { return o == c })
}

// commit reads the set, merges the changes in, and writes it, again when somebody else came between.
func (w *writer) commit(ctx context.Context, api API, batch []*change) error {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval = 50 * time.Millisecond
	b.MaxInterval = 2 * time.Second
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		err := w.update(ctx, api, batch)
		if err != nil && cloud.Code(err) != "WAFOptimisticLockException" {
			return struct{}{}, backoff.Permanent(err)
		}
		return struct{}{}, err
	}, backoff.WithBackOff(b), backoff.WithMaxTries(lockTries), backoff.WithMaxElapsedTime(0))
	return err
}

func (w *writer) update(ctx context.Context, api API, batch []*change) error {
	out, err := get(ctx, api, w.set)
	if err != nil {
		return err
	}
	addresses := merge(out.IPSet.Addresses, batch)
	if slices.Equal(addresses, out.IPSet.Addresses) {
		return nil
	}
	_, err = api.UpdateIPSet(ctx, &wafv2.UpdateIPSetInput{
		Name: &w.set.Name, Id: &w.set.ID, Scope: types.Scope(w.set.Scope), LockToken: out.LockToken,
		Addresses: addresses, Description: out.IPSet.Description, // which would be lost
	})
	return cloud.Classify(err)
}

// merge returns the addresses with the changes made; entries that no change names stay as they are spelt. Removals come first, to make
// room; a change for which there is none gets an error of its own, and does not hold up the others.
func merge(addresses []string, batch []*change) []string {
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
		case len(merged) >= capacity:
			c.err = fault.Permanent(fmt.Errorf("full: AWS WAF allows %d addresses in a set", capacity))
		default:
			merged, present[c.prefix] = append(merged, c.prefix.String()), true
		}
	}
	return merged
}
