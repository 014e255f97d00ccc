package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/fetch"
)

const (
	// fetchBytes is what a broker hands over at most in one answer, a larger first batch apart; leastFetch is what is asked for where a single message is wanted.
	fetchBytes = 1 << 20
	leastFetch = 32 << 10
	// pageBytes is about what is decompressed at a time: the messages of an answer may become ten times as many bytes, and a partition has several pages in memory.
	pageBytes = 2 << 20
	// fetchWait is how long a broker waits for something to hand over.
	fetchWait = 500 * time.Millisecond
)

// fetch reads from offset on, waiting a moment if there is nothing. An offset that is not there any more, or not yet, is
// kafka.OffsetOutOfRange. It stays below kafka-go's Reader, which jumps to another offset by itself, without a word.
func (c *Client) fetch(ctx context.Context, tp topicPartition, offset int64, most int) (messages []Message, next int64, err error) {
	x, err := c.ask(ctx, nil, tp, offset, most)
	if err != nil {
		return nil, offset, err
	}
	for next = offset; ; {
		p, more, err := c.page(x, tp, next)
		if err != nil && len(messages) == 0 {
			return nil, offset, err
		}
		if err != nil {
			return messages, next, nil //nolint:nilerr // it comes again, and as the first thing
		}
		for _, g := range p.gaps {
			g.say(c.log)
		}
		messages, next = append(messages, owned(p.messages)...), p.next
		c.release(p)
		if !more {
			return messages, next, nil
		}
	}
}

// ask fetches up to so many bytes from offset on, as the broker has them, into the memory of an earlier answer, which may be nil.
func (c *Client) ask(ctx context.Context, old *exchange, tp topicPartition, offset int64, most int) (*exchange, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchWait+requestTimeout)
	defer cancel()
	x := &exchange{clientID: c.cfg.ClientID, from: offset, Request: &fetch.Request{
		ReplicaID: -1, MaxWaitTime: int32(fetchWait / time.Millisecond), MinBytes: 1, MaxBytes: int32(most), SessionID: -1, SessionEpoch: -1, //nolint:gosec // at most fetchBytes
		Topics: []fetch.RequestTopic{{Topic: tp.topic, Partitions: []fetch.RequestPartition{{
			Partition: int32(tp.partition), CurrentLeaderEpoch: -1, FetchOffset: offset, LogStartOffset: -1, PartitionMaxBytes: int32(most), //nolint:gosec // the same
		}}}},
	}}
	if old != nil {
		x.answer, old.answer = old.answer, nil
	}
	_, err := c.transport.RoundTrip(ctx, c.api.Addr, x) // after a failure, the connection may still write to it: it is looked at no more
	if err == nil {
		err = x.read()
	}
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", tp, err)
	}
	return x, nil
}

// page makes the next page of an answer. It is released by whoever gets it; more tells that there are others behind it.
func (c *Client) page(x *exchange, tp topicPartition, next int64) (p page, more bool, err error) {
	p = page{memory: c.memory(), next: next}
	some := len(x.records) > 0
	if x.records, err = p.records(tp, x.records); err == nil && some && p.next == next && len(x.records) == 0 {
		err = errCut // there is no whole batch in it
	}
	if err != nil {
		c.release(p)
		return page{}, false, fmt.Errorf("read %s: %w", tp, err)
	}
	return p, len(x.records) > 0, nil
}

// bounds returns the first offset of a partition and the one after its last.
func (c *Client) bounds(ctx context.Context, tp topicPartition) (first, end int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	res, err := c.api.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{
		tp.topic: {kafka.FirstOffsetOf(tp.partition), kafka.LastOffsetOf(tp.partition)},
	}})
	if err != nil {
		return 0, 0, err
	}
	for _, p := range res.Topics[tp.topic] {
		if p.Partition == tp.partition && p.Error != nil {
			return 0, 0, fmt.Errorf("offsets of %s: %w", tp, p.Error)
		}
		if p.Partition == tp.partition {
			return p.FirstOffset, p.LastOffset, nil
		}
	}
	return 0, 0, fmt.Errorf("offsets of %s: %w", tp, protocol.ErrNoPartition)
}

// offsetAt returns the offset of the first message of a partition that came in at a time or after it; -1 if there is none.
func (c *Client) offsetAt(ctx context.Context, tp topicPartition, at time.Time) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	res, err := c.api.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{
		tp.topic: {kafka.TimeOffsetOf(tp.partition, at)},
	}})
	if err != nil {
		return 0, err
	}
	for _, p := range res.Topics[tp.topic] {
		if p.Partition != tp.partition {
			continue
		}
		if p.Error != nil {
			return 0, fmt.Errorf("offsets of %s: %w", tp, p.Error)
		}
		for offset := range p.Offsets {
			return offset, nil
		}
		return -1, nil
	}
	return 0, fmt.Errorf("offsets of %s: %w", tp, protocol.ErrNoPartition)
}
