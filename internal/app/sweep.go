package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/catalog"
	inventory "github.com/riposte-security/riposte/producers/source/aws-inventory"
)

type sweepCmd struct {
	stackFlags
	Publish bool     `help:"Put the events on the events topic, instead of printing them."`
	Account []string `help:"Accounts to look into, by the role that the aws section names; our own by default." placeholder:"ID"`
	Region  []string `help:"Regions to look into, or 'all'; AWS_REGION by default." placeholder:"REGION"`
	What    []string `help:"Only these: buckets, instances, security-groups, iam, trails." placeholder:"KIND"`
	Name    string   `arg:"" optional:"" help:"Producer of the configuration whose settings and name are used; by default the one with an aws-inventory source, if there is one."`
}

// defaultSweep is the producer's name where the configuration has none.
const defaultSweep = "sweep"

// inventoryFormat reads configuration items.
const inventoryFormat = "config"

// Run looks at what exists now, once, and prints it as events, one a line; or publishes them.
func (c *sweepCmd) Run(ctx context.Context, a *App) error {
	cfg, _, err := a.find()
	if err != nil {
		return err
	}
	name, settings, err := c.producer(cfg)
	if err != nil {
		return err
	}
	if c.Publish {
		return c.publish(ctx, a, name, settings)
	}
	return c.print(ctx, a, cfg, name, settings)
}

// producer finds the settings of the sweep.
func (c *sweepCmd) producer(cfg config.Config) (name string, settings config.Node, err error) {
	var found []string
	for _, p := range cfg.Producers {
		kind, node, err := p.Source.One()
		if err != nil {
			return "", settings, err
		}
		if kind == "aws-inventory" && (c.Name == "" || c.Name == p.Name) {
			found, settings = append(found, p.Name), node
		}
	}
	switch {
	case len(found) > 1:
		return "", settings, misuse{fmt.Errorf("there are several producers with an aws-inventory source: name %s", oneOf(found))}
	case len(found) == 1:
		return found[0], settings, nil
	case c.Name != "":
		return "", settings, misuse{fmt.Errorf("no producer %q with an aws-inventory source in the configuration", c.Name)}
	}
	return defaultSweep, config.Node{}, nil
}

func (c *sweepCmd) scope() inventory.Scope {
	return inventory.Scope{What: slices.Clone(c.What), Accounts: c.Account, Regions: c.Region}
}

// print needs no Kafka, and remembers nothing.
func (c *sweepCmd) print(ctx context.Context, a *App, cfg config.Config, name string, settings config.Node) error {
	log, err := a.logger(cfg)
	if err != nil {
		return err
	}
	var ac cloud.Config
	if err := cfg.AWS.Decode(&ac); err != nil {
		return fmt.Errorf("aws: %w", err)
	}
	clients, err := cloud.New(ctx, ac, log)
	if err != nil {
		return err
	}
	source, err := inventory.NewOnce(settings, producers.SourceDeps{Name: name, Log: log, AWS: clients}, c.scope())
	if err != nil {
		return misuse{err}
	}
	format, err := catalog.NewFormat(inventoryFormat, config.Node{})
	if err != nil {
		return err
	}
	out, bad := newLines(a.Out), 0
	err = source.Run(ctx, func(_ context.Context, records []producers.Record) error {
		for _, r := range records {
			events, err := producers.ParseRecord(format, r)
			if err != nil {
				bad++
				if err := json.NewEncoder(a.Err).Encode(badRecord{File: r.Origin, Record: 1, Reason: err.Error()}); err != nil {
					return err
				}
			}
			for _, e := range events {
				if err := out.write(e.Data); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err := errors.Join(err, out.flush(), ctx.Err()); err != nil {
		return err
	}
	if bad > 0 {
		return errReported
	}
	return nil
}

// publish is what the producer itself does when its sweep is due, with its name and its checkpoint.
func (c *sweepCmd) publish(ctx context.Context, a *App, name string, settings config.Node) error {
	s, err := a.newStack(ctx, c.Data, nil)
	if err != nil {
		return err
	}
	defer s.close()
	source, err := inventory.NewOnce(settings, producers.SourceDeps{Name: name, DataDir: s.data, Log: s.log, AWS: s.clients}, c.scope())
	if err != nil {
		return misuse{err}
	}
	format, err := catalog.NewFormat(inventoryFormat, config.Node{})
	if err != nil {
		return err
	}
	if err := s.kafka.EnsureTopics(ctx); err != nil {
		return ended(ctx, err)
	}
	w := s.kafka.NewWriter()
	defer w.Close()
	topics := s.kafka.Topics()
	err = producers.Run(ctx, producers.Producer{
		Name: name, Source: source, Format: format, Publisher: w, Events: topics.Events, DeadLetter: topics.DeadLetter, Log: s.log,
	})
	return errors.Join(err, ctx.Err())
}
