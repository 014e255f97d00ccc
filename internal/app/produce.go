package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/catalog"
)

type produceCmd struct {
	stackFlags
	Names []string `arg:"" optional:"" name:"NAME" help:"Names of producers in the configuration; all of them for none."`
}

// Run produces until it is interrupted, every source is exhausted, or none can go on.
func (c *produceCmd) Run(ctx context.Context, a *App) error {
	s, err := a.newStack(ctx, c.Data, nil)
	if err != nil {
		return err
	}
	defer s.close()
	st, err := s.producers(c.Names)
	if err != nil {
		return err
	}
	a.garbage(300) // nearly all is events that are soon gone, and collecting them took a third of the time; 200 MB where a file is read as fast as it goes
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return s.run(ctx, func(ctx context.Context) error {
		defer cancel() // exhausted sources end the process
		return st(ctx)
	})
}

// producers builds the named producers, or all, to run in one process.
func (s *stack) producers(names []string) (stage, error) {
	all, err := s.buildProducers(names)
	if err != nil {
		return nil, err
	}
	if err := portClash(s.cfg, all); err != nil {
		return nil, err
	}
	metrics, err := producers.NewMetrics(s.reg)
	if err != nil {
		return nil, err
	}
	s.topics = append(s.topics, s.kafka.Topics().Events, s.kafka.Topics().DeadLetter)
	return func(ctx context.Context) error {
		w := s.kafka.NewWriter()
		defer w.Close()
		for i := range all {
			all[i].Publisher, all[i].Metrics = w, metrics
		}
		return producers.RunAll(ctx, all)
	}, nil
}

// buildProducers builds the named producers, or all.
func (s *stack) buildProducers(names []string) ([]producers.Producer, error) {
	for _, name := range names {
		if !slices.ContainsFunc(s.cfg.Producers, func(p config.Producer) bool { return p.Name == name }) {
			return nil, misuse{fmt.Errorf("no producer %q in the configuration", name)}
		}
	}
	var all []producers.Producer
	for _, p := range s.cfg.Producers {
		if len(names) > 0 && !slices.Contains(names, p.Name) {
			continue
		}
		built, err := s.producer(p)
		if err != nil {
			return nil, err
		}
		all = append(all, built)
	}
	if len(all) == 0 {
		return nil, misuse{errors.New("no producers in the configuration")}
	}
	return all, nil
}

func (s *stack) producer(p config.Producer) (producers.Producer, error) {
	format, err := catalog.NewFormat(p.Format, p.Set)
	if err != nil {
		return producers.Producer{}, fmt.Errorf("%s: %w", p.Pos("format"), err)
	}
	kind, settings, err := p.Source.One()
	if err != nil {
		return producers.Producer{}, err
	}
	source, err := catalog.NewSource(kind, settings, producers.SourceDeps{
		Name: p.Name, DataDir: s.data, Log: s.log, Stdin: s.In, AWS: s.clients,
	})
	if err != nil {
		return producers.Producer{}, fmt.Errorf("producer %s: %w", p.Name, err)
	}
	topics := s.kafka.Topics()
	return producers.Producer{Name: p.Name, Source: source, Format: format, Events: topics.Events, DeadLetter: topics.DeadLetter, Log: s.log}, nil
}
