package consumers

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/riposte-security/riposte/consumers/guard"
	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/internal/obs"
	"github.com/riposte-security/riposte/internal/sign"
	"github.com/riposte-security/riposte/schemas"
)

const (
	// grace is how long work in course may go on when the service is asked to end.
	grace = 5 * time.Second
	// lastWords is how long it may take after that to write down how far the work came, lastTry the same when the ledger is away anyhow.
	lastWords = 2 * time.Second
	lastTry   = 500 * time.Millisecond
	// pollEvery is how often the ledger is asked for what is due, when nothing wakes the workers.
	pollEvery = time.Second
)

// A Sharer is an action whose effect on a target may be the work of several commands, and which says what carries it: the IP set and its
// scope, say. Commands with the same action, target and enforcer share one effect, and the first of them to end must not take it away
// from the others. For an action that is no Sharer the enforcer is the whole of `with`.
type Sharer interface {
	Enforcer(cmd schemas.Command) string
}

// A Name names an action: in the alert lane it is a receiver's.
type Name struct {
	Lane   schemas.Lane
	Action string
}

// Broker is what the service needs of Kafka to read; *kafka.Client is one.
type Broker interface {
	Follow(ctx context.Context, topic string, caughtUp func(), fn func(context.Context, kafka.Message) error) error
	Consume(ctx context.Context, g kafka.Group, handle kafka.Handler) error
	DeadLetter(m kafka.Message, f kafka.Failure) kafka.Message
	Topics() kafka.Topics
}

// Publisher is what the service needs of Kafka to write; *kafka.Writer is one.
type Publisher interface {
	Publish(ctx context.Context, msgs ...kafka.Message) error
}

// Deps is what a service works with. The caller keeps and closes all of it after Run has returned.
type Deps struct {
	Ledger  ledger.Ledger
	Broker  Broker
	Writer  Publisher
	Actions map[Name]Action
	// Before are further guards that need no plan, After those that see it; they are asked before the service's own.
	Before, After []guard.Guard
	// Never is what the list of what is never touched has to know of the world; its entries come from the configuration.
	Never guard.Never
	// Exemptions returns the exemptions as they are now; nil: there are none.
	Exemptions func() []guard.Exemption
	// Ours tells of an event whether it is a call that our own role made, and for which command; nil: nobody knows.
	Ours func(ctx context.Context, event []byte) (command string, ok bool, err error)
	// Code returns what the owners of infrastructure code are to be told of a remediation that has taken effect, beside an error about what could not be
	// searched; nil: nobody is told.
	Code func(ctx context.Context, cmd schemas.Command) ([]schemas.Notice, error)
	// Owner names this process in the ledger's leases: host name and process id, say.
	Owner string
	// OwnerRestarts says that the only other process that could have used this Owner is this one's predecessor, which is dead: what it had claimed is
	// then taken up at once, and not when its leases are over.
	OwnerRestarts bool
	// CommandRetention is how long Kafka keeps commands, where that is known to be other than kafka.CommandRetention.
	CommandRetention time.Duration
	Now              func() time.Time      // default time.Now
	Log              zerolog.Logger        // the zero Logger is silent
	Registerer       prometheus.Registerer // nil: metrics are not shown
}

// A Service carries out the commands of some lanes: it enters them in the ledger, and its workers claim them from there.
type Service struct {
	cfg    Config
	lanes  []schemas.Lane
	d      Deps
	before []guard.Guard
	after  []guard.Guard
	m      metrics
	db     *obs.Condition
	wake   map[schemas.Lane]chan struct{}
	outbox chan struct{}
	brake  *brake
	long   map[schemas.Lane]*longRuns
	// Keys: of routers, and of people.
	routers, operators *sign.Ring
}

// New returns a service for lanes. It does no I/O.
func New(cfg Config, lanes []schemas.Lane, d Deps) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("consumers: %w", err)
	}
	if d.Ledger == nil || d.Broker == nil || d.Writer == nil || d.Owner == "" {
		return nil, errors.New("consumers: ledger, broker, writer and owner are needed")
	}
	if d.CommandRetention != 0 {
		if err := cfg.outlives(d.CommandRetention); err != nil {
			return nil, fmt.Errorf("consumers: %w", err)
		}
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	m, err := newMetrics(d.Registerer)
	if err != nil {
		return nil, fmt.Errorf("consumers: %w", err)
	}
	s := &Service{
		cfg: cfg, lanes: slices.Clone(lanes), d: d, m: m, db: obs.NewCondition(d.Log, "ledger"),
		wake: map[schemas.Lane]chan struct{}{}, outbox: make(chan struct{}, 1), brake: newBrake(), long: map[schemas.Lane]*longRuns{},
	}
	if s.routers, s.operators, err = cfg.Rings(); err != nil {
		return nil, fmt.Errorf("consumers: %w", err)
	}
	s.before, s.after = s.guards()
	for _, lane := range lanes {
		if !slices.Contains(schemas.Lanes(), lane) {
			return nil, fmt.Errorf("consumers: no lane %q", lane)
		}
		s.wake[lane] = make(chan struct{}, 1)
		s.long[lane] = &longRuns{after: lingering, most: cfg.workers(lane)}
	}
	return s, nil
}

// Run works until ctx ends, and then returns nil: work in course may finish within some seconds; what does not is given back to the ledger, where the next
// start finds it at once. It returns an error only if the service makes no sense. Kafka or the ledger being away is waited out.
func (s *Service) Run(ctx context.Context) error {
	work, abort := context.WithCancelCause(context.WithoutCancel(ctx))
	defer abort(nil)
	publishing := make(chan struct{})
	stopPublishing, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	go func() {
		defer close(publishing)
		s.publish(stopPublishing)
	}()

	if s.d.OwnerRestarts {
		err := fault.Retry(ctx, s.db.Failed, func() error {
			_, err := s.d.Ledger.Release(ctx, s.d.Now(), s.d.Owner)
			return err
		})
		if err == nil {
			s.db.OK()
		} // else ctx has ended, and what follows ends at once
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.obey(ctx) })
	for _, lane := range s.lanes {
		s.announce(lane)
		g.Go(func() error { return s.ingest(ctx, lane) })
		g.Go(func() error {
			s.serve(ctx, work, abort, lane)
			return nil
		})
	}
	g.Go(func() error {
		s.housekeep(ctx)
		return nil
	})
	if s.cfg.Reconcile > 0 && slices.Contains(s.lanes, schemas.LaneBlock) {
		g.Go(func() error {
			s.reconcile(ctx, work)
			return nil
		})
	}
	err := g.Wait()
	stop() // the workers are done: publish what they left, and end
	<-publishing
	return err
}

// announce logs whether a lane changes anything, and which actions and accounts are told otherwise.
func (s *Service) announce(lane schemas.Lane) {
	mode, _ := s.cfg.mode(schemas.Command{Lane: lane})
	line := s.d.Log.Info().Str("lane", string(lane)).Str("mode", mode).Int("workers", s.cfg.workers(lane))
	for _, name := range slices.Sorted(maps.Keys(s.cfg.Actions)) {
		if _, ok := s.d.Actions[Name{lane, name}]; ok {
			line = line.Str("action."+name, s.cfg.Actions[name].Mode)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.cfg.Accounts)) {
		line = line.Str("account."+id, s.cfg.Accounts[id].Mode)
	}
	line.Msgf("lane %s: %s, %d workers", lane, mode, s.cfg.workers(lane))
}

// Well tells whether the ledger answered when it was last asked. It costs nothing.
func (s *Service) Well() bool { return s.db.Well() }

// lastWords is how long a last write may take.
func (s *Service) lastWords() time.Duration {
	if s.Well() {
		return lastWords
	}
	return lastTry
}

// rouse wakes the workers of a lane.
func (s *Service) rouse(lane schemas.Lane) { nudge(s.wake[lane]) }

// nudge leaves a note in a channel of one, unless one is there already.
func nudge(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// pause waits for a nudge, some time, or the end of ctx.
func pause(ctx context.Context, wake <-chan struct{}, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-wake:
	case <-t.C:
	}
}
