package kafka

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/riposte-security/riposte/internal/fault"
)

// Forever is the retention of a topic that forgets nothing.
const Forever = time.Duration(1<<63 - 1)

// Retention asks the cluster how long it keeps the messages of topics that exist: the longest of them. It tries until it has an answer or ctx
// ends. Zero says that this client may not ask.
func (c *Client) Retention(ctx context.Context, topics ...string) (longest time.Duration, err error) {
	const who = "retention of topics"
	err = fault.Retry(ctx, func(err error) { c.health.failed(who, err) }, func() (err error) {
		longest, err = c.retention(ctx, topics)
		if Refused(err) {
			c.log.Warn().Err(err).Msg("Kafka does not tell how long it keeps commands; taken to be as long as for topics made here")
			longest, err = 0, nil
		}
		return err
	})
	c.health.settle(who, err)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", who, err)
	}
	return longest, nil
}

func (c *Client) retention(ctx context.Context, topics []string) (longest time.Duration, err error) {
	const key = "retention.ms"
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	req := &kafka.DescribeConfigsRequest{}
	for _, t := range topics {
		req.Resources = append(req.Resources, kafka.DescribeConfigRequestResource{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: t, ConfigNames: []string{key},
		})
	}
	res, err := c.api.DescribeConfigs(ctx, req)
	if err != nil {
		return 0, err
	}
	for _, r := range res.Resources {
		if r.Error != nil {
			return 0, fmt.Errorf("topic %s: %w", r.ResourceName, r.Error)
		}
		for _, e := range r.ConfigEntries {
			if e.ConfigName != key {
				continue
			}
			ms, err := strconv.ParseInt(e.ConfigValue, 10, 64)
			switch {
			case err != nil:
				return 0, fmt.Errorf("topic %s: %s: %w", r.ResourceName, key, err)
			case ms < 0 || ms > Forever.Milliseconds():
				return Forever, nil
			}
			longest = max(longest, time.Duration(ms)*time.Millisecond)
		}
	}
	return longest, nil
}
