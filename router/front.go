package router

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/riposte-security/riposte/internal/kafka"
)

// frontEvery is how often the clock of correlations goes on that wait for their lateness.
const frontEvery = time.Second

// A front is a time and where topics ended then. When everything before these ends has been dealt with, everything that arrived before that time
// has been, however far a router lags behind: a heartbeat that waits in Kafka is not one that is missing.
type front struct {
	at   time.Time
	ends kafka.Offsets
}

// keep forgets what is over, and lets time pass, until ctx ends.
func (c *correlator) keep(ctx context.Context) {
	tick := time.NewTicker(frontEvery)
	defer tick.Stop()
	said := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		c.forget()
		if !c.specs.sealed {
			continue
		}
		err := errors.Join(c.advance(ctx), c.seal(ctx))
		switch {
		case err == nil:
			said = false
		case ctx.Err() == nil && !said:
			said = true
			c.r.log.Warn().Err(err).Msg("correlations that wait for their lateness wait longer; trying again")
		}
	}
}

// advance moves the front: first past what the router has to contribute, then past what is to be read of that.
func (c *correlator) advance(ctx context.Context) error {
	if c.front == nil {
		f := &front{at: c.clock.now(c.r.now(), time.UnixMilli(c.r.appended.Load()))}
		var err error
		if f.ends, err = c.r.kafka.Ends(ctx, c.r.topics.Events, c.r.topics.Outcomes); err != nil {
			return err
		}
		c.front = f
	}
	reached, err := c.r.kafka.Reached(ctx, c.r.cfg.Group, c.front.ends)
	if err != nil || !reached {
		return err
	}
	ends, err := c.r.kafka.Ends(ctx, c.r.topics.Correlate)
	if err != nil {
		return err
	}
	c.passed, c.front = &front{at: c.front.at, ends: ends}, nil
	return nil
}

// seal decides what is due in partitions that have read as far as the front.
func (c *correlator) seal(ctx context.Context) error {
	c.mu.Lock()
	shares := maps.Clone(c.shares)
	c.mu.Unlock()
	var errs []error
	for p, s := range shares {
		errs = append(errs, c.sealShare(ctx, p, s))
	}
	return errors.Join(errs...)
}

func (c *correlator) sealShare(ctx context.Context, partition int, s *share) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.released.IsZero() {
		return nil
	}
	if s.goal == nil {
		s.goal = c.passed
	}
	if s.goal == nil || s.next < s.goal.ends[c.r.topics.Correlate][partition] {
		return nil
	}
	m := &kafka.Message{Topic: c.r.topics.Correlate, Partition: partition, Offset: s.next - 1, Time: s.goal.at}
	s.sealed, s.goal = s.goal.at, nil
	if err := c.fire(ctx, s, m, s.state.Seal(s.sealed)); err != nil {
		return err
	}
	return c.settle(ctx, s)
}
