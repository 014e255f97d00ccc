package router

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/await"
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
			await.Until(t, "the change is seen", says("rule two"))
			two, ok := r.ruleOf("two")
			if got := testutil.ToFloat64(r.rules); got != 2 || !ok || two.MaxRate != 3 {
				t.Errorf("%v rules", got)
			}
			put(3, "wrong")
			await.Until(t, "the change is seen", func() bool { return testutil.ToFloat64(r.reloads.WithLabelValues("refused")) == 1 })
			if !says("rule two")() {
				t.Error("a wrong set was taken")
			}
			put(4, "rule four")
			await.Until(t, "the change is seen", says("rule four"))
			// Nothing changed: nothing is loaded. The change before may have been seen in two steps.
			n := loads.Load()
			await.Until(t, "nothing is loaded any more", func() bool {
				before := n
				time.Sleep(100 * time.Millisecond) //nolint:forbidigo // nothing is to happen
				n = loads.Load()
				return n == before
			})
			must(t, os.Chtimes(filepath.Join(dir, "..data", "r.yaml"), time.Now(), time.Now()))
			time.Sleep(100 * time.Millisecond) //nolint:forbidigo // nothing is to happen
			if loads.Load() != n {
				t.Error("loaded without a change")
			}
			// A new folder is watched as well.
			must(t, os.Mkdir(filepath.Join(dir, "sub"), 0o700))
			time.Sleep(100 * time.Millisecond) //nolint:forbidigo // the folder alone is no change
			must(t, os.WriteFile(filepath.Join(dir, "sub", "s.yaml"), []byte("x"), 0o600))
			await.Until(t, "the change is seen", func() bool { return loads.Load() > n })
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

// TestRulesInForceAreSaid: how many rules there are is said at first and after a change, and a refusal says each problem in a line of its own.
func TestRulesInForceAreSaid(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "r.yaml")
	write := func(content string) { must(t, os.WriteFile(file, []byte(content), 0o600)) }
	var out bytes.Buffer
	load := func(context.Context) (Decider, error) {
		b, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(b), "wrong") {
			return nil, fmt.Errorf("loading: %w", rule.Problems{{File: "r.yaml", Line: 5, Column: 7, Message: "one"}, {File: "r.yaml", Line: 6, Column: 8, Message: "two"}})
		}
		return text(b), err
	}
	write("a b")
	r, err := NewReloader(t.Context(), []string{file}, load, zerolog.New(&out), nil)
	must(t, err)
	step := func(content string) []map[string]any {
		t.Helper()
		write(content)
		r.look(t.Context(), &fsnotify.Watcher{})
		var lines []map[string]any
		for line := range strings.Lines(out.String()) {
			var m map[string]any
			must(t, json.Unmarshal([]byte(line), &m))
			lines = append(lines, m)
		}
		out.Reset()
		return lines
	}
	refused := func(n float64, problem string) map[string]any {
		return map[string]any{
			"level": "error", "problem": problem, "number": n, "problems": 2.0, "message": "changed rules refused; the rules in force stay",
		}
	}
	inForce := func(n float64) map[string]any {
		return map[string]any{"level": "info", "rules": n, "message": "rules in force"}
	}
	if diff := cmp.Diff([]map[string]any{inForce(2)}, step("a b")); diff != "" {
		t.Errorf("at first (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]map[string]any{refused(1, "r.yaml:5:7: one"), refused(2, "r.yaml:6:8: two")}, step("wrong")); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
	taken := map[string]any{"level": "info", "message": "changed rules taken"}
	if diff := cmp.Diff([]map[string]any{inForce(3), taken}, step("a b c")); diff != "" {
		t.Errorf("taken (-want +got):\n%s", diff)
	}
}
