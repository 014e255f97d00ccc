package kafka

import (
	"context"
	"fmt"

	"github.com/segmentio/kafka-go"

	"github.com/riposte-security/riposte/internal/fault"
)

// A share is what a call has for one partition.
type share struct {
	leader int // the id of its broker, as far as is known
	items  []item
}

// nobody leads a partition, at this moment.
const nobody = -1

// topicShape is what partitions a topic has.
type topicShape struct {
	numbers []int // of its partitions: 0, 1, 2, ...
	leaders []int // the id of the broker that leads each of them
}

// shape returns what partitions a topic has, waiting for one that does not exist yet.
func (w *Writer) shape(ctx context.Context, topic string) (topicShape, error) {
	who := "write " + topic
	var of topicShape
	err := fault.Retry(ctx, func(err error) { w.c.health.failed(who, err) }, func() error {
		req, cancel := context.WithTimeout(ctx, requestTimeout)
		defer cancel()
		m, err := w.c.api.Metadata(req, &kafka.MetadataRequest{Topics: []string{topic}})
		if err == nil {
			err = m.Topics[0].Error
		}
		if err == nil && len(m.Topics[0].Partitions) == 0 {
			err = errNotReady
		}
		if err != nil {
			w.c.refresh()
			return err
		}
		of = topicShape{make([]int, len(m.Topics[0].Partitions)), make([]int, len(m.Topics[0].Partitions))}
		for i, p := range m.Topics[0].Partitions {
			of.numbers[i] = i
			if p.ID < 0 || p.ID >= len(of.leaders) {
				continue
			}
			if of.leaders[p.ID] = p.Leader.ID; p.Leader.Host == "" {
				of.leaders[p.ID] = nobody
			}
		}
		return nil
	})
	w.c.health.settle(who, err)
	if err != nil {
		return topicShape{}, fmt.Errorf("publish to %s: %w", topic, err)
	}
	return of, nil
}
