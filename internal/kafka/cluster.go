package kafka

import (
	"context"
	"fmt"

	"github.com/segmentio/kafka-go"

	"github.com/riposte-security/riposte/internal/fault"
)

// ClusterID is what the cluster calls itself, the same for as long as it exists; empty where brokers do not say. It waits until a broker
// answers, or ctx ends.
func (c *Client) ClusterID(ctx context.Context) (id string, err error) {
	const who = "cluster id"
	err = fault.Retry(ctx, func(err error) { c.health.failed(who, err) }, func() error {
		m, err := c.fresh(ctx)
		if err == nil {
			id = m.ClusterID
		}
		return err
	})
	c.health.settle(who, err)
	if err != nil {
		return "", fmt.Errorf("kafka: cluster id: %w", err)
	}
	return id, nil
}

// UnderReplicated counts the partitions that have fewer replicas in sync than replicas: with none, each broker may go away.
func (c *Client) UnderReplicated(ctx context.Context) (int, error) {
	m, err := c.fresh(ctx)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, t := range m.Topics {
		for _, p := range t.Partitions {
			if len(p.Isr) < len(p.Replicas) {
				n++
			}
		}
	}
	return n, nil
}

// Coordinator returns the node id of the broker that coordinates a group.
func (c *Client) Coordinator(ctx context.Context, group string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	res, err := c.api.FindCoordinator(ctx, &kafka.FindCoordinatorRequest{Key: group, KeyType: kafka.CoordinatorKeyTypeConsumer})
	if err == nil {
		err = res.Error
	}
	if err != nil {
		return 0, fmt.Errorf("coordinator of group %s: %w", group, err)
	}
	return res.Coordinator.NodeID, nil
}
