package archive

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/internal/obs"
)

// Deps are what the archive works with. Kafka, Store, Signer and Scratch are needed.
type Deps struct {
	Kafka      *kafka.Client
	Store      Store
	Signer     Signer
	Scratch    string // folder for segments that are not complete; it is made, and nothing in it outlives the process
	Writer     string // what manifests name as their writer: riposte and its version
	Log        zerolog.Logger
	Registerer prometheus.Registerer
	Now        func() time.Time
}

// An Archiver is one instance of the stage; several share the partitions.
type Archiver struct {
	cfg    Config
	kafka  *kafka.Client
	topics []string
	// commandTopics are those of the topics that carry commands.
	commandTopics []string
	store         Store
	signer        Signer
	keys          Keys // the signer's own, and the trusted ones
	scratch       string
	writer        string
	log           zerolog.Logger
	metrics       *metrics
	now           func() time.Time
	cond          *obs.Condition
	turns         chan struct{} // how many segments are built at a time

	mu     sync.Mutex
	chains map[part]*chain
	begun  map[part]begun
	fail   context.CancelCauseFunc
}

// atOnce is how many segments are built at a time: it bounds memory.
const atOnce = 2

// New makes the stage, without I/O.
func New(cfg Config, d Deps) (*Archiver, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	topics := d.Kafka.Topics()
	a := &Archiver{
		cfg: cfg.withDefaults(topics.Prefix()), kafka: d.Kafka, store: d.Store, signer: d.Signer, scratch: d.Scratch, writer: d.Writer,
		topics: Topics(topics), commandTopics: []string{topics.Alert, topics.Block, topics.Remediate}, log: d.Log, now: d.Now, cond: obs.NewCondition(d.Log, "archive"), turns: make(chan struct{}, atOnce),
		chains: map[part]*chain{}, begun: map[part]begun{},
	}
	if a.now == nil {
		a.now = time.Now
	}
	var err error
	if a.metrics, err = newMetrics(d.Registerer); err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	return a, nil
}

// Well tells whether segments can be written.
func (a *Archiver) Well() bool { return a.cond.Well() }

// Run archives until ctx ends; then what is not complete is written as it stands, and Run returns nil. It returns an error when the archive
// holds what it never wrote, or Kafka no longer holds what was archived.
func (a *Archiver) Run(ctx context.Context) error {
	if err := a.open(ctx); err != nil {
		return ended(ctx, err)
	}
	if err := fault.Retry(ctx, a.cond.Failed, func() error { return tryOnce(ctx, a.store) }); err != nil {
		return ended(ctx, err)
	}
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	a.fail = cancel
	var ticker sync.WaitGroup
	defer ticker.Wait()
	ticker.Go(func() { a.tick(inner) })
	err := a.kafka.Consume(inner, kafka.Group{
		ID: a.cfg.Group, Topics: a.topics, From: a.from, Hold: a.hold,
		Released: func(topic string, partition int) {
			if inner.Err() == nil { // else finish does
				a.released(topic, partition)
			}
		},
		Lost: func(g kafka.Gap) { a.metrics.lost.WithLabelValues(g.Topic, g.Cause()).Add(g.Messages()) },
	}, a.handle)
	if cause := context.Cause(inner); err == nil && fault.IsPermanent(cause) {
		err = cause
	}
	cancel(nil)
	ticker.Wait()
	return errors.Join(err, a.finish(ctx))
}

// open makes the scratch folder and reads the keys.
func (a *Archiver) open(ctx context.Context) error {
	if err := os.MkdirAll(a.scratch, 0o700); err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	if s, ok := a.store.(fileStore); ok {
		if err := s.sweep(a.now()); err != nil {
			return err
		}
	}
	var keys []ed25519.PublicKey
	for _, path := range a.cfg.Key.Trusted {
		trusted, err := PublicKeys(path)
		if err != nil {
			return fmt.Errorf("archive: %w", err)
		}
		keys = append(keys, trusted...)
	}
	err := fault.Retry(ctx, a.cond.Failed, func() error {
		public, err := a.signer.Public(ctx)
		if err != nil {
			return fmt.Errorf("archive key: %w", err)
		}
		keys = append(keys, public)
		return nil
	})
	if err != nil {
		return err
	}
	a.cond.OK()
	a.keys = NewKeys(keys...)
	return nil
}

func ended(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

// retainUntil is the Object Lock of what is written now; zero for none.
func (a *Archiver) retainUntil() time.Time {
	if a.cfg.Lock.Mode == "" {
		return time.Time{}
	}
	return a.now().Add(a.cfg.Lock.For).UTC().Truncate(time.Second)
}

// Topics are the topics that are archived.
func Topics(t kafka.Topics) []string {
	return []string{t.Events, t.Alert, t.Block, t.Remediate, t.Outcomes}
}

// Committed returns the offsets that the archive's group has committed: what is before them is archived.
func Committed(ctx context.Context, k *kafka.Client, c Config) (kafka.Offsets, error) {
	topics := k.Topics()
	return k.Committed(ctx, c.withDefaults(topics.Prefix()).Group, Topics(topics)...)
}
