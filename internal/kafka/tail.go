package kafka

import (
	"context"
	"errors"
	"time"
)

// Tail hands every message of a topic to fn, as it comes, without being in a group: from the first one on, or with fromEnd only what comes
// after the call. Messages of one partition come in order; fn is called from one goroutine at a time. It goes on until ctx ends (nil then)
// or fn returns an error, which is handed back.
func (c *Client) Tail(ctx context.Context, topic string, fromEnd bool, fn func(context.Context, Message) error) error {
	return ended(ctx, c.scan(ctx, scanning{topic: topic, fn: fn, of: same(func(first, end int64) (int64, int64) {
		if fromEnd {
			return end, -1
		}
		return first, -1
	})}))
}

// Follow is Tail from the first message on. caughtUp is called once, when every message that was there at the time of the call has been handed
// over; never while fn is.
func (c *Client) Follow(ctx context.Context, topic string, caughtUp func(), fn func(context.Context, Message) error) error {
	return ended(ctx, c.scan(ctx, scanning{
		topic: topic, fn: fn, caughtUp: caughtUp, of: same(func(first, _ int64) (int64, int64) { return first, -1 }),
	}))
}

// ended is the error of what goes on until ctx ends: none, when it did.
func ended(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// ReadAll hands every message that is in a topic at the time of the call to fn, as Tail does, and returns. If ctx ends before, that is an
// error; so is a topic that the cluster does not have, or does not let this user read, which is permanent.
func (c *Client) ReadAll(ctx context.Context, topic string, fn func(context.Context, Message) error) error {
	return c.scan(ctx, scanning{topic: topic, fn: fn, once: true, of: same(func(first, end int64) (int64, int64) { return first, end })})
}

// ReadSince is ReadAll for the messages that came into the topic at a time or after it.
func (c *Client) ReadSince(ctx context.Context, topic string, since time.Time, fn func(context.Context, Message) error) error {
	return c.scan(ctx, scanning{topic: topic, fn: fn, once: true, of: func(ctx context.Context, tp topicPartition) (limits, error) {
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
	}})
}
