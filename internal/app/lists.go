package app

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/router/lists"
	"github.com/riposte-security/riposte/router/rule/predicate"
)

// listsWait is how long the router waits for the first copies of its lists. Afterwards a list that has none holds nothing until it has.
const listsWait = 15 * time.Second

// newLists builds the lists of the configuration, without I/O. Topics are read through a client of their own: one that is missing says nothing of
// the Kafka that the stages need. done ends what the lists hold, after their Run.
func newLists(cfg *config.Config, d lists.Deps) (m *lists.Manager, done func(), err error) {
	conf, err := lists.ReadConfig(cfg.Lists, cfg.GeoIP)
	if err != nil {
		return nil, nil, err
	}
	done = func() {}
	if conf.NeedsKafka() {
		var kc kafka.Config
		if err := cfg.Kafka.Decode(&kc); err != nil {
			return nil, nil, fmt.Errorf("kafka: %w", err)
		}
		if d.Kafka, err = kafka.New(kc, d.Log.With().Str("for", "lists").Logger()); err != nil {
			return nil, nil, err
		}
		done = d.Kafka.Close
	}
	m, err = lists.New(conf, d)
	return m, done, err
}

// awaitLists waits for the first copies, and says which lists go without.
func awaitLists(ctx context.Context, m *lists.Manager, log zerolog.Logger) {
	if missing := m.Wait(ctx, listsWait); len(missing) > 0 && ctx.Err() == nil {
		log.Warn().Strs("lists", missing).Msg("lists without a good copy: they hold nothing until they have one")
	}
}

// ruleInputs are what rules are looked at with by a command that runs no stage: the configuration, if there is one, and its lists, which stay
// until done is called.
func (a *App) ruleInputs(ctx context.Context) (cfg *config.Config, from predicate.Sources, done func(), err error) {
	if cfg, err = a.ruleConfig(); err != nil {
		return nil, nil, nil, err
	}
	from, done, err = a.matchLists(ctx, cfg)
	return cfg, from, done, err
}

// matchLists loads the lists of the configuration for a command that reads files, and keeps them until done is called. Without a
// configuration there are none.
func (a *App) matchLists(ctx context.Context, cfg *config.Config) (from predicate.Sources, done func(), err error) {
	if cfg == nil || cfg.Lists.IsZero() && cfg.GeoIP.IsZero() {
		return nil, func() {}, nil
	}
	log, err := a.logger(*cfg)
	if err != nil {
		return nil, nil, err
	}
	m, closeLists, err := newLists(cfg, lists.Deps{Log: &log})
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		if err := m.Run(ctx); err != nil {
			log.Error().Err(err).Msg("lists")
		}
	})
	awaitLists(ctx, m, log)
	return m, func() {
		cancel()
		running.Wait()
		closeLists()
	}, nil
}
