//go:build integration

package rawloop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"

	ours "github.com/riposte-security/riposte/internal/kafka"
)

// Write writes messages to a topic by kafka-go's Writer, over and over, and tells how many it wrote in a second. A topic that was just made is waited for.
func Write(ctx context.Context, broker, topic string, rounds int, messages []ours.Message) (perSecond float64, err error) {
	all := make([]kafka.Message, len(messages))
	for i, m := range messages {
		all[i] = kafka.Message{Key: m.Key, Value: m.Value}
		for _, h := range m.Headers {
			all[i].Headers = append(all[i].Headers, kafka.Header{Key: h.Key, Value: h.Value})
		}
	}
	w := &kafka.Writer{
		Addr: kafka.TCP(broker), Topic: topic, Balancer: kafka.Murmur2Balancer{}, RequiredAcks: kafka.RequireAll, Compression: kafka.Snappy,
		BatchTimeout: 5 * time.Millisecond, BatchSize: 1000, BatchBytes: ours.MaxMessage,
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	for err = w.WriteMessages(ctx, all[0]); err != nil && ctx.Err() == nil; err = w.WriteMessages(ctx, all[0]) {
		if !errors.Is(err, kafka.UnknownTopicOrPartition) {
			return 0, fmt.Errorf("write: %w", err)
		}
	}
	began := time.Now()
	for range rounds {
		if err := w.WriteMessages(ctx, slices.Clone(all)...); err != nil {
			return 0, fmt.Errorf("write: %w", err)
		}
	}
	return float64(rounds*len(all)) / time.Since(began).Seconds(), nil
}
