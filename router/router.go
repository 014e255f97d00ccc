// Package router turns events into commands: it reads the events topic and the outcomes topic, asks the rules about every event, publishes
// what they say, and only then commits.
package router

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/internal/sign"
	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/schemas"
)

// source is the ce_source of what the router writes.
const source = "riposte/router"

// A Decider says what a set of rules makes of an event. It never fails: a rule that cannot be evaluated does not match. It is safe for
// concurrent use, and the same event gives the same decision, but for Command.Created, which is now.
type Decider interface {
	// Decide evaluates all rules; outcomes tells that the event comes from the outcomes topic, where only rules with `on: outcomes` look.
	Decide(ev schemas.Event, outcomes bool, now time.Time) rule.Decision
}

// A Ruled decider tells its rules: how often each may fire, and how many there are. For one that is not Ruled, Config.MaxRate holds.
type Ruled interface {
	// Rules are the rules of the decider. They never change.
	Rules() []*rule.Rule
}

// A lookup is a decider that finds its rules.
type lookup interface {
	ruleOf(id string) (*rule.Rule, bool)
	// correlations are those among the rules.
	correlations() *specs
}

// A ruledSet is a decider with its rules at hand.
type ruledSet struct {
	Decider

	rules map[string]*rule.Rule
	specs *specs
}

func newRuledSet(d Decider) *ruledSet {
	s := &ruledSet{Decider: d, rules: map[string]*rule.Rule{}}
	if r, ok := d.(Ruled); ok {
		for _, one := range r.Rules() {
			s.rules[one.ID] = one
		}
	}
	s.specs = newSpecs(s.rules)
	return s
}

func (s *ruledSet) correlations() *specs { return s.specs }

func (s *ruledSet) ruleOf(id string) (*rule.Rule, bool) {
	one, ok := s.rules[id]
	return one, ok
}

// Config is what can be set about the router.
type Config struct {
	// Group is the consumer group; "<prefix>.router" if empty.
	Group string `yaml:"group"`
	// MaxRate is how often a second a rule may fire that does not say so itself; 1000 if zero. Every instance of the router counts for itself:
	// with several, a rule may fire that often in each of them.
	MaxRate int `yaml:"max_rate"`
	// MaxBatch is how many events are decided and published in one go, at most: as many as there are, where fewer wait; 10,000 if zero. What is published is
	// waited for before the next ones of its partition are decided, so that large batches are what works off a backlog.
	MaxBatch int `yaml:"max_batch"`
	// Correlate is about rules over several events.
	Correlate CorrelateConfig `yaml:"correlate"`
	// SigningKey is the key with which commands are signed, as PEM (PKCS #8, Ed25519); without one they are not.
	SigningKey config.Secret `yaml:"signing_key"`
}

// Validate checks the settings.
func (c Config) Validate() error {
	if c.MaxRate < 0 {
		return fmt.Errorf("max_rate: %d is negative", c.MaxRate)
	}
	if c.MaxBatch < 0 {
		return fmt.Errorf("max_batch: %d is negative", c.MaxBatch)
	}
	if _, err := c.Key(); err != nil {
		return err
	}
	return c.Correlate.Validate()
}

// Groups are the consumer groups of the router and of its correlator.
func (c Config) Groups(t kafka.Topics) (router, correlator string) {
	return cmp.Or(c.Group, t.Prefix()+".router"), cmp.Or(c.Correlate.Group, t.Prefix()+".correlator")
}

// Key is the signing key; nil where there is none.
func (c Config) Key() (*sign.Key, error) {
	if c.SigningKey == "" {
		return nil, nil
	}
	k, err := sign.ParseKey(string(c.SigningKey))
	if err != nil {
		return nil, fmt.Errorf("signing_key: %w", err)
	}
	return k, nil
}

// Deps are what the router works with. Kafka and Decider are needed; the others have defaults: no log, no metrics, the system's clock.
type Deps struct {
	Kafka      *kafka.Client
	Decider    Decider
	Log        *zerolog.Logger
	Registerer prometheus.Registerer
	Now        func() time.Time
}

// A Router is one instance of the router stage; several share the partitions.
type Router struct {
	cfg     Config
	kafka   *kafka.Client
	topics  kafka.Topics
	decider Decider
	log     zerolog.Logger
	metrics *metrics
	now     func() time.Time
	valve   *valve
	sheds   *sheds
	foreign *foreign
	deadLog *deadLog
	key     *sign.Key // nil: commands are not signed
	// appended is when Kafka took the latest message that was seen, in milliseconds.
	appended atomic.Int64
}

// New makes a router. It fails on settings that make no sense and on metrics that cannot be registered.
func New(cfg Config, d Deps) (*Router, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("router: %w", err)
	}
	if d.Kafka == nil || d.Decider == nil {
		return nil, errors.New("router: Kafka and a decider are needed")
	}
	r := &Router{cfg: cfg, kafka: d.Kafka, topics: d.Kafka.Topics(), decider: d.Decider, log: zerolog.Nop(), now: d.Now}
	if d.Log != nil {
		r.log = *d.Log
	}
	if _, ok := d.Decider.(lookup); !ok {
		r.decider = newRuledSet(d.Decider)
	}
	if r.now == nil {
		r.now = time.Now
	}
	r.cfg.Group, r.cfg.Correlate.Group = cfg.Groups(r.topics)
	r.cfg.MaxRate = cmp.Or(cfg.MaxRate, rule.DefaultMaxRate)
	r.cfg.MaxBatch = cmp.Or(cfg.MaxBatch, 10_000)
	r.cfg.Correlate.Memory = cmp.Or(cfg.Correlate.Memory, DefaultMemory)
	r.valve = newValve(r.rate)
	r.sheds = newSheds()
	r.deadLog = newDeadLog(r.log, r.now)
	r.foreign = newForeign(d.Kafka)
	var err error
	if r.key, err = cfg.Key(); err != nil {
		return nil, fmt.Errorf("router: %w", err)
	}
	if r.metrics, err = newMetrics(d.Registerer); err != nil {
		return nil, fmt.Errorf("router: %w", err)
	}
	return r, nil
}

// Run routes until ctx ends, and then returns nil after what was begun is published and committed. Kafka being away is waited out.
func (r *Router) Run(ctx context.Context) error {
	w := r.kafka.NewWriter()
	defer w.Close()
	var flusher sync.WaitGroup
	defer flusher.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	flusher.Go(func() { r.flushSheds(ctx, w) })
	var correlated error
	flusher.Go(func() {
		if correlated = newCorrelator(r, w).run(ctx); correlated != nil {
			cancel()
		}
	})
	routed := r.consume(ctx, w)
	cancel()
	flusher.Wait()
	return errors.Join(routed, correlated)
}

func (r *Router) consume(ctx context.Context, w *kafka.Writer) error {
	return r.kafka.Consume(ctx, kafka.Group{
		ID:       r.cfg.Group,
		Topics:   []string{r.topics.Events, r.topics.Outcomes},
		MaxBatch: r.cfg.MaxBatch,
		Begin:    func() kafka.Taker { return &taken{r: r, w: w, reader: schemas.Reader{Keyless: true}} },
		Hold:     r.sheds.held,
		Released: r.sheds.drop,
		Lost:     r.metrics.gone,
	}, nil)
}

// rate is how often a second a rule may fire.
func (r *Router) rate(rule string) int {
	if of, ok := r.ruleOf(rule); ok && of.MaxRate > 0 {
		return of.MaxRate
	}
	return r.cfg.MaxRate
}

func (r *Router) ruleOf(id string) (*rule.Rule, bool) {
	if l, ok := r.decider.(lookup); ok {
		return l.ruleOf(id)
	}
	return nil, false
}

// A letter is a message to publish, with the one that it stems from.
type letter struct {
	kafka.Message

	from       *kafka.Message
	rule, step string
	count      func() // counts it, once it is published
}

// taken is what was taken of one partition, and what follows from it.
type taken struct {
	r *Router
	w *kafka.Writer

	reader schemas.Reader
	topic  string
	events int
	out    []letter
	bytes  int // of out
}

// enoughBytes are worth publishing: they wait in memory, of each partition.
const enoughBytes = 4 << 20

// Take implements kafka.Taker: it decides.
func (t *taken) Take(ctx context.Context, batch []kafka.Message) (enough bool, err error) {
	t.r.saw(batch)
	now := t.r.now()
	for i := range batch {
		letters, err := t.r.route(ctx, &t.reader, &batch[i], now)
		if err != nil {
			return false, err
		}
		for _, l := range letters {
			t.bytes += l.Size()
		}
		t.out = append(t.out, letters...)
	}
	t.topic = batch[0].Topic
	t.events += len(batch)
	return t.bytes >= enoughBytes, nil
}

// Done implements kafka.Taker: it publishes what follows, in one call.
func (t *taken) Done(ctx context.Context) error {
	if err := t.r.publish(ctx, t.w, t.out); err != nil {
		return err
	}
	for _, l := range t.out {
		l.count()
	}
	if t.events > 0 {
		t.r.metrics.events.WithLabelValues(t.topic).Add(float64(t.events))
	}
	return nil
}

// saw notes when Kafka took messages.
func (r *Router) saw(batch []kafka.Message) {
	for i := range batch {
		for at := batch[i].Time.UnixMilli(); ; {
			last := r.appended.Load()
			if at <= last || r.appended.CompareAndSwap(last, at) {
				break
			}
		}
	}
}

// publish writes the letters. One that Kafka will never take becomes a dead letter of what it stems from.
func (r *Router) publish(ctx context.Context, w *kafka.Writer, out []letter) error {
	if len(out) == 0 {
		return nil
	}
	msgs := make([]kafka.Message, len(out))
	for i := range out {
		msgs[i] = out[i].Message
	}
	began := time.Now()
	err := w.Publish(ctx, msgs...)
	r.metrics.publish.Observe(time.Since(began).Seconds())
	var rejected *kafka.RejectedError
	if !errors.As(err, &rejected) {
		return err
	}
	var dead []kafka.Message
	for _, rej := range rejected.Rejected {
		l := &out[rej.Index]
		if l.Topic == r.topics.DeadLetter {
			// A dead letter always fits, unless the topic was made by somebody else with a smaller limit: nothing may be dropped, so this
			// waits for a person.
			return fmt.Errorf("topic %s does not take a dead letter of %d bytes: %w", l.Topic, l.Size(), rej.Err)
		}
		d := r.dead(l.from, kafka.Failure{Reason: fmt.Sprintf("topic %s: %v", l.Topic, rej.Err), Rule: l.rule, Step: l.step}, "rejected")
		l.count = d.count
		dead = append(dead, d.Message)
	}
	err = w.Publish(ctx, dead...)
	if fault.IsPermanent(err) {
		return fmt.Errorf("topic %s does not take dead letters: %v", r.topics.DeadLetter, err) //nolint:errorlint // must be tried again
	}
	return err
}

// dead makes a dead letter. kind is for the metric.
func (r *Router) dead(from *kafka.Message, f kafka.Failure, kind string) letter {
	f.Stage = "router"
	return letter{Message: r.kafka.DeadLetter(*from, f), from: from, rule: f.Rule, step: f.Step, count: func() {
		r.metrics.dead.WithLabelValues(kind).Inc()
		r.deadLog.wrote(kind, from, f)
	}}
}
