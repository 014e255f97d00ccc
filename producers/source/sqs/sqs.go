// Package sqs is the source that reads an SQS queue: notifications of S3, in whose place it reads the objects, and anything else as records.
//
// A message may be a notification of S3 itself, by EventBridge ("Object Created") or by CloudTrail or Config ("s3ObjectKey"), each with SNS
// around it or not: then the records are those of the objects, Origin is bucket, key and ETag, Position the byte offset, and account and
// region come from the key as AWS services lay them out. Any other message holds the records itself, in whatever form unpack knows: Origin
// is the queue, Position the message's id and the offset. Test messages of S3, and notifications of anything but the creation of an object,
// leave nothing to read and are deleted.
//
// A message is deleted when Kafka has every record of it. Until then its visibility is extended again and again, however long its object
// is. An object that is not there gives a dead letter with the message; one that cannot be read is tried again, later each time, and gives
// a dead letter when the message has been received max_receives times.
package sqs

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/obs"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/source/s3/object"
	"github.com/riposte-security/riposte/schemas"
)

// Summary says in one line what the source does.
const Summary = "SQS: the objects that S3 notifications name (by SNS or EventBridge as well), and records in the messages themselves"

// Policy lists the least IAM actions that the source needs.
func Policy() []string {
	return []string{"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "kms:Decrypt"}
}

// Settings describes the settings.
func Settings() []schemas.Setting {
	return []schemas.Setting{
		{Name: "queue_url", Type: "string", Required: true, Help: "URL of the queue"},
		{Name: "region", Type: "string", Help: "region of the queue; by default that in its URL, or AWS_REGION"},
		{Name: "workers", Type: "int", Default: "4", Help: "receivers, each with up to ten messages at a time"},
		{Name: "visibility", Type: "duration", Default: "2m", Help: "how long a message stays hidden without a sign of life"},
		{Name: "max_receives", Type: "int", Default: "10", Help: "after so many receipts, a message whose object cannot be read becomes a dead letter"},
		{Name: "ignore", Type: "list", Default: "/CloudTrail-Digest/, ConfigWritabilityCheckFile", Help: "objects whose key contains one of these are not read: they hold no records"},
		{Name: "max_record", Type: "int", Default: "1048576", Help: "largest record in bytes; a larger one becomes a dead letter"},
	}
}

type settings struct {
	QueueURL    string        `yaml:"queue_url"`
	Region      string        `yaml:"region"`
	Workers     int           `yaml:"workers"`
	Visibility  time.Duration `yaml:"visibility"`
	MaxReceives int           `yaml:"max_receives"`
	Ignore      []string      `yaml:"ignore"`
	MaxRecord   int           `yaml:"max_record"`
}

// Validate implements config.Validator.
func (s *settings) Validate() error {
	u, err := url.Parse(s.QueueURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return fmt.Errorf("queue_url %q: the URL of a queue expected", s.QueueURL)
	}
	if s.Workers < 1 || s.Workers > 64 {
		return fmt.Errorf("workers %d: between 1 and 64 expected", s.Workers)
	}
	if s.Visibility < 10*time.Second || s.Visibility > 12*time.Hour {
		return fmt.Errorf("visibility %s: between 10s and 12h expected", s.Visibility)
	}
	if s.MaxReceives < 1 {
		return errors.New("max_receives: at least 1 expected")
	}
	if s.MaxRecord < 1<<10 || s.MaxRecord > 10<<20 {
		return fmt.Errorf("max_record %d: between 1024 and 10485760 expected", s.MaxRecord)
	}
	return nil
}

// Queue is what the source needs of SQS.
type Queue interface {
	ReceiveMessage(ctx context.Context, in *sqs.ReceiveMessageInput, opts ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	DeleteMessageBatch(ctx context.Context, in *sqs.DeleteMessageBatchInput, opts ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error)
	ChangeMessageVisibilityBatch(ctx context.Context, in *sqs.ChangeMessageVisibilityBatchInput, opts ...func(*sqs.Options)) (*sqs.ChangeMessageVisibilityBatchOutput, error)
}

// Objects is what the source needs of S3.
type Objects interface {
	GetObject(ctx context.Context, in *s3.GetObjectInput, opts ...func(*s3.Options)) (*s3.GetObjectOutput, error)
}

// Clients gives the clients of a region ("": the default one).
type Clients struct {
	Queue   func(ctx context.Context, region string) (Queue, error)
	Objects func(ctx context.Context, region string) (Objects, error)
}

type source struct {
	settings
	name    string // of the queue
	log     zerolog.Logger
	clients Clients
	health  *obs.Condition
	objects *obs.Condition
}

// New makes the source. It asks AWS for nothing before Run.
func New(cfg config.Node, deps producers.SourceDeps) (producers.Source, error) {
	return NewWith(cfg, deps, Clients{
		Queue: func(ctx context.Context, region string) (Queue, error) {
			if deps.AWS == nil {
				return nil, fault.Permanent(errors.New("AWS is not set up"))
			}
			return deps.AWS.SQS(ctx, "", region)
		},
		Objects: func(ctx context.Context, region string) (Objects, error) { return deps.AWS.S3(ctx, "", region) },
	})
}

// NewWith is New with clients of one's own.
func NewWith(cfg config.Node, deps producers.SourceDeps, clients Clients) (producers.Source, error) {
	s := &source{
		settings: settings{
			Workers: 4, Visibility: 2 * time.Minute, MaxReceives: 10, MaxRecord: 1 << 20,
			Ignore: object.Ignored(),
		},
		log: deps.Log, clients: clients,
	}
	if err := cfg.Decode(&s.settings); err != nil {
		return nil, fmt.Errorf("source sqs: %w", err)
	}
	u, err := url.Parse(s.QueueURL)
	if err != nil {
		return nil, fmt.Errorf("source sqs: queue_url: %w", err)
	}
	s.name = path.Base(u.Path)
	if host := strings.Split(u.Hostname(), "."); s.Region == "" && len(host) >= 4 && host[0] == "sqs" && host[2] == "amazonaws" {
		s.Region = host[1]
	}
	s.health = obs.NewCondition(deps.Log, "queue "+s.name)
	s.objects = obs.NewCondition(deps.Log, "objects named in queue "+s.name)
	return s, nil
}

// Run implements producers.Source.
func (s *source) Run(ctx context.Context, emit func(context.Context, []producers.Record) error) error {
	queue, err := s.clients.Queue(ctx, s.Region)
	if err != nil {
		return fmt.Errorf("source sqs: %w", err)
	}
	g, working := errgroup.WithContext(ctx)
	for range s.Workers {
		w := &worker{source: s, queue: queue, emit: emit}
		g.Go(func() error { return w.run(working) })
	}
	if err := g.Wait(); ctx.Err() == nil {
		return err
	}
	return nil
}
