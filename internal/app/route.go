package app

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime/debug"

	"golang.org/x/sync/errgroup"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/router"
	"github.com/riposte-security/riposte/router/engine"
	"github.com/riposte-security/riposte/router/lists"
	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/router/rule/predicate"
	"github.com/riposte-security/riposte/rules"
)

type routeCmd struct{ stackFlags }

// Run routes until it is interrupted.
func (c *routeCmd) Run(ctx context.Context, a *App) error {
	s, err := a.newStack(ctx, c.Data, nil)
	if err != nil {
		return err
	}
	defer s.close()
	stage, err := s.router(ctx)
	if err != nil {
		return err
	}
	a.garbage(75) // a tenth less memory for a hundredth of the time: most of what there is are rules and messages on their way
	return s.run(ctx, stage)
}

// garbage sets how much garbage there may be, in percent of what is no garbage, where GOGC does not say it.
func (a *App) garbage(percent int) {
	if _, set := a.env("GOGC"); !set {
		debug.SetGCPercent(percent)
	}
}

// routerConfig is the section `router`.
type routerConfig struct {
	// Rules are files and folders; without any, the rules that riposte ships apply.
	Rules         []string `yaml:"rules"`
	router.Config `yaml:",inline"`
}

// router builds the router stage: the rules are loaded, and refused, here.
func (s *stack) router(ctx context.Context) (stage, error) {
	var conf routerConfig
	if err := s.cfg.Router.Decode(&conf); err != nil {
		return nil, fmt.Errorf("router: %w", err)
	}
	m, closeLists, err := newLists(&s.cfg, lists.Deps{Log: &s.log, Registerer: s.reg, Dir: filepath.Join(s.data, "lists")})
	if err != nil {
		return nil, err
	}
	reloader, err := router.NewReloader(ctx, conf.Rules, func(context.Context) (router.Decider, error) {
		set, err := s.loadRuleSet(&s.cfg, m, conf.Rules)
		if err != nil {
			return nil, err
		}
		return engine.New(set, s.log), nil
	}, s.log, s.reg)
	if err != nil {
		return nil, err
	}
	debug.FreeOSMemory() // to load rules takes several times what they need in the end
	r, err := router.New(conf.Config, router.Deps{Kafka: s.kafka, Decider: reloader, Log: &s.log, Registerer: s.reg})
	if err != nil {
		return nil, err
	}
	t := s.kafka.Topics()
	s.topics = append(s.topics, t.Events, t.Outcomes, t.Correlate, t.Alert, t.Block, t.Remediate, t.DeadLetter)
	return func(ctx context.Context) error {
		defer closeLists()
		g, ctx := errgroup.WithContext(ctx)
		g.Go(func() error { return m.Run(ctx) })
		g.Go(func() error { return reloader.Run(ctx) })
		g.Go(func() error {
			awaitLists(ctx, m, s.log)
			return r.Run(ctx)
		})
		return g.Wait()
	}, nil
}

// loadRuleSet reads the configured rules, or those that ship.
func (a *App) loadRuleSet(cfg *config.Config, sources predicate.Sources, paths []string) ([]*rule.Rule, error) {
	if len(paths) > 0 {
		return a.loadRulesWith(cfg, sources, paths...)
	}
	o, err := ruleOptions(cfg)
	if err != nil {
		return nil, err
	}
	o.Sources = sources
	return rule.LoadFS(o, rules.FS())
}
