package producers

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Pauses before a producer that failed for good is tried once more: what is missing may have been put right meanwhile.
const (
	firstPause = 30 * time.Second
	lastPause  = 5 * time.Minute
)

// RunAll runs producers side by side until ctx ends, or all their sources are exhausted. One that fails permanently does not take the
// others along: it is tried again, minutes apart, as long as one of them runs. When none does any more, the error is that of all that failed.
func RunAll(ctx context.Context, all []Producer) error {
	s := &supervisor{left: make(chan struct{}), running: len(all), failed: make([]error, len(all))}
	var g sync.WaitGroup
	for i, p := range all {
		g.Go(func() { s.keep(ctx, i, p) })
	}
	g.Wait()
	if ctx.Err() != nil {
		return nil //nolint:nilerr // what had failed was logged when it did
	}
	return errors.Join(s.failed...)
}

type supervisor struct {
	left chan struct{} // closed when none runs any more

	mu      sync.Mutex
	running int
	failed  []error // by producer; nil while it runs, and if it came to its end
}

// keep runs one producer, again and again if it fails.
func (s *supervisor) keep(ctx context.Context, i int, p Producer) {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := Run(ctx, p)
		alone := s.stopped(i, err)
		if err == nil || ctx.Err() != nil || alone {
			return
		}
		p.Log.Error().Err(err).Str("producer", p.Name).Dur("again_in_ms", pause).Msg("the producer failed for good; the others go on")
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-s.left:
		case <-ctx.Done():
		}
		timer.Stop()
		if !s.started(i) || ctx.Err() != nil {
			return
		}
	}
}

// stopped notes that a producer has come to its end, or failed, and tells whether it was the last that ran.
func (s *supervisor) stopped(i int, err error) (last bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed[i] = err
	if s.running--; s.running > 0 {
		return false
	}
	close(s.left)
	return true
}

// started notes that a producer is tried again; false: there is nobody left that it could run beside.
func (s *supervisor) started(i int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == 0 {
		return false
	}
	s.running++
	s.failed[i] = nil
	return true
}
