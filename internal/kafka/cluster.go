package kafka

import (
	"context"
	"fmt"

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
