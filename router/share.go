package router

import (
	"context"
	"time"

	"github.com/riposte-security/riposte/internal/kafka"
)

const (
	againFor = 2 * time.Hour    // of what a predecessor has dealt with, how much is published again
	keepFor  = 30 * time.Second // how long a partition is remembered that may come back
	markGap  = 30 * time.Second
	// sealSlack is how far what was applied may be ahead of what was decided before offsets are held back: a successor must find all that waits.
	sealSlack = 2 * time.Minute
)

// A mark is an offset and when its message arrived.
type mark struct {
	offset int64
	at     time.Time
}

// mark notes a message as one that offsets may be held back at.
func (s *share) mark(m *kafka.Message) {
	if n := len(s.marks); n == 0 || m.Time.Sub(s.marks[n-1].at) >= markGap {
		s.marks = append(s.marks, mark{m.Offset, m.Time})
	}
}

// from is kafka.Group.From. A partition that was ours a moment ago goes on where it was. Of any other, what correlations look back at is read
// again, from the last message that was dealt with: not from now, as the service may have been away.
func (c *correlator) from(ctx context.Context, topic string, partition int, next int64) (int64, error) {
	s := c.share(partition)
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.released.IsZero() {
		s.released = time.Time{}
		s.known = max(s.known, next)
		s.quiet = time.Time{}
		return s.next, nil
	}
	last, ok, err := c.r.kafka.TimeOf(ctx, topic, partition, next-1)
	if err != nil {
		return 0, err
	}
	s.next, s.known = next, next
	if !ok {
		return next, nil // nothing, or nothing any more, lies before it
	}
	from, err := c.r.kafka.OffsetAt(ctx, topic, partition, last.Add(-c.specs.horizon))
	if err != nil {
		return 0, err
	}
	s.next, s.quiet = min(from, next), last.Add(-againFor)
	return s.next, nil
}

// released is kafka.Group.Released. What is known is kept for a while, since most rebalances give a member what it had.
func (c *correlator) released(topic string, partition int) {
	c.r.sheds.drop(topic, partition)
	s := c.share(partition)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.released, s.goal = c.r.now(), nil
}

// forget drops partitions that did not come back.
func (c *correlator) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	groups := 0
	for p, s := range c.shares {
		s.mu.Lock()
		if !s.released.IsZero() && c.r.now().Sub(s.released) > keepFor {
			s.state.Close()
			delete(c.shares, p)
		} else {
			groups += s.state.Groups()
		}
		s.mu.Unlock()
	}
	c.r.metrics.groups.Set(float64(groups))
	c.r.metrics.memory.Set(float64(c.budget.Used()))
}

// held is kafka.Group.Hold: offsets pass neither what has been shed and is not said yet, nor, where something waits for its lateness, what is far
// ahead of what has been decided.
func (c *correlator) held(topic string, partition int) (int64, bool) {
	at, held := c.r.sheds.held(topic, partition)
	if !c.specs.sealed {
		return at, held
	}
	s := c.share(partition)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, waits := s.state.Waiting(); !waits {
		return at, held
	}
	for i, m := range s.marks {
		if m.at.After(s.sealed.Add(sealSlack)) {
			s.marks = s.marks[i:]
			if !held || m.offset < at {
				return m.offset, true
			}
			return at, held
		}
	}
	s.marks = nil
	return at, held
}
