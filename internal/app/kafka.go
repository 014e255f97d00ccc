package app

import (
	"context"
	"fmt"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/schemas"
)

type kafkaCmd struct {
	Topics topicsCmd `cmd:"" help:"Print the topics that riposte uses, or make them."`
	ACLs   aclsCmd   `cmd:"" name:"acls" help:"Print the least ACLs of each stage's user, as commands of kafka-acls.sh, or make them."`
}

type topicsCmd struct {
	Create bool `help:"Make what is missing."`
}

// Run prints the names of the topics, or makes them.
func (c *topicsCmd) Run(ctx context.Context, a *App) error {
	s, err := a.newStack(ctx, "", nil)
	if err != nil {
		return err
	}
	defer s.close()
	if c.Create {
		if err := s.kafka.EnsureTopics(ctx); err != nil {
			return err
		}
	}
	for _, name := range s.kafka.Topics().All() {
		fmt.Fprintln(a.Out, name)
	}
	return nil
}

type configCmd struct {
	Check configCheckCmd `cmd:"" help:"Build everything that the configuration names, without I/O."`
}

type configCheckCmd struct{}

// Run builds every component as the stages would, and says what is wrong and where.
func (configCheckCmd) Run(ctx context.Context, a *App) error {
	forUp := false
	s, err := a.newStack(ctx, "data", func(cfg *config.Config) error {
		forUp = cfg.Kafka.IsZero()
		return orEmbedded(cfg)
	})
	if err != nil {
		return err
	}
	defer s.close()
	if len(s.cfg.Producers) > 0 {
		all, err := s.buildProducers(nil)
		if err != nil {
			return err
		}
		if err := portClash(s.cfg, all); err != nil {
			if forUp {
				return err
			}
			fmt.Fprintf(a.Err, "note: %v: they cannot run in one process, or on one machine\n", err)
		}
	}
	if _, err := s.router(ctx); err != nil {
		return a.printProblems(err)
	}
	if _, err := s.consumers(schemas.Lanes(), "check", false); err != nil {
		return err
	}
	if !s.cfg.Archive.IsZero() {
		if _, err := s.archiver(0); err != nil {
			return err
		}
	}
	fmt.Fprintln(a.Out, "the configuration is sound")
	return nil
}
