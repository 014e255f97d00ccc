package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/riposte-security/riposte/internal/fault"
)

// Tail hands every message of a topic to fn, as it comes, without being in a group: from the first one on, or with fromEnd only what comes
// after the call. Messages of one partition come in order; fn is called from one goroutine at a time. It goes on until ctx ends (nil then)
// or fn returns an error, which is handed back.
func (c *Client) Tail(ctx context.Context, topic string, fromEnd bool, fn func(context.Context, Message) error) error {
	err := c.scan(ctx, topic, same(func(first, end int64) (int64, int64) {
		if fromEnd {
			return end, -1
		}
		return first, -1
	}), nil, fn)
	return ended(ctx, err)
}

// Follow is Tail from the first message on. caughtUp is called once, when every message that was there at the time of the call has been handed
// over; never while fn is.
func (c *Client) Follow(ctx context.Context, topic string, caughtUp func(), fn func(context.Context, Message) error) error {
	return ended(ctx, c.scan(ctx, topic, same(func(first, _ int64) (int64, int64) { return first, -1 }), caughtUp, fn))
}

// ended is the error of what goes on until ctx ends: none, when it did.
func ended(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// ReadAll hands every message that is in a topic at the time of the call to fn, as Tail does, and returns. If ctx ends before, that is an
// error.
func (c *Client) ReadAll(ctx context.Context, topic string, fn func(context.Context, Message) error) error {
	return c.scan(ctx, topic, same(func(first, end int64) (int64, int64) { return first, end }), nil, fn)
}

// ReadSince is ReadAll for the messages that came into the topic at a time or after it.
func (c *Client) ReadSince(ctx context.Context, topic string, since time.Time, fn func(context.Context, Message) error) error {
	return c.scan(ctx, topic, func(ctx context.Context, tp topicPartition) (limits, error) {
		from, err := c.offsetAt(ctx, tp, since)
		if err != nil {
			return nil, err
		}
		return func(first, end int64) (int64, int64) {
			if from < 0 { // nothing has come since
				return end, end
			}
			return max(first, from), end
		}, nil
	}, nil, fn)
}

// limits makes of the bounds of a partition those of what is to be read; an end of -1 is none.
type limits func(first, end int64) (int64, int64)

// same is for what has the same limits in each partition.
func same(l limits) func(context.Context, topicPartition) (limits, error) {
	return func(context.Context, topicPartition) (limits, error) { return l, nil }
}

// scan reads every partition of a topic within its limits. caughtUp, which may be nil, is called when all that lay within the first bounds has been
// handed over.
func (c *Client) scan(
	ctx context.Context, topic string, of func(context.Context, topicPartition) (limits, error), caughtUp func(),
	fn func(context.Context, Message) error,
) error {
	numbers, err := c.numbers(ctx, topic)
	if err != nil {
		return fmt.Errorf("read %s: %w", topic, err)
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
		if behind--; behind == 0 && caughtUp != nil {
			caughtUp()
		}
	}
	for _, n := range numbers {
		readers.Go(func() {
			if err := c.scanPartition(ctx, topicPartition{topic, n}, of, reached, &one, fn); err != nil {
				cancel(err)
			}
		})
	}
	readers.Wait()
	return context.Cause(ctx)
}

func (c *Client) numbers(ctx context.Context, topic string) ([]int, error) {
	var numbers []int
	who := "find " + topic
	err := fault.Retry(ctx, func(err error) { c.health.failed(who, err) }, func() error {
		m, err := c.fresh(ctx)
		if err != nil {
			return err
		}
		if err := ready(m, []string{topic}); err != nil {
			return err
		}
		numbers = partitionsOf(m, topic)
		return nil
	})
	c.health.settle(who, err)
	return numbers, err
}

func (c *Client) scanPartition(
	ctx context.Context, tp topicPartition, of func(context.Context, topicPartition) (limits, error), reached func(), one *sync.Mutex,
	fn func(context.Context, Message) error,
) error {
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
				if within, err = of(ctx, tp); err == nil {
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
			return err
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
				err = fn(ctx, m)
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

// Lag returns how many messages a group has still to handle, by topic and partition: the end of each less the committed offset. A group
// that does not exist has to handle everything.
func (c *Client) Lag(ctx context.Context, group string, topics ...string) (map[string]map[int]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	all, err := c.partitions(ctx, topics)
	if err != nil {
		return nil, err
	}
	lag := map[string]map[int]int64{}
	for topic, numbers := range all {
		committed, err := c.committed(ctx, group, topic, numbers)
		if err != nil {
			return nil, fmt.Errorf("offsets of group %s: %w", group, err)
		}
		lag[topic] = map[int]int64{}
		for _, p := range numbers {
			first, end, err := c.bounds(ctx, topicPartition{topic, p})
			if err != nil {
				return nil, err
			}
			lag[topic][p] = end - max(first, committed[p])
		}
	}
	return lag, nil
}

// committed returns the committed offsets of a group; where there is none, nothing or -1.
func (c *Client) committed(ctx context.Context, group, topic string, partitions []int) (map[int]int64, error) {
	res, err := c.api.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: group, Topics: map[string][]int{topic: partitions}})
	if err == nil {
		err = res.Error
	}
	if errors.Is(err, kafka.GroupIdNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	offsets := map[int]int64{}
	for _, p := range res.Topics[topic] {
		if p.Error != nil {
			return nil, fmt.Errorf("partition %d: %w", p.Partition, p.Error)
		}
		offsets[p.Partition] = p.CommittedOffset
	}
	return offsets, nil
}

// partitions returns the numbers of the partitions of topics, all of which must be there.
func (c *Client) partitions(ctx context.Context, topics []string) (map[string][]int, error) {
	m, err := c.fresh(ctx)
	if err == nil {
		err = ready(m, topics)
	}
	if err != nil {
		return nil, err
	}
	all := map[string][]int{}
	for _, topic := range topics {
		all[topic] = partitionsOf(m, topic)
	}
	return all, nil
}

// partitionsOf returns the numbers of a topic's partitions.
func partitionsOf(m *kafka.MetadataResponse, topic string) []int {
	var numbers []int
	for _, t := range m.Topics {
		for _, p := range t.Partitions {
			if t.Name == topic {
				numbers = append(numbers, p.ID)
			}
		}
	}
	return numbers
}

// DropOffsets forgets what a group has committed: it begins at the first message again. The group must have no members.
func (c *Client) DropOffsets(ctx context.Context, group string) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	res, err := c.api.DeleteGroups(ctx, &kafka.DeleteGroupsRequest{GroupIDs: []string{group}})
	if err == nil {
		err = res.Errors[group]
	}
	if err != nil {
		return fmt.Errorf("offsets of group %s: %w", group, err)
	}
	return nil
}
