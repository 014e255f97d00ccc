package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/catalog"
	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/consumers/ledger/open"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/schemas"
)

type consumeCmd struct {
	stackFlags
	Lanes []schemas.Lane `arg:"" name:"LANE" enum:"alert,block,remediate" help:"Lanes to serve: alert, block, remediate."`
}

// Run consumes until it is interrupted.
func (c *consumeCmd) Run(ctx context.Context, a *App) error {
	s, err := a.newStack(ctx, c.Data, nil)
	if err != nil {
		return err
	}
	defer s.close()
	st, err := s.consumers(c.Lanes, owner(), false)
	if err != nil {
		return err
	}
	return s.run(ctx, st)
}

// consumers builds the consumers of lanes. restarts says that no other living process bears this owner's name.
func (s *stack) consumers(lanes []schemas.Lane, owner string, restarts bool) (stage, error) {
	conf, err := consumerConfig(s.cfg)
	if err != nil {
		return nil, err
	}
	var writer lateWriter
	actions, err := s.actions(conf, &writer)
	if err != nil {
		return nil, err
	}
	url, err := s.ledgerURL(s.cfg, s.data)
	if err != nil {
		return nil, err
	}
	deps := consumers.Deps{
		Broker: s.kafka, Actions: actions, Owner: owner, OwnerRestarts: restarts, Now: clock(), Log: s.log, Registerer: s.reg,
	}
	ours, err := s.ours(&deps, slices.Contains(lanes, schemas.LaneBlock))
	if err != nil {
		return nil, err
	}
	if deps.Code, err = s.codeOwners(conf.Code); err != nil {
		return nil, err
	}
	follow := stage(func(context.Context) error { return nil })
	if conf.Exemptions != "" {
		x, err := newExemptions(conf.Exemptions, s.log)
		if err != nil {
			return nil, err
		}
		deps.Exemptions, follow = x.list, x.run
	}
	if err := open.Check(url); err != nil {
		return nil, fmt.Errorf("%s: %w", s.cfg.Pos("ledger", "url"), err)
	}
	t := s.kafka.Topics()
	var own []string
	for _, lane := range lanes {
		own = append(own, t.Lane(lane))
	}
	s.topics = append(append(s.topics, t.Control, t.Outcomes, t.DeadLetter), own...)
	var running atomic.Pointer[consumers.Service]
	var desk atomic.Pointer[ledger.Ledger]
	err = s.deskRoutes(conf, func() ledger.Desk {
		if l := desk.Load(); l != nil {
			return *l
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.checks = append(s.checks, check{"ledger", func() bool {
		service := running.Load() // none until the ledger is open
		return service != nil && service.Well()
	}})
	return func(ctx context.Context) error {
		l, err := open.Wait(ctx, url, s.log)
		if err != nil {
			return err
		}
		defer l.Close()                                  //nolint:errcheck // what was done is durable already
		retention, err := s.kafka.Retention(ctx, own...) // somebody may have set another one
		if err != nil {
			return err
		}
		w := s.kafka.NewWriter()
		defer w.Close()
		writer.Store(w)
		deps.Ledger, deps.Writer, deps.CommandRetention = l, w, retention
		service, err := consumers.New(conf, lanes, deps)
		if err != nil {
			return err
		}
		running.Store(service)
		desk.Store(&l)
		defer desk.Store(nil)
		g, ctx := errgroup.WithContext(ctx)
		g.Go(func() error { return follow(ctx) })
		g.Go(func() error { return ours(ctx) })
		g.Go(func() error { return service.Run(ctx) })
		return g.Wait()
	}, nil
}

// consumerConfig reads the section `consumers`. Unless it says whose events may block and remediate, the producers of the same configuration
// may, and the consumers' own outcomes.
func consumerConfig(cfg config.Config) (consumers.Config, error) {
	conf := consumers.Defaults()
	if err := cfg.Consumers.Decode(&conf); err != nil {
		return conf, fmt.Errorf("consumers: %w", err)
	}
	if err := knownActions(cfg, conf); err != nil {
		return conf, err
	}
	if err := matchingKeys(cfg, conf); err != nil {
		return conf, err
	}
	if conf.TrustedSources == nil {
		for _, p := range cfg.Producers {
			conf.TrustedSources = append(conf.TrustedSources, "riposte/"+p.Name)
		}
		for _, lane := range schemas.Lanes() {
			conf.TrustedSources = append(conf.TrustedSources, schemas.OutcomeSource(lane))
		}
	}
	return conf, nil
}

// knownActions refuses settings for actions that do not exist: who misspells one means another.
func knownActions(cfg config.Config, conf consumers.Config) error {
	receivers, err := readReceivers(cfg.Receivers)
	if err != nil {
		return err
	}
	var known []string
	for _, a := range catalog.Actions() {
		known = append(known, a.Spec.Name)
	}
	for _, r := range receivers {
		known = append(known, r.Name)
	}
	for _, name := range slices.Sorted(maps.Keys(conf.Actions)) {
		if !slices.Contains(known, name) {
			return fmt.Errorf("%s: consumers.actions: unknown action or receiver %q; there are %s", cfg.Pos("consumers", "actions", name), name, oneOf(known))
		}
	}
	return nil
}

// actions builds every action and receiver.
func (s *stack) actions(conf consumers.Config, w consumers.Publisher) (map[consumers.Name]consumers.Action, error) {
	deps := catalog.Deps{Clients: s.clients, Log: s.log, Writer: w, Prefix: strings.TrimSuffix(s.kafka.Topics().Events, ".events"), Invoke: s.cfg.Invoke}
	if err := s.cfg.Callouts.Decode(&deps.Callouts); err != nil {
		return nil, fmt.Errorf("callouts: %w", err)
	}
	if conf.Approval.URL != "" {
		deps.Links = signer(conf).Links
	}
	all := map[consumers.Name]consumers.Action{}
	receivers, err := buildReceivers(s.cfg.Receivers, deps)
	if err != nil {
		return nil, err
	}
	for name, r := range receivers {
		all[consumers.Name{Lane: schemas.LaneAlert, Action: name}] = r
	}
	for _, e := range catalog.Actions() {
		action, err := e.New(deps)
		if err != nil {
			return nil, fmt.Errorf("action %s: %w", e.Spec.Name, err)
		}
		all[consumers.Name{Lane: e.Spec.Lane, Action: e.Spec.Name}] = action
	}
	return all, nil
}

// lateWriter is a publisher for actions, which are made before the writer is.
type lateWriter struct{ atomic.Pointer[kafka.Writer] }

// Publish implements consumers.Publisher.
func (l *lateWriter) Publish(ctx context.Context, msgs ...kafka.Message) error {
	w := l.Load()
	if w == nil {
		return errors.New("the writer is not there yet")
	}
	return w.Publish(ctx, msgs...)
}

// withDesk opens the ledger for a command of a person.
func (a *App) withDesk(ctx context.Context, f deskFlags, fn func(ledger.Desk) error) error {
	cfg, _, err := a.find()
	if err != nil {
		return err
	}
	url, err := a.ledgerURL(cfg, f.Data)
	if err != nil {
		return err
	}
	l, err := open.Existing(ctx, url)
	if err != nil {
		return err
	}
	defer l.Close() //nolint:errcheck // what was done is durable already
	return fn(l)
}
