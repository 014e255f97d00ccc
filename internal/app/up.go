package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/riposte-security/riposte/internal/broker"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/schemas"
)

type upCmd struct {
	Data string `default:"data" env:"RIPOSTE_DATA" help:"Folder of all state: broker, ledger, checkpoints."`
	Port int    `default:"9092" help:"Port of the embedded broker on 127.0.0.1; 0 takes any."`
}

// Run runs everything until it is interrupted.
func (c *upCmd) Run(ctx context.Context, a *App) error {
	if c.Port < 0 || c.Port > 65535 {
		return misuse{fmt.Errorf("--port %d: 0 to 65535 expected", c.Port)}
	}
	return a.up(ctx, upOptions{data: c.Data, port: c.Port})
}

type upOptions struct {
	data   string
	port   int
	change func(*config.Config) error // of the configuration, after the defaults of up
	more   []func(*stack) (stage, error)
}

// defaultProducer takes events over HTTP where the configuration names no producer.
const defaultProducer = `[{name: http, source: {http: {listen: "127.0.0.1:8088"}}, format: json}]`

// up runs the embedded broker and every stage in this process. Stages talk to the broker over TCP, as they would to a cluster.
func (a *App) up(ctx context.Context, o upOptions) (err error) {
	if err := os.MkdirAll(o.data, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	early, _, err := a.find() // for the log; read again below
	if err != nil {
		return err
	}
	log, err := a.logger(early)
	if err != nil {
		return err
	}
	b, err := broker.Start(ctx, broker.Options{DataDir: filepath.Join(o.data, "kafka"), Port: o.port, Log: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	s, err := a.newStack(ctx, o.data, func(cfg *config.Config) error {
		return errors.Join(embedded(cfg, b.Addr()), apply(cfg, o.change))
	})
	if err != nil {
		return err
	}
	defer s.close()
	stages, err := s.all(o.more)
	if err != nil {
		return err
	}
	s.log.Info().Str("broker", b.Addr()).Str("data", o.data).Msg("all stages run in this process")
	return s.run(ctx, stages...)
}

func apply(cfg *config.Config, change func(*config.Config) error) error {
	if change == nil {
		return nil
	}
	return change(cfg)
}

// all builds every stage.
func (s *stack) all(more []func(*stack) (stage, error)) ([]stage, error) {
	build := append([]func(*stack) (stage, error){
		func(s *stack) (stage, error) { return s.router(context.Background()) },
		func(s *stack) (stage, error) { return s.consumers(schemas.Lanes(), "up", true) },
		func(s *stack) (stage, error) { return s.producers(nil) },
	}, more...)
	if !s.cfg.Archive.IsZero() {
		build = append(build, (*stack).archiverInUp)
	}
	var stages []stage
	for _, b := range build {
		st, err := b(s)
		if err != nil {
			return nil, err
		}
		stages = append(stages, st)
	}
	return stages, nil
}

// embeddedPartitions is the number of partitions of a topic on the embedded broker: every one costs it two syncs to disk where it is written to,
// and there is nobody to share them with.
const embeddedPartitions = 2

// orEmbedded gives a configuration that names no broker the one of `riposte up`, where it listens unless told otherwise.
func orEmbedded(cfg *config.Config) error {
	if !cfg.Kafka.IsZero() {
		return nil
	}
	return embedded(cfg, "127.0.0.1:9092")
}

// embedded changes a configuration so that it uses what up brings along: the broker and a way in.
func embedded(cfg *config.Config, addr string) error {
	kafka, err := config.Parse("up", fmt.Appendf(nil, "{ brokers: [%q], partitions: %d }", addr, embeddedPartitions))
	if err != nil {
		return err
	}
	cfg.Kafka = kafka
	if len(cfg.Producers) == 0 {
		n, err := config.Parse("up", []byte(defaultProducer))
		if err != nil {
			return err
		}
		return n.Decode(&cfg.Producers)
	}
	return nil
}
