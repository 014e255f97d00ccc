package sigma

import (
	"path"
	"slices"
	"strings"

	"github.com/riposte-security/riposte/router/rule/yamltree"
)

// An item is a field and what is asked of it. A keyword is an item without a field.
type item struct {
	field  string
	at     *yamltree.Node
	values [][]match // of each value what it stands for, of which one must hold
	all    bool      // every value must hold; otherwise one
	negate bool
}

// detections are the search identifiers of a rule, in their order.
type detections struct {
	names []string
	trees map[string]node
}

func (d *detections) named(name string) (node, bool) {
	n, ok := d.trees[name]
	return n, ok
}

// matching lists those whose name matches a pattern with stars; "them" stands for all but those that begin with an underscore.
func (d *detections) matching(pattern string) []node {
	var out []node
	for _, name := range d.names {
		ok, err := path.Match(pattern, name)
		if strings.EqualFold(pattern, "them") {
			ok = !strings.HasPrefix(name, "_")
		}
		if ok && err == nil {
			out = append(out, d.trees[name])
		}
	}
	return out
}

// detections reads the search identifiers of a detection, or of a filter; other keys are left to the caller.
func (r *reader) detections(values []yamltree.Pair, others ...string) *detections {
	d := &detections{trees: map[string]node{}}
	for _, v := range values {
		name := v.Key.Value
		if slices.Contains(others, name) {
			continue
		}
		if _, ok := d.trees[name]; ok {
			r.fail(v.Key, "two detections are called %q", name)
			continue
		}
		d.names = append(d.names, name)
		d.trees[name] = r.detection(v.Value)
	}
	return d
}

// detection reads a map (all of its items), a list of maps (one of them), or a list of keywords (one of them).
func (r *reader) detection(n *yamltree.Node) node {
	if values, ok := yamltree.Pairs(n); ok {
		var list and
		for _, v := range values {
			list = append(list, r.item(v))
		}
		if len(list) == 0 {
			r.fail(n, "an empty detection")
		}
		return joined(list)
	}
	if items, ok := yamltree.Items(n); ok {
		return r.listed(n, items)
	}
	return r.keywords(n, []*yamltree.Node{n}, nil)
}

func (r *reader) listed(at *yamltree.Node, items []*yamltree.Node) node {
	var out or
	var words []*yamltree.Node
	for _, e := range items {
		if yamltree.IsScalar(e) {
			words = append(words, e)
		} else {
			out = append(out, r.detection(e))
		}
	}
	if len(words) > 0 {
		out = append(out, r.keywords(at, words, nil))
	}
	if len(out) == 0 {
		r.fail(at, "an empty detection")
	}
	if len(out) == 1 {
		return out[0]
	}
	return out
}

func joined(list and) node {
	if len(list) == 1 {
		return list[0]
	}
	return list
}

// item reads field|modifier|…: values.
func (r *reader) item(v yamltree.Pair) node {
	parts := strings.Split(v.Key.Value, "|")
	field, modifiers := strings.TrimSpace(parts[0]), parts[1:]
	values := []*yamltree.Node{v.Value}
	if list, ok := yamltree.Items(v.Value); ok {
		values = list
	}
	if field == "" {
		return r.keywords(v.Key, values, modifiers)
	}
	it := &item{field: field, at: v.Key}
	if len(values) == 0 {
		r.fail(v.Key, "%s: a value is expected, not an empty list", field)
	}
	r.apply(it, values, modifiers)
	return it
}

// keywords reads texts that are looked for in the whole event. A keyword may stand anywhere in a value.
func (r *reader) keywords(at *yamltree.Node, values []*yamltree.Node, modifiers []string) node {
	it := &item{at: at}
	r.apply(it, values, modifiers)
	for _, v := range it.values {
		for i := range v {
			r.keyword(at, &v[i])
		}
	}
	return it
}

func (r *reader) keyword(at *yamltree.Node, m *match) {
	switch m.op {
	case opPattern:
		if len(m.pattern) == 0 {
			r.fail(at, "an empty keyword")
		}
		m.pattern = m.pattern.before().after()
	case opRegexp, opCIDR:
	case opCompare, opExists, opNull, opField, opPart, opList:
		r.fail(at, "keywords are texts; %s needs a field", m.op)
	}
}
