package lists

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/kafka"
)

// A rig is a running manager, built through its YAML.
type rig struct {
	*Manager
	reg  *prometheus.Registry
	logs *lines
	stop func()
}

// lines is a log that can be looked into while it is written.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.buf.String(), text)
}

func read(t testing.TB, text string) (Config, error) {
	t.Helper()
	c, err := config.Read("riposte.yaml", []byte(text), os.LookupEnv, nil)
	if err != nil {
		t.Fatal(err)
	}
	return ReadConfig(c.Lists, c.GeoIP)
}

type rigOptions struct {
	dir   string
	now   func() time.Time
	kafka *kafka.Client
}

// start runs the lists of a configuration until the test ends or stop is called, and waits for their first copies.
func start(t testing.TB, text string, o rigOptions) *rig {
	t.Helper()
	conf, err := read(t, text)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{reg: prometheus.NewRegistry(), logs: &lines{}}
	log := zerolog.New(r.logs)
	if r.Manager, err = New(conf, Deps{Log: &log, Registerer: r.reg, Now: o.now, Dir: o.dir, Kafka: o.kafka}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(r.stop)
	r.Wait(t.Context(), 20*time.Second)
	return r
}

func (r *rig) has(list, value string) bool {
	l, ok := r.List(list)
	return ok && l.Contains(value)
}

// value is that of a metric of one list.
func (r *rig) value(t testing.TB, name string, labels ...string) float64 {
	t.Helper()
	families, err := r.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			var got []string
			for _, l := range m.GetLabel() {
				got = append(got, l.GetValue())
			}
			if strings.Join(got, " ") == strings.Join(labels, " ") {
				return m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

// write replaces a file in one step, as careful writers do. It looks as if it had been written some time ago, so that nobody has to wait until
// it is quiet.
func write(t testing.TB, path, text string, age time.Duration) {
	t.Helper()
	tmp := filepath.Join(t.TempDir(), "new")
	if err := os.WriteFile(tmp, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(-age)
	if err := os.Chtimes(tmp, at, at); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(tmp, path); err != nil {
		t.Fatal(err)
	}
}

func numbered(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format+"\n", i)
	}
	return b.String()
}

// A clock goes only when it is told to.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Now().UTC().Truncate(time.Second)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}
