// Package s3 is the source that reads what lies in a bucket already: every object under a prefix that is from between two dates. It is for
// the past; what arrives from now on is announced through a queue, see the source sqs.
//
// An object's date is when it was last changed or, with by: key, the date in its key (…/2026/03/09/…, 2026-03-09, date=2026-03-09,
// year=2026/month=03/day=09, eventDay=20260309, 20260309T1215Z), and the former again where the key has none. The order is that of the
// keys. Days outside the dates are passed over in one step where they have folders of their own.
//
// Several objects are read at the same time, and the checkpoint follows in the order of the keys: it holds the last key up to which all
// is in Kafka, and those behind it that are done as well. After a kill, what was begun is read again, with the same uids. When all is read
// the source is exhausted; the checkpoint remembers that too, until dates, bucket or prefix are others.
//
// The events are as old as their records: rules that act find them stale, and ask for approval.
package s3

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/checkpoint"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/obs"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/batch"
	"github.com/riposte-security/riposte/producers/source/s3/object"
	"github.com/riposte-security/riposte/schemas"
)

// Summary says in one line what the source does.
const Summary = "S3: back-fill of a prefix between two dates; it can be interrupted, and ends when all is read"

// Policy lists the least IAM actions that the source needs.
func Policy() []string { return []string{"s3:ListBucket", "s3:GetObject", "kms:Decrypt"} }

// Settings describes the settings.
func Settings() []schemas.Setting {
	return []schemas.Setting{
		{Name: "bucket", Type: "string", Required: true, Help: "name of the bucket"},
		{Name: "prefix", Type: "string", Help: "what the keys of the objects begin with"},
		{Name: "from", Type: "time", Help: "first moment to read, 2026-03-09 or 2026-03-09T12:00:00Z; by default the beginning"},
		{Name: "to", Type: "time", Help: "first moment not to read any more; by default the end, as it is when the listing comes there"},
		{Name: "by", Type: "string", Default: "modified", Help: "what the dates are of: modified, the object's last change, or key, the date in its key"},
		{Name: "region", Type: "string", Help: "region of the bucket; by default AWS_REGION"},
		{Name: "account", Type: "string", Help: "account whose role is assumed to read; by default our own"},
		{Name: "workers", Type: "int", Default: "8", Help: "objects read at the same time"},
		{Name: "ignore", Type: "list", Default: strings.Join(object.Ignored(), ", "), Help: "objects whose key contains one of these are not read: they hold no records"},
		{Name: "checkpoint", Type: "string", Help: "file that remembers what was read; by default NAME.json under checkpoints in the data directory"},
		{Name: "max_record", Type: "int", Default: "1048576", Help: "largest record in bytes; a larger one becomes a dead letter"},
	}
}

type settings struct {
	Bucket     string   `yaml:"bucket"`
	Prefix     string   `yaml:"prefix"`
	From       string   `yaml:"from"`
	To         string   `yaml:"to"`
	By         string   `yaml:"by"`
	Region     string   `yaml:"region"`
	Account    string   `yaml:"account"`
	Workers    int      `yaml:"workers"`
	Ignore     []string `yaml:"ignore"`
	Checkpoint string   `yaml:"checkpoint"`
	MaxRecord  int      `yaml:"max_record"`

	from, to time.Time // zero: no bound
}

// Validate implements config.Validator.
func (s *settings) Validate() error {
	if s.Bucket == "" || strings.ContainsAny(s.Bucket, "/ ") {
		return fmt.Errorf("bucket %q: the name of a bucket expected", s.Bucket)
	}
	var err error
	if s.from, err = moment(s.From); err != nil {
		return fmt.Errorf("from: %w", err)
	}
	if s.to, err = moment(s.To); err != nil {
		return fmt.Errorf("to: %w", err)
	}
	if !s.to.IsZero() && !s.from.Before(s.to) {
		return fmt.Errorf("from %s is not before to %s", s.From, s.To)
	}
	if s.By != "modified" && s.By != "key" {
		return fmt.Errorf("by %q: modified or key expected", s.By)
	}
	if s.Workers < 1 || s.Workers > 64 {
		return fmt.Errorf("workers %d: between 1 and 64 expected", s.Workers)
	}
	if s.MaxRecord < 1<<10 || s.MaxRecord > 10<<20 {
		return fmt.Errorf("max_record %d: between 1024 and 10485760 expected", s.MaxRecord)
	}
	return nil
}

// moment reads a day or a time; "" is the zero time.
func moment(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, fmt.Errorf("%q: 2026-03-09 or 2026-03-09T12:00:00Z expected", s)
	}
	return t.UTC(), nil
}

// API is what the source needs of S3.
type API interface {
	object.Getter
	ListObjectsV2(ctx context.Context, in *s3.ListObjectsV2Input, opts ...func(*s3.Options)) (*s3.ListObjectsV2Output, error)
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
		return deps.AWS.S3(ctx, s.Account, s.Region)
	}
	return s, nil
}

func newSource(cfg config.Node, deps producers.SourceDeps) (*source, error) {
	s := &source{settings: settings{By: "modified", Workers: 8, MaxRecord: 1 << 20, Ignore: object.Ignored()}, log: deps.Log}
	if err := cfg.Decode(&s.settings); err != nil {
		return nil, fmt.Errorf("source s3: %w", err)
	}
	var err error
	if s.Checkpoint, err = checkpoint.Path(s.Checkpoint, deps.DataDir, deps.Name); err != nil {
		return nil, fmt.Errorf("source s3: %s: %w", cfg.Pos(), err)
	}
	s.health = obs.NewCondition(deps.Log, "bucket "+s.Bucket)
	return s, nil
}

// Run implements producers.Source.
func (s *source) Run(ctx context.Context, emit batch.Emit) error {
	client, err := s.client(ctx)
	if err != nil {
		return fmt.Errorf("source s3: %w", err)
	}
	file, err := checkpoint.Open(s.Checkpoint, "s3", progress{})
	if err != nil {
		return err
	}
	t, finished := begin(file, s.scope())
	if finished {
		s.log.Info().Str("bucket", s.Bucket).Str("prefix", s.Prefix).Str("checkpoint", s.Checkpoint).
			Msg("nothing to read: the checkpoint says that all was read; remove it to read all again")
		return nil
	}
	err = s.read(ctx, client, t, emit)
	t.note(err == nil && ctx.Err() == nil)
	err = errors.Join(err, file.Save())
	if ctx.Err() != nil {
		return nil //nolint:nilerr // ctx has ended: what is not in the checkpoint is read again
	}
	return err
}

// scope names what is to be read: a checkpoint of something else is no use.
func (s *source) scope() string {
	return strings.Join([]string{s.Bucket, s.Prefix, s.By, s.From, s.To}, "\n")
}
