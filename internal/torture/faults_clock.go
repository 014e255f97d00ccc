package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/riposte-security/riposte/internal/checkpoint"
)

// faultsPerJump is how many other faults there are for each jump of the clock.
const faultsPerJump = 10

// clockKinds is what happens to the clock of a consumer, while those of the others go on as they were.
func clockKinds() []kind {
	const soon, late = 3 * time.Second, 12 * time.Second
	return []kind{
		{"put a consumer's clock forward, and right again", 1, soon, late, onClock(1)},
		{"put a consumer's clock back, and right again", 1, soon, late, onClock(-1)},
	}
}

// A clock is that of the one consumer that is built to have it set.
type clock struct {
	of, file string
	busy     sync.Mutex // held by the one fault that happens to it
}

// set sets it, by as much as it is then away from the right time.
func (c *clock) set(by time.Duration) error {
	if err := checkpoint.Replace(c.file, []byte(by.String())); err != nil { // who reads it has one or the other
		return fmt.Errorf("clock: %w", err)
	}
	return nil
}

// onClock puts the clock some seconds or up to a minute away: many leases, and less than what waits at the end of a run.
func onClock(sign time.Duration) func(context.Context, *world, fault) (string, error) {
	return func(ctx context.Context, w *world, f fault) (string, error) {
		w.clock.busy.Lock()
		defer w.clock.busy.Unlock()
		by := sign * time.Duration(2+f.pick%59) * time.Second
		on := fmt.Sprintf("%s, by %s", w.clock.of, by)
		if err := w.clock.set(by); err != nil {
			return on, err
		}
		pause(ctx, f.span)
		w.recorder.mu.Lock()
		w.recorder.mayRefuse += 2 // what waits is due to this clock, or by it to the others, once each time that it is set
		w.recorder.mu.Unlock()
		return on, w.clock.set(0)
	}
}
