package router_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/router"
	"github.com/riposte-security/riposte/router/engine"
	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/schemas"
)

func ruleText(id, head, when string) string {
	return fmt.Sprintf("id: %s\ntitle: t\nseverity: low\n%swhen: >\n  %s\nthen: [ { alert: {} } ]\n", id, head, when)
}

// TestOneBadFileRefusesTheSet: the rules in force stay, and the error names file, line and column.
func TestOneBadFileRefusesTheSet(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put := func(name, text string) string {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	put("a.yaml", ruleText("a", "", `message == "x"`))
	bad := put("b.yaml", ruleText("b", "", `message == "x"`))
	r, err := router.NewReloader(t.Context(), []string{dir}, func(context.Context) (router.Decider, error) {
		rules, err := rule.Load(rule.Options{}, dir)
		if err != nil {
			return nil, err
		}
		return engine.New(rules, zerolog.Nop()), nil
	}, zerolog.Nop(), nil)
	if err != nil {
		t.Fatal(err)
	}
	ev, err := schemas.ReadEvent([]byte(`{"class_uid": 0, "message": "x", "metadata": {"uid": "e"}}`), schemas.Envelope{})
	if err != nil {
		t.Fatal(err)
	}
	fired := func() string { return strings.Join(r.Decide(ev, false, time.Unix(0, 0)).Fired, " ") }
	put("a.yaml", ruleText("changed", "", `message == "x"`))
	for when, at := range map[string]string{
		`messag == "x"`:             ":5:3: unknown name messag",
		`message matches "(a)\\1"`:  ":5:19: error parsing regexp: invalid escape sequence", // RE2 has no references back
		`message matches "(?<!a)b"`: ":5:19: error parsing regexp: invalid named capture",
	} {
		put("b.yaml", ruleText("b", "", when))
		err := r.Reload(t.Context())
		problems, ok := errors.AsType[rule.Problems](err)
		if !ok || len(problems) != 1 || !strings.HasPrefix(problems[0].String(), bad+at) {
			t.Errorf("%s: %v", when, err)
		}
		if got := fired(); got != "a b" {
			t.Errorf("after a refused set, %s fire", got)
		}
	}
	put("b.yaml", ruleText("b", "", `message == "x"`))
	if err := r.Reload(t.Context()); err != nil || fired() != "changed b" {
		t.Errorf("%v, %s fire", err, fired())
	}
}

// TestRulesThatMisbehave: a predicate that cannot be evaluated is no match and is counted; one that matches everything meets its max_rate; a pattern
// that would take for ever elsewhere does not here. The other rules go on.
func TestRulesThatMisbehave(t *testing.T) {
	t.Parallel()
	rules, err := rule.Parse(rule.Options{}, "r.yaml", []byte(strings.Join([]string{
		ruleText("slow", "", `any(unmapped.l, # in filter(unmapped.l, # != "x"))`),
		ruleText("everything", "max_rate: 2\n", "true"),
		ruleText("pattern", "", `unmapped.text matches "^(a+)+$"`),
		ruleText("fine", "", `unmapped.text endsWith "b"`),
	}, "---\n")))
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t)
	b.route(t, engine.New(rules, zerolog.Nop()), b.reg)
	topics := b.client.Topics()
	large := `{"class_uid": 0, "metadata": {"uid": "%d"}, "unmapped": {"text": "` + strings.Repeat("a", 50_000) + `b", "l": ["x"` + strings.Repeat(`,"x"`, 20_000) + `]}}`
	const events = 12
	var values []string
	for i := range events {
		values = append(values, fmt.Sprintf(large, i))
	}
	b.send(t, topics.Events, values...)
	seen := map[string]int{}
	await.Until(t, "what is held back", func() bool {
		clear(seen)
		for _, m := range b.read(t, topics.Alert) {
			c := command(t, m)
			if c.Shed != nil {
				seen["shed "+c.Rule] += c.Shed.Count
				continue
			}
			if c.Step == "alert:log" {
				seen[c.Rule]++
			}
		}
		return seen["everything"]+seen["shed everything"] == events && seen["fine"] == events
	})
	if seen["shed everything"] == 0 || seen["slow"]+seen["pattern"] != 0 {
		t.Errorf("alerts %v", seen)
	}
	want := `
# HELP riposte_router_rule_failures_total Events on which a rule could not be evaluated; each counts as no match.
# TYPE riposte_router_rule_failures_total counter
riposte_router_rule_failures_total{rule="slow"} 12
`
	if err := testutil.GatherAndCompare(b.reg, strings.NewReader(want), "riposte_router_rule_failures_total"); err != nil {
		t.Error(err)
	}
}
