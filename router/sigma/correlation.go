package sigma

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/riposte-security/riposte/router/rule/predicate"
	"github.com/riposte-security/riposte/router/rule/yamltree"
)

// A correlation is a correlation rule as it is written.
type correlation struct {
	at       *yamltree.Node
	kind     string
	rules    []reference
	groupBy  []string
	within   time.Duration
	field    string
	aliases  map[string]map[string]string
	limits   []limit
	generate bool
}

// A reference names a rule by its name or its id.
type reference struct {
	name string
	at   *yamltree.Node
}

// A limit is one bound of a condition: our word for it, and the number.
type limit struct{ word, number string }

func (d *document) readCorrelation(n *yamltree.Node) {
	c := &correlation{at: n}
	d.correl = c
	m := d.reader.members(n, "correlation")
	c.kind = d.text(m, "type")
	switch c.kind {
	case "event_count", "value_count", "value_sum", "temporal", "temporal_ordered":
	case "value_avg", "value_percentile", "value_median", "value_min", "value_max":
		d.fail(m["type"], "correlations of type %s are not supported", c.kind)
	case "":
		d.fail(n, "correlation has no type")
	default:
		d.fail(m["type"], "unknown type of correlation %q", c.kind)
	}
	d.references(c, m)
	c.groupBy = d.texts(m, "group-by")
	if span, ok := timespan(d.text(m, "timespan")); ok {
		c.within = span
	} else {
		d.fail(either(m["timespan"], n), "timespan: a number with s, m, h or d behind it is expected, not %q", d.text(m, "timespan"))
	}
	d.readAliases(c, m["aliases"])
	d.readLimits(c, m["condition"])
	if g := d.text(d.members, "generate") + d.text(m, "generate"); g != "" {
		c.generate = g == "true"
	}
}

func either(n, other *yamltree.Node) *yamltree.Node {
	if n != nil {
		return n
	}
	return other
}

func (d *document) references(c *correlation, m map[string]*yamltree.Node) {
	n := m["rules"]
	list := []*yamltree.Node{n}
	if l, ok := yamltree.Items(n); ok {
		list = l
	}
	for _, e := range list {
		if name, ok := scalar(e); ok && e != nil {
			c.rules = append(c.rules, reference{name, e})
			continue
		}
		d.fail(either(e, c.at), "correlation: rules must be names or ids of rules")
	}
}

func (d *document) readAliases(c *correlation, n *yamltree.Node) {
	if n == nil {
		return
	}
	c.aliases = map[string]map[string]string{}
	for alias, fields := range d.reader.members(n, "aliases") {
		c.aliases[alias] = map[string]string{}
		for ref, field := range d.reader.members(fields, "an alias") {
			text, ok := scalar(field)
			if !ok {
				d.fail(field, "an alias names one field a rule")
			}
			c.aliases[alias][ref] = text
		}
	}
}

// readLimits reads the condition: bounds of a count, and the field whose values count.
func (d *document) readLimits(c *correlation, n *yamltree.Node) {
	counts := c.kind != "temporal" && c.kind != "temporal_ordered"
	if n == nil {
		if counts {
			d.fail(c.at, "correlation has no condition")
		}
		return
	}
	if _, ok := yamltree.Pairs(n); !ok {
		d.fail(n, "a condition of a correlation must be a mapping such as gte: 10; expressions over rules are not supported")
		return
	}
	m := d.reader.members(n, "condition")
	words := map[string]string{"gte": "at_least", "gt": "more_than", "lte": "at_most", "lt": "less_than", "eq": "exactly"}
	for _, key := range sortedKeys(m) {
		switch word, known := words[key]; {
		case key == "field":
			fields := d.texts(m, "field")
			if len(fields) != 1 {
				d.fail(m[key], "condition: the values of one field are counted, not of several")
				continue
			}
			c.field = fields[0]
		case known:
			number, _ := scalar(m[key])
			if _, err := strconv.ParseInt(number, 10, 64); err != nil {
				d.fail(m[key], "condition: %s needs a whole number", key)
			}
			c.limits = append(c.limits, limit{word, number})
		default:
			d.fail(m[key], "condition: %q is not supported; gte, gt, lte, lt, eq are", key)
		}
	}
	valued := c.kind == "value_count" || c.kind == "value_sum"
	switch {
	case valued && c.field == "":
		d.fail(n, "condition: %s needs the field whose values it counts", c.kind)
	case counts && len(c.limits) == 0:
		d.fail(n, "condition: a bound is missing, such as gte: 10")
	case !counts:
		d.temporalLimits(c, n)
	}
}

// temporalLimits reads the condition of a temporal correlation: how many of its rules must have matched. Only all of them is what we have.
func (d *document) temporalLimits(c *correlation, n *yamltree.Node) {
	all := strconv.Itoa(len(c.rules))
	for _, l := range c.limits {
		if (l.word == "at_least" || l.word == "exactly") && l.number == all {
			continue
		}
		d.fail(n, "condition: of a %s correlation all rules must match; fewer of them are not supported", c.kind)
	}
	c.limits = nil
}

// aggregation makes a correlation of what stands behind the pipe in an old condition: count(field) by group > number.
func (d *document) aggregation(c condition, timeframe string, at *yamltree.Node) *correlation {
	m := regexp.MustCompile(`(?i)^(count|sum)\(\s*([^)\s]*)\s*\)(?:\s+by\s+([^\s<>=]+(?:\s*,\s*[^\s<>=]+)*))?\s*(>=|<=|==|=|>|<)\s*([0-9]+)$`).FindStringSubmatch(c.aggregation)
	line, column := yamltree.Place(at)
	if m == nil {
		d.failAt(line, column+c.at, "condition: the old aggregation %q is not supported; only count(…) by … and sum(…) by … are, and correlation rules", c.aggregation)
		return nil
	}
	span, ok := timespan(timeframe)
	if !ok {
		d.failAt(line, column+c.at, "condition: an aggregation needs a timeframe such as 5m")
		return nil
	}
	out := &correlation{at: at, kind: "event_count", within: span, field: m[2]}
	switch sum := strings.EqualFold(m[1], "sum"); {
	case sum && out.field == "":
		d.failAt(line, column+c.at, "condition: sum() of no field")
		return nil
	case sum:
		out.kind = "value_sum"
	case out.field != "":
		out.kind = "value_count"
	}
	for f := range strings.SplitSeq(m[3], ",") {
		if f = strings.TrimSpace(f); f != "" {
			out.groupBy = append(out.groupBy, f)
		}
	}
	word := map[string]string{">": "more_than", ">=": "at_least", "<": "less_than", "<=": "at_most", "=": "exactly", "==": "exactly"}[m[4]]
	out.limits = []limit{{word, m[5]}}
	return out
}

// correlate writes the stanza of a correlation over documents, in the order of its references.
func (d *document) correlate(c *correlation, of []*document) *Correlate {
	out := &Correlate{Type: c.kind, Within: c.within, Limits: c.limits}
	for _, o := range of {
		out.Rules = append(out.Rules, o.primary())
	}
	aliases := map[string]map[string]string{}
	name := func(field string) string {
		if names, ok := c.aliases[field]; ok {
			aliases[field] = d.aliased(c, names, of)
			return field
		}
		return d.shared(c, field, of, aliases)
	}
	for _, f := range c.groupBy {
		out.GroupBy = append(out.GroupBy, name(f))
	}
	if c.field != "" {
		out.Value = name(c.field)
		if _, alias := aliases[out.Value]; c.kind == "value_sum" && !alias {
			out.Value = "float(" + out.Value + ")"
		}
	}
	if len(aliases) > 0 {
		out.Aliases = aliases
	}
	return out
}

// aliased gives the expressions of an alias by rule.
func (d *document) aliased(c *correlation, names map[string]string, of []*document) map[string]string {
	out := map[string]string{}
	for i, o := range of {
		field, ok := names[c.rules[i].name]
		if !ok {
			field, ok = names[o.head.name]
		}
		if !ok {
			field, ok = names[o.head.id]
		}
		if !ok {
			continue // the rule's events have no such field: they are in no group
		}
		out[o.primary()] = d.expression(c, field, o)
	}
	return out
}

// shared gives the expression of a field that all rules have; where it differs between them, an alias.
func (d *document) shared(c *correlation, field string, of []*document, aliases map[string]map[string]string) string {
	byRule := map[string]string{}
	var all []string
	for _, o := range of {
		e := d.expression(c, field, o)
		byRule[o.primary()] = e
		if !slices.Contains(all, e) {
			all = append(all, e)
		}
	}
	if len(all) == 1 {
		return all[0]
	}
	alias := strings.ReplaceAll(slug(field, 60), "-", "_")
	aliases[alias] = byRule
	return alias
}

// expression is where a field stands in the events of a rule.
func (d *document) expression(c *correlation, field string, of *document) string {
	if of.correl != nil || of.counts != nil {
		return d.grouped(c, field, of)
	}
	s, ok := sourceOf(of.rule.logsource)
	if !ok {
		return "nil"
	}
	text, err := s.expression(field)
	if err != nil {
		d.fail(c.at, "%s: %v", field, err)
		return "nil"
	}
	return text
}

// grouped is where a field stands in what a correlation finds: it has those that it groups by.
func (d *document) grouped(c *correlation, field string, of *document) string {
	inner := of.correl
	if inner == nil {
		inner = of.counts
	}
	i := slices.Index(inner.groupBy, field)
	if i < 0 {
		d.fail(c.at, "%s: the correlation %q does not group by it, and what it finds has no other fields", field, of.head.title)
		return "nil"
	}
	name := of.outputs[0].Correlate.GroupBy[i]
	if _, ok := predicate.IsPath(name); ok {
		return name
	}
	return "unmapped.correlation.group[" + quote(name) + "]"
}

// expression is where a field stands in events.
func (s source) expression(field string) (string, error) {
	places, err := s.field(field)
	if err != nil {
		return "", err
	}
	if len(places) == 0 {
		return "", fmt.Errorf("the log source has no such field")
	}
	var usual []place
	for _, p := range places {
		if s.each != "" {
			p = p.among(s.each)
		}
		if !p.odd {
			usual = append(usual, p)
		}
	}
	return bare(coalesce(usual)), nil
}

// among makes a place of one element a place of the list that it is of.
func (p place) among(list string) place {
	path, ok := strings.CutPrefix(p.expr, "#.")
	if !ok {
		if p.expr == "#" {
			return free(list, p.path)
		}
		return p
	}
	if p.path != "" {
		path += "." + p.path
	}
	return free(list, path)
}
