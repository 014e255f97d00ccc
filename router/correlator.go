package router

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/router/correlate"
	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/schemas"
)

const (
	// DefaultMemory is CorrelateConfig.Memory where it is not set.
	DefaultMemory = 1 << 30
	respecEvery   = time.Second // how often it is looked whether the correlations have changed
	maxSkew       = time.Minute // by which a broker's clock may be ahead of ours
	fullAgain     = time.Minute // after which it is alerted again that there is no memory for a correlation
)

// CorrelateConfig is what can be set about correlations.
type CorrelateConfig struct {
	// Group is the consumer group; "<prefix>.correlator" if empty.
	Group string `yaml:"group"`
	// Memory bounds the state of all correlations in this process, in bytes as it is estimated; 1 GiB if zero. What is above it is shed, counted
	// and alerted.
	Memory int64 `yaml:"memory"`
}

// Validate checks the settings.
func (c CorrelateConfig) Validate() error {
	if c.Memory < 0 {
		return fmt.Errorf("correlate.memory: %d is negative", c.Memory)
	}
	return nil
}

// A correlator reads riposte.correlate, where each group has its partition, and publishes what follows when a correlation holds.
type correlator struct {
	r *Router
	w *kafka.Writer

	specs  *specs
	budget *correlate.Budget

	mu     sync.Mutex
	shares map[int]*share

	fullMu sync.Mutex
	full   map[string]time.Time // correlations that were last alerted to be without memory

	clock  steady
	front  *front // up to where the router is waited for
	passed *front // what it has passed last
}

// A share is one partition.
type share struct {
	mu    sync.Mutex
	state *correlate.State
	next  int64 // offset up to which everything was applied
	// Of messages before known, which a predecessor has dealt with, the state is made; what follows from those that arrived before quiet is known
	// to be in Kafka. The rest is published again, under the same ids: the predecessor may not have known the same correlations.
	known    int64
	quiet    time.Time
	released time.Time // since when the partition is not ours; zero: it is
	goal     *front    // when this is reached, what waits for lateness is decided
	sealed   time.Time // up to here it has been
	marks    []mark
	// pending is what has been decided and is not in Kafka yet: a state fires once, and must not be asked again.
	pending []letter
}

func newCorrelator(r *Router, w *kafka.Writer) *correlator {
	return &correlator{r: r, w: w, budget: &correlate.Budget{Limit: r.cfg.Correlate.Memory}, shares: map[int]*share{}, full: map[string]time.Time{}}
}

// run correlates until ctx ends. When the correlations change, everything is read again that may matter to them.
func (c *correlator) run(ctx context.Context) error {
	for ctx.Err() == nil {
		c.specs = c.r.correlations()
		if len(c.specs.byID) == 0 {
			c.changed(ctx)
			continue
		}
		if err := c.consume(ctx); err != nil {
			return err
		}
	}
	return nil
}

// changed waits until the correlations are others than those in use, or ctx ends.
func (c *correlator) changed(ctx context.Context) {
	tick := time.NewTicker(respecEvery)
	defer tick.Stop()
	for c.r.correlations().hash == c.specs.hash {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// consume correlates with one set of correlations.
func (c *correlator) consume(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel()
	watch.Go(func() {
		c.changed(ctx)
		cancel()
	})
	watch.Go(func() { c.keep(ctx) })
	watch.Go(func() { c.checkRetention(ctx) })
	defer c.drop()
	return c.r.kafka.Consume(ctx, kafka.Group{
		ID: c.r.cfg.Correlate.Group, Topics: []string{c.r.topics.Correlate}, MaxBatch: c.r.cfg.MaxBatch,
		Hold: c.held, Released: c.released, From: c.from,
		Lost: c.r.metrics.gone,
	}, c.handle)
}

// checkRetention says so if Kafka forgets what a successor would have to read again: somebody may have made the topic otherwise. An error is
// the end of ctx; zero, that nobody may ask.
func (c *correlator) checkRetention(ctx context.Context) {
	keeps, err := c.r.kafka.Retention(ctx, c.r.topics.Correlate)
	if err == nil && keeps > 0 && keeps < c.specs.horizon {
		c.r.log.Error().Str("topic", c.r.topics.Correlate).Str("retention", keeps.String()).Str("needed", c.specs.horizon.String()).
			Msg("the topic forgets sooner than the longest correlation looks back: after a restart, some will not fire")
	}
}

func (c *correlator) share(partition int) *share {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.shares[partition]
	if s == nil {
		s = &share{state: correlate.NewState(c.specs.byID, c.budget)}
		c.shares[partition] = s
	}
	return s
}

func (c *correlator) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.shares {
		s.state.Close()
	}
	clear(c.shares)
}

// handle takes a batch of contributions, and publishes what follows.
func (c *correlator) handle(ctx context.Context, batch []kafka.Message) error {
	c.r.saw(batch)
	s := c.share(batch[0].Partition)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range batch {
		if batch[i].Offset < s.next {
			continue // the batch comes again because what followed could not be published: that is pending
		}
		s.next = batch[i].Offset + 1
		s.mark(&batch[i])
		if err := c.take(ctx, s, &batch[i]); err != nil {
			return err
		}
	}
	c.r.metrics.events.WithLabelValues(batch[0].Topic).Add(float64(len(batch)))
	c.r.metrics.memory.Set(float64(c.budget.Used()))
	return c.settle(ctx, s)
}

// settle publishes what is pending of a share.
func (c *correlator) settle(ctx context.Context, s *share) error {
	if err := c.r.publish(ctx, c.w, s.pending); err != nil {
		return err
	}
	for _, l := range s.pending {
		l.count()
	}
	s.pending = nil
	return nil
}

// take applies one message. The error is ctx's.
func (c *correlator) take(ctx context.Context, s *share, m *kafka.Message) error {
	contribution, err := correlate.Decode(m.Value)
	if err != nil {
		s.pending = append(s.pending, c.r.dead(m, kafka.Failure{Reason: err.Error()}, "unreadable"))
		return nil //nolint:nilerr // the dead letter tells
	}
	at := m.Time
	if now := c.r.now(); at.After(now.Add(maxSkew)) {
		at = now // a broker whose clock has jumped must not push out what is known
	}
	firings, verdict := s.state.Apply(&contribution, at)
	if m.Offset < s.known {
		if m.Time.Before(s.quiet) {
			return nil
		}
		return c.fire(ctx, s, m, firings)
	}
	c.r.metrics.correlated.WithLabelValues(c.r.metrics.label(contribution.Rule), verdict.String()).Inc()
	if verdict == correlate.Shed {
		c.shed(s, m, &contribution)
	}
	return c.fire(ctx, s, m, firings)
}

// fire makes the messages that follow from firings. m is the message that led to them.
func (c *correlator) fire(ctx context.Context, s *share, m *kafka.Message, firings []correlate.Firing) error {
	now := c.r.now()
	for _, f := range firings {
		of, ok := c.r.ruleOf(f.Spec.Rule)
		if !ok {
			continue // it has been removed meanwhile
		}
		var d rule.Decision
		ev, err := of.Fire(f, now, &d)
		if err != nil {
			s.pending = append(s.pending, c.r.dead(m, kafka.Failure{Reason: err.Error(), Rule: of.ID}, "decide"))
			continue
		}
		letters, err := c.r.letters(ctx, m, ev, &d, now)
		if err != nil {
			return err
		}
		s.pending = append(append(s.pending, c.r.finding(m, ev, of.ID)), letters...)
	}
	return nil
}

// finding makes the message of a finding for the events topic: what was found is an event, too.
func (r *Router) finding(m *kafka.Message, ev schemas.Event, of string) letter {
	headers := schemas.EventHeaders(ev)
	headers[schemas.HeaderSource] = source
	return letter{
		Message: kafka.Message{Topic: r.topics.Events, Key: []byte(ev.Key), Value: ev.Data, Headers: kafka.Headers(headers)},
		from:    m, rule: of, step: "correlate", count: r.metrics.publications.Inc,
	}
}

// contribution makes the message of a contribution to a correlation.
func (r *Router) contribution(m *kafka.Message, c *correlate.Contribution) letter {
	c.Seen = m.Time.UnixMilli()
	value, err := c.Encode()
	if err != nil {
		return r.dead(m, kafka.Failure{Reason: err.Error(), Rule: c.Rule, Step: "correlate"}, "invalid")
	}
	return letter{
		Message: kafka.Message{Topic: r.topics.Correlate, Key: c.Key(), Value: value}, from: m, rule: c.Rule, step: "correlate",
		count: r.metrics.contributions.WithLabelValues(r.metrics.label(c.Rule)).Inc,
	}
}

// shed notes a contribution that there was no memory for: a shed command counts it, and the first of a while is alerted.
func (c *correlator) shed(s *share, m *kafka.Message, x *correlate.Contribution) {
	now := c.r.now()
	ev := schemas.Event{Data: m.Value, UID: x.UID, Time: time.UnixMilli(x.Time).UTC(), Source: x.Source}
	cmd := c.r.stand(m, x.Rule, ev, &rule.Decision{}, now)
	c.r.sheds.add(m, x.UID, cmd, now)
	c.r.metrics.shed(x.Rule)
	c.fullMu.Lock()
	last, before := c.full[x.Rule]
	again := !before || now.Sub(last) >= fullAgain
	if again {
		c.full[x.Rule] = now
	}
	c.fullMu.Unlock()
	if !again {
		return
	}
	c.r.log.Error().Str("rule", x.Rule).Int64("memory", c.budget.Used()).Int64("limit", c.budget.Limit).
		Msg("a correlation has more groups or events than there is memory for; what is above is left out and shed")
	cmd.Step = stepValve
	if of, ok := c.r.ruleOf(x.Rule); ok {
		cmd.Action = of.Receiver()
	}
	cmd.ID = schemas.CommandID(cmd.Rule, cmd.Step, fmt.Sprint(m.Time.Unix()), cmd.Target)
	cmd.RuleTitle = strings.TrimSpace(cmd.RuleTitle + " (more groups or events than its memory holds; some are left out)")
	s.pending = append(s.pending, c.r.command(m, ev, &cmd))
}

func (r *Router) correlations() *specs {
	if l, ok := r.decider.(lookup); ok {
		return l.correlations()
	}
	return newSpecs(nil)
}
