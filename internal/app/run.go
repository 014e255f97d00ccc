package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"github.com/riposte-security/riposte/internal/web"
)

// A stage works until ctx ends and then returns nil.
type stage func(ctx context.Context) error

// run makes the topics, serves health and metrics, and runs stages until ctx ends or one of them fails.
func (s *stack) run(ctx context.Context, stages ...stage) error {
	g, ctx := errgroup.WithContext(ctx)
	stop, err := s.serve(ctx, g)
	if err != nil {
		return err
	}
	g.Go(func() error {
		<-ctx.Done()
		return stop()
	})
	if err := s.kafka.MakeTopics(ctx, s.topics...); err != nil {
		err = ended(ctx, err)
		return errors.Join(err, wait(g, func() error { return errStop }))
	}
	for _, st := range stages {
		g.Go(func() error { return ended(ctx, st(ctx)) })
	}
	return g.Wait()
}

// errStop ends a group without being an error of the command.
const errStop = sentinel("stop")

func wait(g *errgroup.Group, last func() error) error {
	g.Go(last)
	if err := g.Wait(); !errors.Is(err, errStop) {
		return err
	}
	return nil
}

// serve starts /healthz (the process lives), /readyz (it can do its work) and /metrics. The returned function ends it.
func (s *stack) serve(ctx context.Context, g *errgroup.Group) (stop func() error, err error) {
	if s.cfg.HTTP.Listen == "" {
		return func() error { return nil }, nil
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", s.ready)
	for pattern, h := range s.routes {
		mux.Handle(pattern, h)
	}
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.reg, promhttp.HandlerOpts{}))
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.cfg.HTTP.Listen)
	if err != nil {
		return nil, fmt.Errorf("http.listen: %w", err)
	}
	limits := web.Limits{Read: 10 * time.Second, Write: 30 * time.Second, Connections: 512, Rate: 200}
	listener = limits.Bounded(listener)
	server := web.Server(mux, limits)
	serveOn := func() error { return server.Serve(listener) }
	if s.cfg.HTTP.TLSCert != "" {
		serveOn = func() error { return server.ServeTLS(listener, s.cfg.HTTP.TLSCert, s.cfg.HTTP.TLSKey) }
	}
	g.Go(func() error {
		if err := serveOn(); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("http: %w", err)
		}
		return nil
	})
	s.log.Info().Str("listen", listener.Addr().String()).Msg("health and metrics")
	return func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			return fmt.Errorf("http: %w", err)
		}
		return nil
	}, nil
}

// ready answers 200 when everything that the process needs is well, and names what is not.
func (s *stack) ready(w http.ResponseWriter, _ *http.Request) {
	var away []string
	for _, c := range s.checks {
		if !c.well() {
			away = append(away, c.name)
		}
	}
	if len(away) > 0 {
		http.Error(w, "away: "+strings.Join(away, ", "), http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "ready")
}
