package router

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/schemas"
)

// A text decides by naming itself.
type text string

func (x text) Decide(schemas.Event, bool, time.Time) rule.Decision {
	return rule.Decision{Fired: []string{string(x)}}
}

func (x text) Rules() []*rule.Rule {
	var rules []*rule.Rule
	for id := range strings.FieldsSeq(string(x)) {
		rules = append(rules, &rule.Rule{ID: id, MaxRate: len(id)})
	}
	return rules
}

func TestReload(t *testing.T) {
	for name, poll := range map[string]time.Duration{"told": time.Hour, "by polling": 30 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			// As Kubernetes mounts a ConfigMap: the file is a link through a link to a folder that is replaced.
			dir := t.TempDir()
			put := func(edition int, content string) {
				t.Helper()
				folder := fmt.Sprintf("..edition%d", edition)
				must(t, os.Mkdir(filepath.Join(dir, folder), 0o700))
				must(t, os.WriteFile(filepath.Join(dir, folder, "r.yaml"), []byte(content), 0o600))
				must(t, os.Symlink(folder, filepath.Join(dir, "..tmp")))
				must(t, os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")))
			}
			put(1, "rule rule")
			must(t, os.Symlink(filepath.Join("..data", "r.yaml"), filepath.Join(dir, "r.yaml")))
			var loads atomic.Int32
			load := func(context.Context) (Decider, error) {
				loads.Add(1)
				b, err := os.ReadFile(filepath.Join(dir, "r.yaml"))
				if err == nil && strings.Contains(string(b), "wrong") {
					err = errors.New("r.yaml:1:1: wrong")
				}
				return text(b), err
			}
			reg := prometheus.NewRegistry()
			r, err := NewReloader(t.Context(), []string{dir}, load, zerolog.Nop(), reg)
			must(t, err)
			r.settle, r.poll = 20*time.Millisecond, poll
			done := make(chan error, 1)
			ctx, cancel := context.WithCancel(t.Context())
			go func() { done <- r.Run(ctx) }()

			says := func(want string) func() bool {
				return func() bool { return r.Decide(schemas.Event{}, false, time.Time{}).Fired[0] == want }
			}
			put(2, "rule two")
			wait(t, says("rule two"))
			two, ok := r.ruleOf("two")
			if got := testutil.ToFloat64(r.rules); got != 2 || !ok || two.MaxRate != 3 {
				t.Errorf("%v rules", got)
			}
			put(3, "wrong")
			wait(t, func() bool { return testutil.ToFloat64(r.reloads.WithLabelValues("refused")) == 1 })
			if !says("rule two")() {
				t.Error("a wrong set was taken")
			}
			put(4, "rule four")
			wait(t, says("rule four"))
			// Nothing changed: nothing is loaded.
			n := loads.Load()
			must(t, os.Chtimes(filepath.Join(dir, "..data", "r.yaml"), time.Now(), time.Now()))
			time.Sleep(100 * time.Millisecond) //nolint:forbidigo // nothing is to happen
			if loads.Load() != n {
				t.Error("loaded without a change")
			}
			// A new folder is watched as well.
			must(t, os.Mkdir(filepath.Join(dir, "sub"), 0o700))
			time.Sleep(100 * time.Millisecond) //nolint:forbidigo // the folder alone is no change
			must(t, os.WriteFile(filepath.Join(dir, "sub", "s.yaml"), []byte("x"), 0o600))
			wait(t, func() bool { return loads.Load() > n })
			cancel()
			must(t, <-done)
		})
	}
}

func TestReloaderNeedsRules(t *testing.T) {
	_, err := NewReloader(t.Context(), []string{filepath.Join(t.TempDir(), "none")}, nil, zerolog.Nop(), nil)
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	no := errors.New("no")
	_, err = NewReloader(t.Context(), []string{t.TempDir()}, func(context.Context) (Decider, error) { return nil, no }, zerolog.Nop(), nil)
	if !errors.Is(err, no) {
		t.Errorf("error %v", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wait(t *testing.T, cond func() bool) {
	t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("waited in vain")
		}
	}
}
