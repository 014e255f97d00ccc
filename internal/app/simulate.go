package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/consumers/guard"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/router"
	"github.com/riposte-security/riposte/router/engine"
	"github.com/riposte-security/riposte/router/rule/predicate"
	"github.com/riposte-security/riposte/schemas"
)

type simulateCmd struct {
	Rules   []string          `required:"" name:"rules" placeholder:"PATH" help:"Files and folders with the rules in question."`
	Against []string          `name:"against" placeholder:"PATH" help:"Files and folders with the rules to compare them with, such as those in force."`
	Since   time.Duration     `xor:"from" placeholder:"24h" help:"Read the events that came into Kafka in this time until now, as far as the topic keeps them: there is no archive yet."`
	From    []string          `xor:"from" placeholder:"FILE" help:"Read events from files instead; '-' is stdin."`
	Format  string            `help:"Format of the records in the files; by default they are events, or any JSON."`
	Set     map[string]string `mapsep:"none" placeholder:"KEY=VALUE" help:"A setting of the format."`
	JSON    bool              `name:"json" help:"Print JSON."`
}

// Run says what rules would have done over past events. It changes nothing: in Kafka it joins no group and commits no offset.
func (c *simulateCmd) Run(ctx context.Context, a *App) error {
	if c.Since <= 0 && len(c.From) == 0 {
		return misuse{errors.New("say which events: --since 24h for those in Kafka, or --from FILE")}
	}
	cfg, sources, done, err := a.ruleInputs(ctx)
	if err != nil {
		return err
	}
	defer done()
	of := router.Simulated{}
	if of.Candidate, err = a.ruleEngine(cfg, sources, c.Rules); err != nil {
		return a.printProblems(err)
	}
	if len(c.Against) > 0 {
		if of.Current, err = a.ruleEngine(cfg, sources, c.Against); err != nil {
			return a.printProblems(err)
		}
	}
	if cfg != nil {
		var conf routerConfig
		if err := cfg.Router.Decode(&conf); err != nil {
			return fmt.Errorf("router: %w", err)
		}
		of.MaxRate, of.Memory = conf.MaxRate, conf.Correlate.Memory
	}
	if c.Since > 0 {
		return c.topics(ctx, a, of)
	}
	return c.files(ctx, a, of)
}

// files reads events from files.
func (c *simulateCmd) files(ctx context.Context, a *App, of router.Simulated) error {
	format, err := eventsOr(c.Format, c.Set)
	if err != nil {
		return err
	}
	s := router.NewSimulation(of)
	missing, now := false, time.Now().UTC()
	err = a.eachEvent(ctx, format, c.From, func(_ string, _ int, ev schemas.Event) error {
		s.Event(ev, ev.Class == schemas.ClassRemediationActivity, cameIn(ev, now))
		return nil
	}, func(b badRecord) error {
		missing = missing || b.Record == 0
		s.Unreadable()
		return newEncoder(a.Err).Encode(b)
	})
	if err != nil {
		return err
	}
	if missing { // figures of something else than what was asked for
		return errReported
	}
	s.End()
	return c.print(a, s.Report())
}

func (a *App) ruleEngine(cfg *config.Config, sources predicate.Sources, paths []string) (*engine.Engine, error) {
	rules, err := a.loadRulesWith(cfg, sources, paths...)
	if err != nil {
		return nil, err
	}
	return engine.New(rules, zerolog.Nop()), nil
}

// topics reads events and outcomes from Kafka.
func (c *simulateCmd) topics(ctx context.Context, a *App, of router.Simulated) error {
	st, err := a.newStack(ctx, "", orEmbedded)
	if err != nil {
		return err
	}
	defer st.close()
	if of.Guard, err = simulatedGuard(ctx, st.cfg); err != nil {
		return err
	}
	s := router.NewSimulation(of)
	since := time.Now().Add(-c.Since)
	names := st.kafka.Topics()
	keeps, err := st.kafka.Retention(ctx, names.Events)
	if err == nil && keeps > 0 && keeps < c.Since { // an error: it may not be asked; then what is there is read
		fmt.Fprintf(a.Err, "topic %s keeps %s: what came before is gone, and there is no archive yet to read it from\n", names.Events, schemas.Duration(keeps))
	}
	for _, topic := range []string{names.Events, names.Outcomes} {
		err := st.kafka.ReadSince(ctx, topic, since, func(_ context.Context, m kafka.Message) error {
			ev, err := m.Event()
			if err != nil {
				s.Unreadable()
				return nil //nolint:nilerr // counted
			}
			s.Event(ev, topic == names.Outcomes, m.Time)
			return nil
		})
		if err != nil {
			return fmt.Errorf("simulate: %w", err)
		}
	}
	s.End()
	return c.print(a, s.Report())
}

// simulatedGuard asks the guards that need no plan what they would have made of a command.
func simulatedGuard(ctx context.Context, cfg config.Config) (func(*schemas.Command, time.Time) schemas.State, error) {
	conf, err := consumerConfig(cfg)
	if err != nil {
		return nil, err
	}
	guards := []guard.Guard{guard.Trust{Sources: conf.TrustedSources}, guard.Stale{Within: conf.MaxAge}}
	return func(c *schemas.Command, at time.Time) schemas.State {
		v, err := guard.Ask(ctx, guards, guard.Case{Now: at, Command: *c})
		if err != nil {
			return "" // not known
		}
		return v.State
	}, nil
}
