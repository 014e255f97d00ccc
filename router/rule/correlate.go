package rule

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/riposte-security/riposte/router/correlate"
	"github.com/riposte-security/riposte/router/rule/predicate"
	"github.com/riposte-security/riposte/router/rule/yamltree"
	"github.com/riposte-security/riposte/schemas"
)

// A Correlation is the stanza `correlate` of a rule: it makes the rule one over several events.
type Correlation struct {
	correlate.Spec

	// Aliases name expressions of group_by that differ between the rules: alias → rule → expression.
	Aliases map[string]map[string]string
	// Value is the expression whose values are compared; empty where only the events count.
	Value string

	evidence []string // names in GroupBy that are paths and make up valid evidence
}

// correlateKeys are the keys of the stanza.
func correlateKeys() []string {
	return append([]string{
		"type", "rules", "aliases", "group_by", "value", "within", "lateness", "learn", "speed_above", "distance_above",
	}, boundKeys()...)
}

func boundKeys() []string {
	return []string{"at_least", "more_than", "at_most", "less_than", "exactly"}
}

// correlation reads the stanza. What it says of other rules is checked when all are known: see link.
func (d *decoder) correlation(n *yamltree.Node) {
	m, ok := d.mapping(n, "correlate", correlateKeys()...)
	if !ok {
		return
	}
	c := &Correlation{Spec: correlate.Spec{Rule: d.current.ID, Lateness: correlate.DefaultLateness, Min: 0, Max: correlate.Unbounded}}
	d.current.Correlation = c
	job := &linkJob{d: *d, node: n, correlation: m}
	var names []string
	for _, t := range correlate.Types() {
		names = append(names, string(t))
	}
	if v, ok := m["type"]; ok {
		c.Type = correlate.Type(d.oneOf(v, "type", names...))
	} else {
		d.fail(n, "correlate needs type: %s", strings.Join(names, ", "))
	}
	d.references(m, c, job)
	d.times(n, m, c)
	if c.Type == "" {
		return
	}
	d.bounds(n, m, c)
	d.limits(m, c)
	switch v, ok := m["value"]; {
	case ok && !c.Valued():
		d.fail(v, "value: %s counts events, whatever their values", c.Type)
	case !ok && c.Valued():
		d.fail(n, "%s needs value, the expression whose values are compared", c.Type)
	case ok:
		c.Value, _ = d.text(v, "value")
	}
	d.jobs = append(d.jobs, job)
}

// references reads rules, aliases and group_by.
func (d *decoder) references(m map[string]*yamltree.Node, c *Correlation, job *linkJob) {
	if v, ok := m["rules"]; ok {
		for _, e := range yamltree.Elements(v) {
			id, ok := d.text(e, "rules")
			if ok && slices.Contains(c.Rules, id) {
				d.fail(e, "the rule %q stands twice among rules", id)
			} else if ok {
				c.Rules = append(c.Rules, id)
				job.rules = append(job.rules, e)
			}
		}
		if len(c.Rules) == 0 || len(c.Rules) > correlate.MaxRules {
			d.fail(v, "rules: 1 to %d ids of rules are expected", correlate.MaxRules)
		}
		if c.Temporal() && len(c.Rules) == 1 {
			d.fail(v, "%s needs two rules or more", c.Type)
		}
	} else if c.Temporal() {
		d.fail(job.node, "%s needs rules, the ids of the rules that are to hold", c.Type)
	}
	if v, ok := m["aliases"]; ok {
		d.aliases(v, c, job)
	}
	v, ok := m["group_by"]
	if !ok {
		return // all events are one group
	}
	for _, e := range yamltree.Elements(v) {
		text, ok := d.text(e, "group_by")
		text = strings.TrimSpace(text)
		if ok && slices.Contains(c.GroupBy, text) {
			d.fail(e, "%q stands twice in group_by", text)
		} else if ok {
			c.GroupBy = append(c.GroupBy, text)
			job.groupBy = append(job.groupBy, e)
		}
	}
	if len(c.GroupBy) == 0 || len(c.GroupBy) > 16 {
		d.fail(v, "group_by needs 1 to 16 expressions; without it, all events are one group")
	}
}

func (d *decoder) aliases(n *yamltree.Node, c *Correlation, job *linkJob) {
	values, ok := yamltree.Pairs(n)
	if !ok {
		d.fail(n, "aliases must be a mapping, not %s", yamltree.Kind(n))
		return
	}
	if len(c.Rules) == 0 {
		d.fail(n, "aliases go with rules")
	}
	c.Aliases, job.aliases = map[string]map[string]string{}, map[string]map[string]*yamltree.Node{}
	for _, v := range values {
		name := v.Key.Value
		if p, ok := predicate.IsPath(name); !ok || len(p) != 1 {
			d.fail(v.Key, "alias %q: a word of letters, digits and underscores is expected", name)
		}
		of, ok := yamltree.Pairs(v.Value)
		if !ok {
			d.fail(v.Value, "alias %s must map rules to expressions, not be %s", name, yamltree.Kind(v.Value))
			continue
		}
		c.Aliases[name], job.aliases[name] = map[string]string{}, map[string]*yamltree.Node{}
		for _, e := range of {
			id := e.Key.Value
			if !slices.Contains(c.Rules, id) {
				d.fail(e.Key, "alias %s: %q is not among rules%s", name, id, predicate.Suggest(id, c.Rules))
				continue
			}
			c.Aliases[name][id], _ = d.text(e.Value, "an alias")
			job.aliases[name][id] = e.Value
		}
	}
}

// times reads within, lateness and learn.
func (d *decoder) times(n *yamltree.Node, m map[string]*yamltree.Node, c *Correlation) {
	if v, ok := m["within"]; ok {
		c.Within = d.duration(v, "within", correlate.MinWithin, correlate.MaxWithin)
	} else {
		d.fail(n, "correlate needs within, the length of the window")
	}
	if v, ok := m["lateness"]; ok {
		c.Lateness = d.duration(v, "lateness", 0, correlate.MaxLateness)
	}
	v, ok := m["learn"]
	switch {
	case ok && c.Type != correlate.NewValue:
		d.fail(v, "learn goes with new_value")
	case ok:
		c.Learn = d.duration(v, "learn", 0, correlate.MaxWithin)
		if c.Learn > c.Within/2 && c.Within > 0 {
			d.fail(v, "learn may be half of within at most: what is older than within is forgotten")
		}
	case c.Type == correlate.NewValue:
		c.Learn = min(correlate.DefaultLearn, c.Within/2)
	}
}

// duration reads a time; beside what Go has, d and w stand for days and weeks.
func (d *decoder) duration(n *yamltree.Node, what string, least, most time.Duration) time.Duration {
	if v := d.value(n); v != nil {
		if _, ok := v.(string); !ok {
			d.fail(n, "%s: a time such as 90s, 5m, 4h or 30d expected, not %s", what, yamltree.Kind(n))
			return 0
		}
	}
	text, ok := d.text(n, what)
	if !ok {
		return 0
	}
	v, err := parseDuration(text)
	if err != nil {
		d.fail(n, "%s: a time such as 90s, 5m, 4h or 30d expected, not %q", what, text)
		return 0
	}
	if v < least || v > most {
		d.fail(n, "%s: %s to %s is possible, this is %s", what, schemas.Duration(least), schemas.Duration(most), text)
	}
	return v
}

func parseDuration(text string) (time.Duration, error) {
	for unit, hours := range map[string]int{"d": 24, "w": 7 * 24} {
		if digits, ok := strings.CutSuffix(text, unit); ok {
			if n, err := strconv.ParseUint(digits, 10, 16); err == nil {
				return time.Duration(n) * time.Duration(hours) * time.Hour, nil
			}
		}
	}
	return time.ParseDuration(text)
}

// bounds reads at_least and its like.
func (d *decoder) bounds(n *yamltree.Node, m map[string]*yamltree.Node, c *Correlation) {
	given, wrong := 0, false
	c.Min = math.MinInt64
	for _, key := range boundKeys() {
		v, ok := m[key]
		if !ok {
			continue
		}
		given++
		if !c.Measured() {
			d.fail(v, "%s: %s does not count", key, c.Type)
			continue
		}
		x, ok := number(d.value(v))
		if !ok || x < 0 || c.Type != correlate.ValueSum && (x != math.Trunc(x) || x > correlate.MaxEntries) {
			what := fmt.Sprintf("a whole number up to %d", correlate.MaxEntries)
			if c.Type == correlate.ValueSum {
				what = "a number that is not negative"
			}
			d.fail(v, "%s: %s is expected", key, what)
			wrong = true
			continue
		}
		d.bound(key, correlate.Thousandths(x), c)
	}
	switch {
	case !c.Measured() || wrong:
	case given == 0:
		d.fail(n, "%s needs a bound: %s", c.Type, strings.Join(boundKeys(), ", "))
	case c.Min > c.Max:
		d.fail(n, "no number is within these bounds")
	case c.Max == correlate.Unbounded && c.Min <= 0:
		d.fail(n, "these bounds hold for any number")
	}
	c.Min = max(c.Min, 0)
}

func (d *decoder) bound(key string, x int64, c *Correlation) {
	step := int64(1) // of a sum, a thousandth
	if c.Type != correlate.ValueSum {
		step = correlate.Thousandths(1)
	}
	switch key {
	case "at_least":
		c.Min = max(c.Min, x)
	case "more_than":
		c.Min = max(c.Min, x+step)
	case "at_most":
		c.Max = min(c.Max, x)
	case "less_than":
		c.Max = min(c.Max, x-step)
	case "exactly":
		c.Min, c.Max = max(c.Min, x), min(c.Max, x)
	}
}

// limits reads what belongs to impossible_travel.
func (d *decoder) limits(m map[string]*yamltree.Node, c *Correlation) {
	if c.Type == correlate.Travel {
		c.Speed, c.MinDistance = correlate.DefaultSpeed, correlate.DefaultMinDistance
	}
	for key, to := range map[string]*float64{"speed_above": &c.Speed, "distance_above": &c.MinDistance} {
		v, ok := m[key]
		if !ok {
			continue
		}
		x, ok := number(d.value(v))
		switch {
		case c.Type != correlate.Travel:
			d.fail(v, "%s goes with %s", key, correlate.Travel)
		case !ok || x < 0 || x > 1e6:
			d.fail(v, "%s: a number that is not negative is expected", key)
		default:
			*to = x
		}
	}
}

// number reads a number of the language.
func number(v any) (float64, bool) {
	switch x := v.(type) {
	case int64:
		return float64(x), true
	case uint64:
		return float64(x), true
	case float64:
		return x, !math.IsNaN(x) && !math.IsInf(x, 0)
	}
	return 0, false
}
