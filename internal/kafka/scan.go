package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/segmentio/kafka-go"

	"github.com/riposte-security/riposte/internal/fault"
)

// limits makes of the bounds of a partition those of what is to be read; an end of -1 is none.
type limits func(first, end int64) (int64, int64)

// same is for what has the same limits in each partition.
func same(l limits) func(context.Context, topicPartition) (limits, error) {
	return func(context.Context, topicPartition) (limits, error) { return l, nil }
}

// A scanning is what scan reads: every partition of a topic within its limits.
type scanning struct {
	topic    string
	of       func(context.Context, topicPartition) (limits, error)
	caughtUp func() // called when all that lay within the first bounds has been handed over; may be nil
	fn       func(context.Context, Message) error
	once     bool // somebody waits for the end: what the cluster refuses, or does not have, is an error and not waited for
}

func (c *Client) scan(ctx context.Context, r scanning) error {
	numbers, err := c.numbers(ctx, r)
	if err != nil {
		return fmt.Errorf("read %s: %w", r.topic, err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var (
		readers sync.WaitGroup
		one     sync.Mutex
		behind  = len(numbers) // partitions that have not caught up
	)
	reached := func() {
		one.Lock()
		defer one.Unlock()
		if behind--; behind == 0 && r.caughtUp != nil {
			r.caughtUp()
		}
	}
	for _, n := range numbers {
		readers.Go(func() {
			if err := c.scanPartition(ctx, topicPartition{r.topic, n}, r, reached, &one); err != nil {
				cancel(err)
			}
		})
	}
	readers.Wait()
	return context.Cause(ctx)
}

func (c *Client) numbers(ctx context.Context, r scanning) ([]int, error) {
	var numbers []int
	who := "find " + r.topic
	err := fault.Retry(ctx, func(err error) { c.health.failed(who, err) }, func() error {
		m, err := c.fresh(ctx)
		if err != nil {
			return err
		}
		if r.once && !slices.ContainsFunc(m.Topics, func(t kafka.Topic) bool { return t.Name == r.topic }) {
			return fault.Permanent(errNoTopic)
		}
		if err := ready(m, []string{r.topic}); err != nil {
			return r.refused(err)
		}
		numbers = partitionsOf(m, r.topic)
		return nil
	})
	c.health.settle(who, err)
	return numbers, err
}

const errNoTopic = kafkaError("no such topic, or not one that this user may see (riposte kafka acls)")

// refused makes an error permanent that will be the same the next time, where somebody waits for the end.
func (r *scanning) refused(err error) error {
	if r.once && Refused(err) {
		return fault.Permanent(err)
	}
	return err
}

func (c *Client) scanPartition(ctx context.Context, tp topicPartition, r scanning, reached func(), one *sync.Mutex) error {
	who := "read " + tp.String()
	defer c.health.gone(who)
	offset, end := int64(-1), int64(-1)
	there := int64(-1) // the end when the reading began
	for end < 0 || offset < end {
		var messages []Message
		var next int64
		err := fault.Retry(ctx, func(err error) { c.health.failed(who, err) }, func() error {
			var err error
			if offset < 0 {
				var first, last int64
				var within limits
				if within, err = r.of(ctx, tp); err == nil {
					first, last, err = c.bounds(ctx, tp)
				}
				if err == nil {
					offset, end = within(first, last)
					if there < 0 {
						there = last
					}
				}
			}
			if err == nil && reached != nil && offset >= there {
				reached()
				reached = nil
			}
			if err == nil && (end < 0 || offset < end) {
				messages, next, err = c.fetch(ctx, tp, offset, fetchBytes)
			}
			if errors.Is(err, kafka.OffsetOutOfRange) { // retention was faster; what is gone is gone for everybody
				offset = -1
			}
			if err != nil && ctx.Err() == nil {
				c.refresh()
			}
			return r.refused(err)
		})
		if err != nil {
			return err
		}
		c.health.ok(who)
		for _, m := range messages {
			if end >= 0 && m.Offset >= end {
				return nil
			}
			one.Lock()
			err := ctx.Err()
			if err == nil {
				err = r.fn(ctx, m)
			}
			one.Unlock()
			if err != nil {
				return err
			}
		}
		offset = max(offset, next)
	}
	return nil
}
