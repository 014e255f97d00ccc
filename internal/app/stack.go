package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/kafka"
)

// A stack is what the stages of one process share. Stages meet in Kafka and nowhere else: what is here is clients and settings.
type stack struct {
	*App
	cfg     config.Config
	data    string // folder of checkpoints, and of the ledger if the configuration names none
	log     zerolog.Logger
	reg     *prometheus.Registry
	kafka   *kafka.Client
	clients *cloud.Clients
	checks  []check                 // of /readyz
	topics  []string                // that the stages use
	routes  map[string]http.Handler // further ones of the HTTP server, by pattern
}

// A check is one thing that must be well for the process to be ready.
type check struct {
	name string
	well func() bool
}

// stackFlags are common to the commands that run stages.
type stackFlags struct {
	Data string `default:"data" env:"RIPOSTE_DATA" help:"Folder of checkpoints, and of the ledger where the configuration names none."`
}

// newStack reads the configuration and makes the clients; it does no I/O but for credentials files.
func (a *App) newStack(ctx context.Context, data string, change func(*config.Config) error) (*stack, error) {
	cfg, _, err := a.find()
	if err != nil {
		return nil, err
	}
	if change != nil {
		if err := change(&cfg); err != nil {
			return nil, err
		}
	}
	s := &stack{App: a, cfg: cfg, data: data, reg: prometheus.NewRegistry()}
	if s.log, err = a.logger(cfg); err != nil {
		return nil, err
	}
	s.reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	var kc kafka.Config
	if err := cfg.Kafka.Decode(&kc); err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	if s.kafka, err = kafka.New(kc, s.log); err != nil {
		return nil, err
	}
	s.checks = append(s.checks, check{"kafka", s.kafka.Well})
	var ac cloud.Config
	if err := cfg.AWS.Decode(&ac); err != nil {
		return nil, fmt.Errorf("aws: %w", err)
	}
	if s.clients, err = cloud.New(ctx, ac, s.log); err != nil {
		return nil, err
	}
	return s, nil
}

// close ends what the stack holds, after its stages.
func (s *stack) close() { s.kafka.Close() }

// ledgerURL is the configured ledger, else a file in the data folder.
func (a *App) ledgerURL(cfg config.Config, data string) (string, error) {
	if cfg.Ledger.URL != "" {
		return cfg.Ledger.URL, nil
	}
	dir, err := filepath.Abs(cmp.Or(data, "data"))
	if err != nil {
		return "", fmt.Errorf("data folder: %w", err)
	}
	return "sqlite://" + filepath.Join(dir, "ledger.db"), nil
}

// owner names this process in the ledger.
func owner() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s-%d", host, os.Getpid())
}

// ended is the error of a stage that a signal ended: none.
func ended(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}
