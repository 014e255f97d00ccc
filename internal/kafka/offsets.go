package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
)

// Offsets are some by topic and partition.
type Offsets map[string]map[int]int64

// Ends returns where topics end: the offset after the last message of each partition.
func (c *Client) Ends(ctx context.Context, topics ...string) (Offsets, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	all, err := c.partitions(ctx, topics)
	if err != nil {
		return nil, err
	}
	out := Offsets{}
	for topic, numbers := range all {
		out[topic] = map[int]int64{}
		for _, p := range numbers {
			if _, out[topic][p], err = c.bounds(ctx, topicPartition{topic, p}); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// Committed returns what a group has committed, the offset to go on from in each partition of topics; -1 or nothing where it has nothing.
func (c *Client) Committed(ctx context.Context, group string, topics ...string) (Offsets, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	all, err := c.partitions(ctx, topics)
	if err != nil {
		return nil, err
	}
	out := Offsets{}
	for topic, numbers := range all {
		if out[topic], err = c.committed(ctx, group, topic, numbers); err != nil {
			return nil, fmt.Errorf("offsets of group %s: %w", group, err)
		}
	}
	return out, nil
}

// Reached tells whether a group has committed everything before some offsets.
func (c *Client) Reached(ctx context.Context, group string, ends Offsets) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	for topic, byPartition := range ends {
		var numbers []int
		for p := range byPartition {
			numbers = append(numbers, p)
		}
		committed, err := c.committed(ctx, group, topic, numbers)
		if err != nil {
			return false, fmt.Errorf("offsets of group %s: %w", group, err)
		}
		for p, end := range byPartition {
			if end == 0 || committed[p] >= end {
				continue
			}
			if first, _, err := c.bounds(ctx, topicPartition{topic, p}); err != nil || first < end {
				return false, err
			} // else: retention has removed all of it
		}
	}
	return true, nil
}

// OffsetAt returns the offset of the first message of a partition that has a time or a later one, and where there is none, the end.
func (c *Client) OffsetAt(ctx context.Context, topic string, partition int, at time.Time) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	tp := topicPartition{topic, partition}
	at = time.UnixMilli(max(0, at.UnixMilli())) // what is negative means something else to a broker
	res, err := c.api.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{topic: {kafka.TimeOffsetOf(partition, at)}}})
	if err != nil {
		return 0, fmt.Errorf("offset of %s at %s: %w", tp, at, err)
	}
	for _, p := range res.Topics[topic] {
		if p.Error != nil {
			return 0, fmt.Errorf("offset of %s at %s: %w", tp, at, p.Error)
		}
		for offset := range p.Offsets {
			if offset >= 0 {
				return offset, nil
			}
		}
	}
	_, end, err := c.bounds(ctx, tp)
	return end, err
}

// TimeOf returns the time of the message at an offset. ok is false if there is none.
func (c *Client) TimeOf(ctx context.Context, topic string, partition int, offset int64) (at time.Time, ok bool, err error) {
	if offset < 0 {
		return at, false, nil
	}
	messages, _, err := c.fetch(ctx, topicPartition{topic, partition}, offset, leastFetch)
	if errors.Is(err, kafka.OffsetOutOfRange) {
		return at, false, nil
	}
	if err != nil || len(messages) == 0 {
		return at, false, err
	}
	return messages[0].Time, true, nil
}
