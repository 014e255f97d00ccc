package rule

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/riposte-security/riposte/router/rule/predicate"
	"github.com/riposte-security/riposte/schemas"
)

// compare holds the commands against those expected: each of these must be found among them, and none of them twice.
func (t *Test) compare(got Decision, res *TestResult) {
	t.compareTargets(got, res)
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

// compareTargets holds the targets of the commands that block or remediate against those expected, which are all.
func (t *Test) compareTargets(got Decision, res *TestResult) {
	if t.Targets == nil {
		return
	}
	have := []string{}
	for _, c := range got.Commands {
		if c.Lane != schemas.LaneAlert {
			have = append(have, c.Target.ID)
		}
	}
	want := slices.Clone(t.Targets)
	slices.Sort(want)
	slices.Sort(have)
	if slices.Equal(want, have) {
		return
	}
	res.Line, res.Column = t.targetsAt[0], t.targetsAt[1]
	res.Failures = append(res.Failures, fmt.Sprintf("targets %s expected, got %s", show(want), show(have)))
	for _, m := range got.Misses {
		res.Failures = append(res.Failures, fmt.Sprintf("a dead letter of step %s: %s", m.Step, m.Reason))
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
