// Package logs is the source cloudwatch-logs: it asks CloudWatch Logs for the events of log groups, again and again.
//
// It is for where a subscription cannot be had; that one is faster and costs less. Every poll asks for what has come since the last one,
// and again for the time of overlap before it: events are visible late, and not in order. Those seen before are recognised by their ids.
// An event that becomes visible later than overlap after its own time is missed; raise overlap where programs send late.
//
// The checkpoint holds, for every log group, the time up to which all is in Kafka, and the ids within the overlap before it. A long past is
// read an hour at a time.
//
// A record is what a subscription would have given: the event's message, with its id as the record's id, so that an event that comes both
// ways has one uid; log-group and log-stream, account and region are among its attributes.
package logs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/smithy-go/middleware"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/checkpoint"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/obs"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/schemas"
)

// Summary says in one line what the source does.
const Summary = "CloudWatch Logs: the events of log groups, asked for again and again; a subscription (http, kinesis) is faster where it can be had; one process a set of groups"

// Policy lists the least IAM actions that the source needs.
func Policy() []string { return []string{"logs:FilterLogEvents"} }

// Settings describes the settings.
func Settings() []schemas.Setting {
	return []schemas.Setting{
		{Name: "log_groups", Type: "list", Required: true, Help: "names or ARNs of log groups"},
		{Name: "filter", Type: "string", Help: "filter pattern of CloudWatch Logs; by default every event"},
		{Name: "stream_prefix", Type: "string", Help: "what the names of the log streams begin with"},
		{Name: "region", Type: "string", Help: "region of the log groups that are given by name; by default AWS_REGION"},
		{Name: "account", Type: "string", Help: "account whose role is assumed to read; by default our own"},
		{Name: "from", Type: "string", Default: "now", Help: "where to begin without a checkpoint: now, or a time such as 2026-03-09T12:00:00Z"},
		{Name: "poll", Type: "duration", Default: "10s", Help: "how often to ask"},
		{Name: "overlap", Type: "duration", Default: "5m", Help: "how far back to ask again, for events that come late"},
		{Name: "checkpoint", Type: "string", Help: "file that remembers what was read; by default NAME.json under checkpoints in the data directory; for one process: two that read a group each read all of it"},
	}
}

type settings struct {
	LogGroups    []string      `yaml:"log_groups"`
	Filter       string        `yaml:"filter"`
	StreamPrefix string        `yaml:"stream_prefix"`
	Region       string        `yaml:"region"`
	Account      string        `yaml:"account"`
	From         string        `yaml:"from"`
	Poll         time.Duration `yaml:"poll"`
	Overlap      time.Duration `yaml:"overlap"`
	Checkpoint   string        `yaml:"checkpoint"`
}

const fromNow = "now"

// Validate implements config.Validator.
func (s *settings) Validate() error {
	if len(s.LogGroups) == 0 {
		return errors.New("log_groups: at least one is required")
	}
	known := map[string]bool{}
	for _, g := range s.LogGroups {
		if g == "" || strings.HasPrefix(g, "arn:") && (len(strings.Split(g, ":")) < 7 || strings.Split(g, ":")[2] != "logs") {
			return fmt.Errorf("log group %q: a name, or something like arn:aws:logs:eu-west-1:111122223333:log-group:name expected", g)
		}
		if known[g] {
			return fmt.Errorf("log group %q stands there twice", g)
		}
		known[g] = true
	}
	if s.From != fromNow {
		if _, err := time.Parse(time.RFC3339, s.From); err != nil {
			return fmt.Errorf("from %q: now or a time expected", s.From)
		}
	}
	if s.Account != "" && !cloud.IsAccount(s.Account) {
		return fmt.Errorf("account %q: twelve digits expected", s.Account)
	}
	if s.Poll < time.Second || s.Poll > 24*time.Hour {
		return fmt.Errorf("poll %s: between 1s and 24h expected", s.Poll)
	}
	if s.Overlap < 0 || s.Overlap > 7*24*time.Hour {
		return fmt.Errorf("overlap %s: between 0s and 168h expected", s.Overlap)
	}
	return nil
}

// API is what the source needs of CloudWatch Logs.
type API interface {
	FilterLogEvents(ctx context.Context, in *cloudwatchlogs.FilterLogEventsInput, opts ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.FilterLogEventsOutput, error)
}

// clients is what the source needs of AWS.
type clients interface {
	logs(ctx context.Context, account, region string) (API, error)
	account(ctx context.Context) (string, error)
	region() string
}

type source struct {
	settings
	log    zerolog.Logger
	aws    clients
	health *obs.Condition
	served func(answer middleware.Metadata) (time.Time, bool) // when AWS gave an answer, by its own clock
}

// New makes the source. It asks AWS for nothing before Run.
func New(cfg config.Node, deps producers.SourceDeps) (producers.Source, error) {
	return newSource(cfg, deps, fromAWS{deps.AWS})
}

func newSource(cfg config.Node, deps producers.SourceDeps, c clients) (*source, error) {
	s := &source{settings: settings{From: fromNow, Poll: 10 * time.Second, Overlap: 5 * time.Minute}, log: deps.Log, aws: c, served: awsmiddleware.GetServerTime}
	if err := cfg.Decode(&s.settings); err != nil {
		return nil, fmt.Errorf("source cloudwatch-logs: %w", err)
	}
	var err error
	if s.Checkpoint, err = checkpoint.Path(s.Checkpoint, deps.DataDir, deps.Name); err != nil {
		return nil, fmt.Errorf("source cloudwatch-logs: %s: %w", cfg.Pos(), err)
	}
	s.health = obs.NewCondition(deps.Log, "log groups of "+deps.Name)
	return s, nil
}

// fromAWS reaches AWS.
type fromAWS struct{ aws *cloud.Clients }

func (r fromAWS) logs(ctx context.Context, account, region string) (API, error) {
	if r.aws == nil {
		return nil, fault.Permanent(errors.New("AWS is not set up"))
	}
	return r.aws.CloudWatchLogs(ctx, account, region)
}

func (r fromAWS) account(ctx context.Context) (string, error) {
	if r.aws == nil {
		return "", fault.Permanent(errors.New("AWS is not set up"))
	}
	return r.aws.Account(ctx)
}

func (r fromAWS) region() string { return r.aws.Region() }
