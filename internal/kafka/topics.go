package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const (
	// batchOverhead is what a batch of one largest message may have on top of it: record and batch headers, compression of what does not
	// compress.
	batchOverhead = 64 << 10
	// CommandRetention is how long a topic that is made here keeps what must be found again: commands, outcomes, dead letters.
	CommandRetention = 30 * 24 * time.Hour
	// eventRetention is that of what can be had again from its source.
	eventRetention = 7 * 24 * time.Hour
	// correlateRetention lets a new owner of a group read again what the longest correlation looks back at: 30 days, and what is late.
	correlateRetention = 32 * 24 * time.Hour
)

// Topics are the names of riposte's topics.
type Topics struct {
	Events, Alert, Block, Remediate, Outcomes, DeadLetter, Correlate, Control string
}

func topicNames(prefix string) Topics {
	return Topics{
		Events: prefix + ".events", Alert: prefix + ".alert", Block: prefix + ".block", Remediate: prefix + ".remediate",
		Outcomes: prefix + ".outcomes", DeadLetter: prefix + ".deadletter", Correlate: prefix + ".correlate", Control: prefix + ".control",
	}
}

// Lane returns the topic of a lane, "" for a lane that does not exist.
func (t Topics) Lane(l schemas.Lane) string {
	switch l {
	case schemas.LaneAlert:
		return t.Alert
	case schemas.LaneBlock:
		return t.Block
	case schemas.LaneRemediate:
		return t.Remediate
	}
	return ""
}

// HasEvents tells whether it is events that a topic has: those of producers, or the outcomes of commands.
func (t Topics) HasEvents(topic string) bool { return topic == t.Events || topic == t.Outcomes }

// All lists every topic.
func (t Topics) All() []string {
	return []string{t.Events, t.Alert, t.Block, t.Remediate, t.Outcomes, t.DeadLetter, t.Correlate, t.Control}
}

// retention says how long a topic keeps its messages.
func (t Topics) retention(topic string) time.Duration {
	switch topic {
	case t.Events, t.Control:
		return eventRetention
	case t.Correlate:
		return correlateRetention
	}
	return CommandRetention
}

// EnsureTopics makes the topics that are missing, all of riposte's own and those named in extra: see MakeTopics.
func (c *Client) EnsureTopics(ctx context.Context, extra ...string) error {
	return c.MakeTopics(ctx, append(c.topics.All(), extra...)...)
}

// MakeTopics makes those of the topics that are missing, and waits until every one of them has a leader. It tries until that is so or ctx ends. Topics that
// exist are left as they are; a stage names those that it uses, since it may know of no others.
func (c *Client) MakeTopics(ctx context.Context, names ...string) error {
	names = slices.Compact(slices.Sorted(slices.Values(names))) // a broker refuses a request that names one twice
	for _, n := range names {
		if !ValidTopic(n) {
			return fault.Permanent(fmt.Errorf("topic %q: not a name for a topic", n))
		}
	}
	const who = "make topics"
	err := fault.Retry(ctx, func(err error) {
		// That a topic just made has no leader yet is no failure to speak of.
		if !errors.Is(err, errNotReady) {
			c.health.failed(who, err)
		}
	}, func() error { return c.ensure(ctx, names) })
	c.health.settle(who, err)
	if err != nil {
		return fmt.Errorf("make topics: %w", err)
	}
	c.refresh()
	return nil
}

// Refused tells whether the cluster has answered that it will not do what was asked for, and will say so again until somebody changes its
// settings or ours: rights, policies, names, numbers of replicas.
func Refused(err error) bool {
	for _, is := range []kafka.Error{
		kafka.TopicAuthorizationFailed, kafka.ClusterAuthorizationFailed, kafka.PolicyViolation, kafka.InvalidTopic,
		kafka.InvalidReplicationFactor, kafka.InvalidPartitionNumber, kafka.InvalidConfiguration, kafka.UnsupportedVersion,
	} {
		if errors.Is(err, is) {
			return true
		}
	}
	return false
}

// WaitTopics waits until all topics exist with leaders, or ctx ends.
func (c *Client) WaitTopics(ctx context.Context, topics ...string) error {
	const who = "wait for topics"
	err := fault.Retry(ctx, func(err error) { c.health.failed(who, err) }, func() error {
		m, err := c.fresh(ctx)
		if err != nil {
			return err
		}
		return ready(m, topics)
	})
	c.health.settle(who, err)
	if err != nil {
		return fmt.Errorf("wait for topics: %w", err)
	}
	return nil
}

const errNotReady = kafkaError("no leader yet")

type kafkaError string

func (e kafkaError) Error() string { return string(e) }

func (c *Client) ensure(ctx context.Context, names []string) error {
	m, err := c.fresh(ctx)
	if err != nil {
		return err
	}
	var missing []kafka.TopicConfig
	for _, n := range names {
		asked := slices.ContainsFunc(missing, func(t kafka.TopicConfig) bool { return t.Topic == n }) // by another stage of this process
		if !asked && !slices.ContainsFunc(m.Topics, func(t kafka.Topic) bool { return t.Name == n }) {
			missing = append(missing, c.topicConfig(n, len(m.Brokers)))
		}
	}
	if len(missing) > 0 {
		if err := c.create(ctx, missing); err != nil {
			return err
		}
		return errNotReady // looked at again in a moment
	}
	return ready(m, names)
}

func (c *Client) create(ctx context.Context, topics []kafka.TopicConfig) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	res, err := c.api.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: topics})
	if err != nil {
		c.refresh()
		return err
	}
	for _, t := range topics {
		switch err := res.Errors[t.Topic]; {
		case err == nil:
			c.log.Info().Str("topic", t.Topic).Int("partitions", t.NumPartitions).Int("replication", t.ReplicationFactor).Msg("topic made")
		case errors.Is(err, kafka.TopicAlreadyExists): // somebody else was quicker
		default:
			return fmt.Errorf("topic %s: %w", t.Topic, err)
		}
	}
	return nil
}

func (c *Client) topicConfig(name string, brokers int) kafka.TopicConfig {
	replication := c.cfg.Replication
	if replication == 0 {
		replication = max(1, min(3, brokers))
	}
	entries := []kafka.ConfigEntry{
		{ConfigName: "cleanup.policy", ConfigValue: "delete"},
		{ConfigName: "retention.ms", ConfigValue: strconv.FormatInt(c.topics.retention(name).Milliseconds(), 10)},
		{ConfigName: "max.message.bytes", ConfigValue: strconv.Itoa(MaxMessage + batchOverhead)},
	}
	if name == c.topics.Correlate { // what is forgotten there follows the broker's clock, not that of whoever writes
		entries = append(entries, kafka.ConfigEntry{ConfigName: "message.timestamp.type", ConfigValue: "LogAppendTime"})
	}
	if replication >= 3 {
		entries = append(entries, kafka.ConfigEntry{ConfigName: "min.insync.replicas", ConfigValue: "2"})
	}
	return kafka.TopicConfig{Topic: name, NumPartitions: c.cfg.Partitions, ReplicationFactor: replication, ConfigEntries: entries}
}

// ready returns nil when every partition of every topic has a leader.
func ready(m *kafka.MetadataResponse, topics []string) error {
	for _, name := range topics {
		i := slices.IndexFunc(m.Topics, func(t kafka.Topic) bool { return t.Name == name })
		if i < 0 {
			return fmt.Errorf("topic %s: %w", name, kafka.UnknownTopicOrPartition)
		}
		if len(m.Topics[i].Partitions) == 0 {
			return fmt.Errorf("topic %s: %w", name, errNotReady)
		}
		for _, p := range m.Topics[i].Partitions {
			if p.Leader.Host == "" {
				return fmt.Errorf("topic %s partition %d: %w", name, p.ID, errNotReady)
			}
		}
	}
	return nil
}

// Prefix is what the names of the topics begin with, without the dot.
func (t Topics) Prefix() string { return strings.TrimSuffix(t.Events, ".events") }

// Own tells whether a topic is riposte's own, or could be: its name begins with the prefix, or with "riposte".
func (t Topics) Own(topic string) bool {
	return strings.HasPrefix(topic, t.Prefix()+".") || strings.HasPrefix(topic, DefaultPrefix+".")
}
