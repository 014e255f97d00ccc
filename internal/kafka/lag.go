package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/segmentio/kafka-go"
)

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
