package rule

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/riposte-security/riposte/router/rule/predicate"
	"github.com/riposte-security/riposte/schemas"
)

// maxTargets bounds the commands that one step gives for one event: each carries the whole event.
const maxTargets = 1000

// Decide carries out the steps of a rule that holds for the event, and adds what they give to out, as well as what correlations need of the
// event. decoded is ev.Data as predicate.Decode gives
// it. Steps are independent: one that fails becomes a miss.
func (r *Rule) Decide(ev schemas.Event, decoded map[string]any, now time.Time, out *Decision) {
	r.contribute(ev, decoded, nil, out)
	if r.Correlation != nil {
		return // it fires when there are enough: see Fire
	}
	out.Fired = append(out.Fired, r.ID)
	r.respond(ev, decoded, now, out)
}

// respond carries out the steps.
func (r *Rule) respond(ev schemas.Event, decoded map[string]any, now time.Time, out *Decision) {
	for i := range r.steps {
		st := &r.steps[i]
		miss := func(format string, args ...any) {
			out.Misses = append(out.Misses, Miss{Rule: r.ID, Step: st.name, Reason: fmt.Sprintf(format, args...)})
		}
		if st.publish != "" {
			out.Publications = append(out.Publications, Publication{
				ID:   schemas.CommandID(r.ID, st.name, ev.UID, schemas.Target{Type: "topic", ID: st.publish}),
				Rule: r.ID, Topic: st.publish,
			})
			continue
		}
		with, err := st.expand(decoded)
		if err != nil {
			miss("%v", err)
			continue
		}
		for _, t := range st.targets(ev, decoded, miss) {
			out.Commands = append(out.Commands, r.command(st, ev, t, with, now))
		}
	}
}

func (r *Rule) command(st *step, ev schemas.Event, t schemas.Target, with map[string]any, now time.Time) schemas.Command {
	return schemas.Command{
		ID:   schemas.CommandID(r.ID, st.name, ev.UID, t),
		Rule: r.ID, RuleTitle: r.Title, RuleHash: r.Hash,
		Step: st.name, Lane: st.lane, Action: st.action, Target: t, With: with, Severity: r.Severity,
		Event: json.RawMessage(ev.Data), EventUID: ev.UID, EventTime: ev.Time.UTC(), Source: ev.Source,
		Accept: r.Accept, Mode: st.mode, Approval: st.approval, Cause: ev.Cause, Replay: ev.Replay,
		Created: now.UTC(), For: schemas.Duration(st.keep),
	}
}

// expand evaluates the step's with.
func (st *step) expand(decoded map[string]any) (map[string]any, error) {
	if len(st.with) == 0 {
		return nil, nil
	}
	out := make(map[string]any, len(st.with))
	for key, t := range st.with {
		v, err := t.expand(decoded)
		if err != nil {
			return nil, fmt.Errorf("setting %s: %w", key, err)
		}
		if s := find(st.settings, key); s != nil {
			if v == nil && !s.Required {
				continue // absent in the event: the action's default
			}
			if st.lane == schemas.LaneAlert && s.Type == "string" {
				v = predicate.Text(v) // an alert is not withheld because its title is a number
			}
			if err := settingType(s, v); err != nil {
				return nil, fmt.Errorf("setting %s: %w", key, err)
			}
		}
		out[key] = v
	}
	return out, nil
}

// targets gives the targets of a step, without repetition, and reports those that are none.
func (st *step) targets(ev schemas.Event, decoded map[string]any, miss func(string, ...any)) []schemas.Target {
	if st.lane == schemas.LaneAlert || st.target == nil {
		t, err := st.alertTarget(ev, decoded)
		if err != nil {
			miss("%v", err)
			return nil
		}
		return []schemas.Target{t}
	}
	v, err := st.target.Eval(decoded)
	if err != nil {
		miss("target: %v", err)
		return nil
	}
	names, refused := targetNames(v)
	for _, why := range refused {
		miss("%s", why)
	}
	if len(names) == 0 && len(refused) == 0 {
		miss("no target")
	}
	account, region := textAt(decoded, "cloud", "account", "uid"), textAt(decoded, "cloud", "region")
	seen := map[string]bool{}
	var out []schemas.Target
	for _, name := range names {
		t, err := st.spec.Canonical(name, account, region)
		if err != nil {
			miss("target %q: %v", clip(name), err)
			continue
		}
		if key := t.Key(); !seen[key] {
			seen[key] = true
			out = append(out, t)
		}
	}
	return out
}

// targetNames reads the value of a target expression: a string, or a list of strings. nil and empty strings are none.
func targetNames(v any) (names, refused []string) {
	l, ok := v.([]any)
	if !ok {
		l = []any{v}
	}
	if len(l) > maxTargets {
		refused = append(refused, fmt.Sprintf("%d targets for one event; those after the first %d were left out", len(l), maxTargets))
		l = l[:maxTargets]
	}
	for _, e := range l {
		switch x := e.(type) {
		case nil:
		case string:
			if x = strings.TrimSpace(x); x != "" {
				names = append(names, x)
			}
		case int64, uint64:
			names = append(names, predicate.Text(x))
		default:
			refused = append(refused, fmt.Sprintf("a target must be a string, not %s", goKind(e)))
		}
	}
	return names, refused
}

// alertTarget names what alerts are grouped by: the values of group_by, else the resource that the event is about, which is what an invoke step without a
// target is about as well.
func (st *step) alertTarget(ev schemas.Event, decoded map[string]any) (schemas.Target, error) {
	switch {
	case len(st.groupBy) > 0:
		return st.group(decoded)
	case st.byKey:
		return schemas.Target{Type: "group", ID: ev.Key}, nil
	}
	t := schemas.Target{
		Type:    "resource",
		Account: label(textAt(decoded, "cloud", "account", "uid"), regionBytes),
		Region:  label(textAt(decoded, "cloud", "region"), regionBytes),
	}
	t.ID = ev.Key
	if l, _ := decoded["resources"].([]any); len(l) > 0 {
		if m, _ := l[0].(map[string]any); m != nil {
			if uid := textAt(m, "uid"); uid != "" {
				t.ID = uid
			}
		}
	}
	if t.ID == "" {
		t.ID = ev.UID
	}
	t.ID = label(t.ID, groupBytes) // names of resources, such as ARNs, may be long
	return t, nil
}

// group is the target of alerts that are grouped. It belongs to no account or region unless it is grouped by them.
func (st *step) group(decoded map[string]any) (schemas.Target, error) {
	names, values := make([]string, len(st.groupBy)), make([]any, len(st.groupBy))
	for i, g := range st.groupBy {
		v, err := g.value.Eval(decoded)
		if err != nil {
			return schemas.Target{}, fmt.Errorf("group_by %s: %w", g.text, err)
		}
		names[i], values[i] = g.text, v
	}
	return schemas.Target{Type: "group", ID: groupText(names, values)}, nil
}

// groupText joins the values of group_by with their expressions, unambiguously: what is absent has no equals sign, and separators within values
// are escaped. However the values look, the group is one that a consumer takes.
func groupText(names []string, values []any) string {
	escape := strings.NewReplacer(`\`, `\\`, `,`, `\,`, `=`, `\=`)
	pieces := make([]string, len(names))
	for i, v := range values {
		pieces[i] = escape.Replace(names[i])
		if v != nil {
			pieces[i] += "=" + escape.Replace(label(predicate.Text(v), labelBytes))
		}
	}
	return label(strings.Join(pieces, ","), groupBytes)
}

// textAt reads a string at a path; what is absent or no string is "".
func textAt(m map[string]any, path ...string) string {
	var v any = m
	for _, k := range path {
		o, ok := v.(map[string]any)
		if !ok {
			return ""
		}
		v = o[k]
	}
	s, _ := v.(string)
	return s
}

// clip shortens a text from an event for a message.
func clip(s string) string {
	const longest = 200
	if r := []rune(s); len(r) > longest {
		return string(r[:longest]) + "…"
	}
	return s
}
