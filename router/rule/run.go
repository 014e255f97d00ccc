package rule

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/riposte-security/riposte/router/rule/predicate"
	"github.com/riposte-security/riposte/schemas"
)

// A Decider says what a set of rules makes of an event; router/engine has one.
type Decider interface {
	Decide(ev schemas.Event, outcomes bool, now time.Time) Decision
}

// A Normaliser turns a record of a format into its events.
type Normaliser func(format string, settings map[string]string, record []byte) ([]schemas.Event, error)

// A TestResult is how one test of a rule went.
type TestResult struct {
	Rule, Name   string
	File         string
	Line, Column int // of what was not as expected, else of the test
	// Failures say what was not as expected; empty: passed.
	Failures []string
	// Parts are the values of the parts of the predicate, where the rule fired or did not against expectation.
	Parts []predicate.Part
}

// Passed tells whether everything was as expected.
func (t TestResult) Passed() bool { return len(t.Failures) == 0 }

// String is a line for a test that passed, and several for one that failed, the first of which begins with file:line:column.
func (t TestResult) String() string {
	if t.Passed() {
		return fmt.Sprintf("ok   %s: %s", t.Rule, t.Name)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: rule %s, test %q: %s", t.File, t.Line, t.Column, t.Rule, t.Name, strings.Join(t.Failures, "\n    "))
	for _, p := range t.Parts {
		fmt.Fprintf(&b, "\n    %s  ->  %s", p.Text, show(p.Value))
	}
	return b.String()
}

// RunTests runs the tests of all rules, in order. decider must hold the rules; normalise is asked for the events of a record.
func RunTests(rules []*Rule, decider Decider, normalise Normaliser) []TestResult {
	var results []TestResult
	for _, r := range rules {
		for i := range r.Tests {
			results = append(results, r.runTest(&r.Tests[i], decider, normalise))
		}
	}
	return results
}

func (r *Rule) runTest(t *Test, decider Decider, normalise Normaliser) TestResult {
	res := TestResult{Rule: r.ID, Name: t.Name, File: r.File, Line: t.Line, Column: t.Column}
	events, err := t.input(normalise)
	if err != nil {
		res.Failures = append(res.Failures, err.Error())
		return res
	}
	fired := false
	var got Decision
	for _, ev := range events {
		d := decider.Decide(ev, r.Outcomes, ev.Time)
		fired = fired || slices.Contains(d.Fired, r.ID)
		for _, c := range d.Commands {
			if c.Rule == r.ID {
				got.Commands = append(got.Commands, c)
			}
		}
		for _, m := range d.Misses {
			if m.Rule == r.ID {
				got.Misses = append(got.Misses, m)
			}
		}
	}
	if fired != t.Match {
		res.Line, res.Column = t.matchAt[0], t.matchAt[1]
		res.Failures = append(res.Failures, fmt.Sprintf("match: %v expected, got %v", t.Match, fired))
		res.Parts = r.parts(events)
		return res
	}
	t.compare(got, &res)
	return res
}

// input gives the events of the test.
func (t *Test) input(normalise Normaliser) ([]schemas.Event, error) {
	if t.Event == nil {
		if normalise == nil {
			return nil, fmt.Errorf("no formats are known here, so the record cannot be read")
		}
		events, err := normalise(t.Format, t.Set, t.Record)
		if err != nil {
			return nil, fmt.Errorf("the record is no %s record: %w", t.Format, err)
		}
		if len(events) == 0 {
			return nil, fmt.Errorf("the record gives no event")
		}
		return events, nil
	}
	ev, err := schemas.ReadEvent(t.Event, schemas.Envelope{Origin: "rule test", Position: t.Name})
	if err != nil {
		return nil, fmt.Errorf("event: %w", err)
	}
	return []schemas.Event{ev}, nil
}

// parts explains the predicate on the events of the test, and the class filter where that is what kept the rule from being asked.
func (r *Rule) parts(events []schemas.Event) []predicate.Part {
	var parts []predicate.Part
	for _, ev := range events {
		if len(r.classUIDs) > 0 && !slices.Contains(r.classUIDs, ev.Class) {
			parts = append(parts, predicate.Part{Text: "class_uid (the rule looks at " + strings.Join(r.Classes, ", ") + " only)", Value: int64(ev.Class)})
			continue
		}
		decoded, err := predicate.Decode(ev.Data)
		if err != nil {
			continue // the decider has said so
		}
		p, err := r.Explain(decoded)
		if err != nil {
			p = append(p, predicate.Part{Text: "the predicate as a whole", Value: err.Error()})
		}
		parts = append(parts, p...)
	}
	return parts
}

// compare holds the commands against those expected: each of these must be found among them, and none of them twice.
func (t *Test) compare(got Decision, res *TestResult) {
	if t.Commands == nil {
		return
	}
	if len(t.Commands) == 0 && len(got.Commands) > 0 {
		res.Failures = append(res.Failures, "no command expected, got "+describe(got))
		return
	}
	used := make([]bool, len(got.Commands))
	for _, want := range t.Commands {
		if want.find(got.Commands, used) {
			continue
		}
		if len(res.Failures) == 0 {
			res.Line, res.Column = want.Line, want.Column
		}
		res.Failures = append(res.Failures, fmt.Sprintf("command %s expected, got %s", want, describe(got)))
	}
}

func (x Expected) find(commands []schemas.Command, used []bool) bool {
	for i, c := range commands {
		if !used[i] && x.fits(c) {
			used[i] = true
			return true
		}
	}
	return false
}

func (x Expected) fits(c schemas.Command) bool {
	for key, want := range x.Fields {
		if commandField(c, key) != want {
			return false
		}
	}
	switch want := x.Target.(type) {
	case nil:
	case map[string]any:
		have := map[string]any{"type": c.Target.Type, "account": c.Target.Account, "region": c.Target.Region, "id": c.Target.ID}
		if !subset(want, have) {
			return false
		}
	default:
		if predicate.Text(want) != c.Target.ID {
			return false
		}
	}
	for key, want := range x.With {
		if have, ok := c.With[key]; !ok || !subset(want, have) {
			return false
		}
	}
	return true
}

func commandField(c schemas.Command, key string) string {
	switch key {
	case "lane":
		return string(c.Lane)
	case "action":
		return c.Action
	case "step":
		return c.Step
	case "severity":
		return c.Severity
	case "approval":
		return c.Approval
	case "mode":
		return c.Mode
	case "accept":
		return c.Accept
	case "for":
		if c.For == 0 {
			return ""
		}
		return c.For.String()
	}
	return ""
}

// subset tells whether have holds everything that want names: keys of mappings may be more, all else must be equal.
func subset(want, have any) bool {
	w, ok := want.(map[string]any)
	if !ok {
		return reflect.DeepEqual(predicate.Value(want), predicate.Value(have))
	}
	h, ok := have.(map[string]any)
	if !ok {
		return false
	}
	for k, v := range w {
		if e, ok := h[k]; !ok || !subset(v, e) {
			return false
		}
	}
	return true
}

// String is the expectation as it could stand in the rule.
func (x Expected) String() string {
	m := map[string]any{}
	maps.Copy(m, x.Fields)
	if x.Target != nil {
		m["target"] = x.Target
	}
	if x.With != nil {
		m["with"] = x.With
	}
	return show(m)
}

// describe lists commands and misses for a message.
func describe(d Decision) string {
	if len(d.Commands)+len(d.Misses) == 0 {
		return "none"
	}
	var pieces []string
	for _, c := range d.Commands {
		m := map[string]any{"lane": c.Lane, "action": c.Action, "target": c.Target}
		if len(c.With) > 0 {
			m["with"] = c.With
		}
		if c.For != 0 {
			m["for"] = c.For.String()
		}
		pieces = append(pieces, show(m))
	}
	for _, m := range d.Misses {
		pieces = append(pieces, fmt.Sprintf("a dead letter of step %s: %s", m.Step, m.Reason))
	}
	return strings.Join(pieces, "; ")
}

func show(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return clip(string(b))
}
