// Package kinesis is the source that reads a Kinesis data stream: what CloudWatch Logs subscriptions, Firehose's kin and programs put there.
//
// Every shard has a reader of its own, and its sequence number in the checkpoint; it moves on when Kafka has all records up to there. A
// shard that was split or merged is read to its end before its children are begun, so that what has one partition key stays in order. The
// checkpoint belongs to one process: two that read the same stream read everything twice, with the same uids.
//
// A record is opened by unpack: CloudWatch Logs payloads (gzip), NDJSON, containers. What the Kinesis Producer Library has aggregated is
// taken apart first. Origin is the stream's ARN and the shard, Position the sequence number, the number within an aggregate, and the offset.
// Account and region are the stream's, where the record does not say otherwise.
//
// AWS allows five reads a second and 2 MB/s a shard, which all readers of a stream share: a refusal for that reason is waited out.
package kinesis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/checkpoint"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/obs"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/schemas"
)

// Summary says in one line what the source does.
const Summary = "Kinesis data stream: every shard in order, through splits and merges; CloudWatch Logs payloads and KPL aggregates are opened; one process a stream"

// Policy lists the least IAM actions that the source needs.
func Policy() []string {
	return []string{"kinesis:DescribeStreamSummary", "kinesis:ListShards", "kinesis:GetShardIterator", "kinesis:GetRecords", "kms:Decrypt"}
}

// Settings describes the settings.
func Settings() []schemas.Setting {
	return []schemas.Setting{
		{Name: "stream", Type: "string", Required: true, Help: "name or ARN of the stream"},
		{Name: "region", Type: "string", Help: "region of the stream; by default that in its ARN, or AWS_REGION"},
		{Name: "account", Type: "string", Help: "account whose role is assumed to read; by default our own"},
		{Name: "from", Type: "string", Default: "oldest", Help: "where to begin without a checkpoint: oldest, what the stream still has; now; or a time such as 2026-03-09T12:00:00Z"},
		{Name: "poll", Type: "duration", Default: "1s", Help: "how often to look for records in a shard that had no more"},
		{Name: "checkpoint", Type: "string", Help: "file that remembers what was read; by default NAME.json under checkpoints in the data directory; for one process: two that read a stream each read all of it"},
		{Name: "max_record", Type: "int", Default: "1048576", Help: "largest record in bytes; a larger one becomes a dead letter"},
	}
}

type settings struct {
	Stream     string        `yaml:"stream"`
	Region     string        `yaml:"region"`
	Account    string        `yaml:"account"`
	From       string        `yaml:"from"`
	Poll       time.Duration `yaml:"poll"`
	Checkpoint string        `yaml:"checkpoint"`
	MaxRecord  int           `yaml:"max_record"`
}

const (
	fromOldest = "oldest"
	fromNow    = "now"
)

// Validate implements config.Validator.
func (s *settings) Validate() error {
	if s.Stream == "" {
		return errors.New("stream: its name or ARN is required")
	}
	if strings.HasPrefix(s.Stream, "arn:") {
		if p := strings.SplitN(s.Stream, ":", 6); len(p) != 6 || p[2] != "kinesis" || !strings.HasPrefix(p[5], "stream/") {
			return fmt.Errorf("stream %q: something like arn:aws:kinesis:eu-west-1:111122223333:stream/name expected", s.Stream)
		}
	}
	if s.From != fromOldest && s.From != fromNow {
		if _, err := time.Parse(time.RFC3339, s.From); err != nil {
			return fmt.Errorf("from %q: oldest, now or a time expected", s.From)
		}
	}
	if s.Poll < 200*time.Millisecond || s.Poll > time.Hour {
		return fmt.Errorf("poll %s: between 200ms and 1h expected", s.Poll)
	}
	if s.MaxRecord < 1<<10 || s.MaxRecord > 10<<20 {
		return fmt.Errorf("max_record %d: between 1024 and 10485760 expected", s.MaxRecord)
	}
	return nil
}

// API is what the source needs of Kinesis.
type API interface {
	DescribeStreamSummary(ctx context.Context, in *kinesis.DescribeStreamSummaryInput, opts ...func(*kinesis.Options)) (*kinesis.DescribeStreamSummaryOutput, error)
	ListShards(ctx context.Context, in *kinesis.ListShardsInput, opts ...func(*kinesis.Options)) (*kinesis.ListShardsOutput, error)
	GetShardIterator(ctx context.Context, in *kinesis.GetShardIteratorInput, opts ...func(*kinesis.Options)) (*kinesis.GetShardIteratorOutput, error)
	GetRecords(ctx context.Context, in *kinesis.GetRecordsInput, opts ...func(*kinesis.Options)) (*kinesis.GetRecordsOutput, error)
}

type source struct {
	settings
	log    zerolog.Logger
	client func(ctx context.Context) (API, error)
	health *obs.Condition
}

// New makes the source. It asks AWS for nothing before Run.
func New(cfg config.Node, deps producers.SourceDeps) (producers.Source, error) {
	s, err := newSource(cfg, deps)
	if err != nil {
		return nil, err
	}
	s.client = func(ctx context.Context) (API, error) {
		if deps.AWS == nil {
			return nil, fault.Permanent(errors.New("AWS is not set up"))
		}
		return deps.AWS.Kinesis(ctx, s.Account, s.Region)
	}
	return s, nil
}

func newSource(cfg config.Node, deps producers.SourceDeps) (*source, error) {
	s := &source{settings: settings{From: fromOldest, Poll: time.Second, MaxRecord: 1 << 20}, log: deps.Log}
	if err := cfg.Decode(&s.settings); err != nil {
		return nil, fmt.Errorf("source kinesis: %w", err)
	}
	var err error
	if s.Checkpoint, err = checkpoint.Path(s.Checkpoint, deps.DataDir, deps.Name); err != nil {
		return nil, fmt.Errorf("source kinesis: %s: %w", cfg.Pos(), err)
	}
	if p := strings.SplitN(s.Stream, ":", 6); s.Region == "" && len(p) == 6 {
		s.Region = p[3]
	}
	s.health = obs.NewCondition(deps.Log, "stream "+s.Stream)
	return s, nil
}
