// Package kafka is the source that reads topics, of another cluster or of the same.
//
// It is a member of a consumer group, and commits an offset when riposte's own Kafka has every record up to there: what was on its way when
// the process ended comes again, with the same uids. Several processes with the same group share the partitions. A group without offsets
// begins at the oldest message.
//
// A value is opened by unpack: an object, an array, lines, {"Records": […]}, compressed or not. Origin is the cluster's own id, topic and
// partition, Position the offset and the place in the value; a CloudEvent's id, source and time (headers ce_id, ce_source, ce_time) are the
// record's. Received is the time of the message. A message without value, a tombstone, holds no record.
package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/batch"
	"github.com/riposte-security/riposte/producers/unpack"
	"github.com/riposte-security/riposte/schemas"
)

// Summary says in one line what the source does.
const Summary = "Kafka: topics of another cluster, or of the same, as a consumer group"

// Settings describes the settings.
func Settings() []schemas.Setting {
	return []schemas.Setting{
		{Name: "brokers", Type: "list", Required: true, Help: "host:port addresses to start from"},
		{Name: "topics", Type: "list", Required: true, Help: "topics to read; the source waits for those that do not exist"},
		{Name: "group", Type: "string", Default: "riposte-NAME", Help: "consumer group"},
		{Name: "client_id", Type: "string", Default: "riposte", Help: "told to the brokers, for their logs and quotas"},
		{Name: "session_timeout", Type: "duration", Default: "10s", Help: "how long a process that died without a word keeps its partitions"},
		{Name: "tls", Type: "object", Help: "enabled, ca, cert, key (files, PEM)"},
		{Name: "sasl", Type: "object", Help: "mechanism (plain, scram-sha-256, scram-sha-512), username, password"},
		{Name: "max_record", Type: "int", Default: "1048576", Help: "largest record in bytes; a larger one becomes a dead letter"},
	}
}

type settings struct {
	Brokers        []string      `yaml:"brokers"`
	Topics         []string      `yaml:"topics"`
	Group          string        `yaml:"group"`
	ClientID       string        `yaml:"client_id"`
	SessionTimeout time.Duration `yaml:"session_timeout"`
	TLS            kafka.TLS     `yaml:"tls"`
	SASL           kafka.SASL    `yaml:"sasl"`
	MaxRecord      int           `yaml:"max_record"`
}

func (s *settings) client() kafka.Config {
	return kafka.Config{Brokers: s.Brokers, ClientID: s.ClientID, SessionTimeout: s.SessionTimeout, TLS: s.TLS, SASL: s.SASL}
}

// Validate implements config.Validator.
func (s *settings) Validate() error {
	if len(s.Topics) == 0 {
		return errors.New("topics: at least one is required")
	}
	for _, t := range s.Topics {
		if !kafka.ValidTopic(t) {
			return fmt.Errorf("topic %q: letters, digits, '.', '_' and '-' expected", t)
		}
	}
	if s.MaxRecord < 1<<10 || s.MaxRecord > 10<<20 {
		return fmt.Errorf("max_record %d: between 1024 and 10485760 expected", s.MaxRecord)
	}
	return s.client().Validate()
}

type source struct {
	settings
	name string
	log  zerolog.Logger
}

// New makes the source. It connects to no broker before Run.
func New(cfg config.Node, deps producers.SourceDeps) (producers.Source, error) {
	s := &source{
		settings: settings{Group: "riposte-" + deps.Name, ClientID: "riposte", MaxRecord: 1 << 20},
		name:     deps.Name, log: deps.Log.With().Str("producer", deps.Name).Logger(),
	}
	if err := cfg.Decode(&s.settings); err != nil {
		return nil, fmt.Errorf("source kafka: %w", err)
	}
	if s.Group == "" {
		return nil, fmt.Errorf("source kafka: %s: group: a name expected", cfg.Pos())
	}
	return s, nil
}

// Run implements producers.Source.
func (s *source) Run(ctx context.Context, emit batch.Emit) error {
	client, err := kafka.New(s.client(), s.log)
	if err != nil {
		return fault.Permanent(fmt.Errorf("source kafka: %w", err))
	}
	defer client.Close()
	cluster, err := client.ClusterID(ctx)
	if ctx.Err() != nil {
		return nil // how the question ended no longer matters
	}
	if err != nil {
		return fmt.Errorf("source kafka: %w", err)
	}
	err = client.Consume(ctx, kafka.Group{ID: s.Group, Topics: s.Topics}, func(ctx context.Context, msgs []kafka.Message) error {
		b := batch.New(emit)
		for i := range msgs {
			if err := s.message(ctx, cluster, &msgs[i], b.Add); err != nil {
				return err
			}
		}
		return b.Flush(ctx)
	})
	if err != nil {
		return fmt.Errorf("source kafka: %w", err)
	}
	return nil
}

// message hands over the records of one message.
func (s *source) message(ctx context.Context, cluster string, m *kafka.Message, add func(context.Context, producers.Record) error) error {
	if m.Header("ce_source") == "riposte/"+s.name {
		return fault.Permanent(fmt.Errorf("topic %s: it holds what this producer itself published (offset %d of partition %d): it would go round for ever",
			m.Topic, m.Offset, m.Partition))
	}
	if len(m.Value) == 0 {
		s.log.Debug().Str("topic", m.Topic).Int64("offset", m.Offset).Msg("not read: a message without value")
		return nil
	}
	partition, offset := strconv.Itoa(m.Partition), strconv.FormatInt(m.Offset, 10)
	base := producers.Record{Origin: strings.Join([]string{"kafka", cluster, m.Topic, partition}, ":"), Received: m.Time.UTC(), Attrs: attrs(m)}
	base.Attrs[producers.AttrFile] = "kafka:" + m.Topic + "/" + partition + "/" + offset
	id := base.Attrs[producers.AttrID]
	return unpack.Unpack(ctx, bytes.NewReader(m.Value), base, unpack.Options{MaxRecord: s.MaxRecord}, func(it unpack.Item) error {
		r := it.Record
		r.Position = offset + "/" + r.Position
		if id != "" && it.Number > 1 && r.Attrs[producers.AttrID] == id { // the id is that of the first record
			r.Attrs = maps.Clone(r.Attrs)
			r.Attrs[producers.AttrID] = id + "#" + strconv.Itoa(it.Number)
		}
		return add(ctx, r)
	})
}

// attrs takes the attributes of a CloudEvent from the headers, after the Kafka binding.
func attrs(m *kafka.Message) map[string]string {
	all := map[string]string{}
	for _, h := range m.Headers {
		if !strings.HasPrefix(h.Key, "ce_") || len(h.Value) > 4096 {
			continue
		}
		switch h.Key {
		case "ce_id":
			all[producers.AttrID] = string(h.Value)
		case "ce_source":
			all[producers.AttrSource] = string(h.Value)
		case "ce_time":
			all[producers.AttrTime] = string(h.Value)
		default:
			all[h.Key] = string(h.Value)
		}
	}
	return all
}
