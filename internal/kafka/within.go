package kafka

import "context"

// ReadWithin hands every message of a topic that lies in a range of its partition to fn, as Tail does, and returns. of gives the range of a partition, within the
// offsets of the first message there and of the next one to come; from and to are like them.
func (c *Client) ReadWithin(
	ctx context.Context, topic string, of func(partition int, first, end int64) (from, to int64), fn func(context.Context, Message) error,
) error {
	return c.scan(ctx, scanning{topic: topic, fn: fn, once: true, of: func(_ context.Context, tp topicPartition) (limits, error) {
		return func(first, end int64) (int64, int64) {
			from, to := of(tp.partition, first, end)
			return max(first, from), min(end, to)
		}, nil
	}})
}
