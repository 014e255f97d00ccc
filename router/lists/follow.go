package lists

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/obs"
)

// A copied is what a source has.
type copied struct {
	io.ReadCloser
	at    time.Time // since when it holds, for the ttl
	again bool      // it comes from the disk: the source itself is asked at once
	// keep is called when the copy was good, before it is in force; it may be nil.
	keep func() error
}

// A poller is a source that is asked now and then.
type poller interface {
	// fetch returns what the source has; nil if it is what it was, and at is when that was confirmed.
	fetch(ctx context.Context) (c *copied, at time.Time, err error)
	// refused tells that what fetch gave was not good: the same is not worth reading again.
	refused()
	// changed tells of changes by itself, besides being asked; it may be nil.
	changed(ctx context.Context) <-chan struct{}
	// where the source is, for messages; without secrets.
	where() string
}

// A taker makes something of the copies of a source.
type taker interface {
	// take reads a copy and, if it is good, puts it in force. It calls keep, and closes nothing.
	take(c *copied) error
	// confirm notes that the source still has what is in force.
	confirm(at time.Time)
	// look is called after each try.
	look()
}

// A follower keeps a taker as its source is.
type follower struct {
	name    string
	refresh time.Duration
	metrics *metrics
	health  *obs.Condition

	tried     chan struct{} // closed when the first try is over
	triedOnce sync.Once
}

func newFollower(name string, refresh time.Duration, m *metrics, health *obs.Condition) *follower {
	return &follower{name: name, refresh: refresh, metrics: m, health: health, tried: make(chan struct{})}
}

// attempted notes that a first try is over, whatever came of it.
func (f *follower) attempted() { f.triedOnce.Do(func() { close(f.tried) }) }

// follow asks the source until ctx ends.
func (f *follower) follow(ctx context.Context, p poller, t taker) {
	changes := p.changed(ctx)
	timer := time.NewTimer(0)
	defer timer.Stop()
	failures := 0
	for {
		select {
		case <-ctx.Done():
			return
		case _, ok := <-changes:
			if !ok {
				changes = nil
			}
		case <-timer.C:
		}
		wait := f.refresh
		again, err := f.once(ctx, p, t)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, errSettling):
			timer.Reset(settle)
			continue
		case err != nil:
			failures++
			wait = max(f.retryAfter(failures), fault.Wait(err))
		case again:
			wait, failures = 0, 0
		default:
			failures = 0
		}
		t.look()
		f.attempted()
		timer.Reset(wait)
	}
}

// retryAfter is how long to wait after so many failures in a row: 5 s, doubled each time, up to the refresh interval.
func (f *follower) retryAfter(failures int) time.Duration {
	const first, doublings = 5 * time.Second, 10
	return min(first<<min(failures-1, doublings), f.refresh)
}

// once asks the source. An error is counted and, if it is the first in a row, logged.
func (f *follower) once(ctx context.Context, p poller, t taker) (again bool, err error) {
	c, at, err := p.fetch(ctx)
	if errors.Is(err, errSettling) || ctx.Err() != nil {
		if c != nil {
			err = errors.Join(err, c.Close())
		}
		return false, err
	}
	result := "unchanged"
	if err == nil && c == nil {
		t.confirm(at)
	}
	if c != nil {
		result = "changed"
		again = c.again
		if err = t.take(c); err != nil {
			p.refused()
		}
		err = errors.Join(err, c.Close())
	}
	if err != nil {
		f.failed(fmt.Errorf("%s: %w", p.where(), err))
		return false, err
	}
	f.succeeded(result)
	return again, nil
}

func (f *follower) failed(err error) {
	f.metrics.refreshes.WithLabelValues(f.name, "failed").Inc()
	f.health.Failed(err)
}

func (f *follower) succeeded(result string) {
	f.metrics.refreshes.WithLabelValues(f.name, result).Inc()
	f.health.OK()
}
