package engine

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/riposte-security/riposte/router/engine/scan"
	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/router/rule/predicate"
)

const (
	// few is how many rules may depend on one test without a node of their own: asking them all is quick.
	few = 8
	// deepest is how many nodes may be below each other.
	deepest = 6
	// wide is how many hits there may be for each rule, on average, before no more nodes are made: rules with long lists stand in many places.
	wide = 32
)

// A builder makes a set.
type builder struct {
	set      *set
	accesses [][]access
	hits     int // that may still be made in nodes below the root
}

// newSet makes a set of those of the rules that look at outcomes, or of those that do not.
func newSet(rules []*rule.Rule, outcomes bool) *set {
	s := &set{tests: newTests()}
	for i, r := range rules {
		if r.Outcomes == outcomes {
			s.rules = append(s.rules, int32(i))
			s.formulas = append(s.formulas, s.tests.formulaOf(r.Condition(), r.ClassUIDs()))
		}
	}
	s.paths = scan.NewPaths(s.tests.paths[documentPath:])
	stats := s.tests.stats()
	b := &builder{set: s, accesses: make([][]access, len(s.rules)), hits: wide * len(s.rules)}
	all := make([]ref, 0, len(s.rules))
	for i := range s.formulas {
		if f := &s.formulas[i]; !f.never {
			b.accesses[i] = s.tests.accesses(f, stats)
			all = append(all, ref{rule: int32(i)})
		}
	}
	s.root = b.node(all, 0)
	s.root.byPath = make([]*field, len(s.tests.paths))
	for _, f := range s.root.fields {
		f.next = s.root.byPath[f.path]
		s.root.byPath[f.path] = f
	}
	return s
}

// A ref is a rule with the accesses that led to the node, by bits, and the test of the last of them.
type ref struct {
	rule, test int32
	used       uint64
}

// node makes the node that finds rules.
func (b *builder) node(refs []ref, depth int) *node {
	n := &node{}
	g := grouping{set: b.set, fields: map[[2]int32]*group{}}
	for _, r := range refs {
		at := slices.IndexFunc(b.accesses[r.rule], func(a access) bool { return r.used&(1<<a.clause) == 0 })
		if at < 0 {
			n.always = append(n.always, r.rule)
			continue
		}
		a := &b.accesses[r.rule][at]
		r.used |= 1 << a.clause
		for _, t := range a.tests {
			g.add(t, r)
		}
	}
	for _, gr := range g.order {
		n.fields = append(n.fields, b.field(gr, depth))
	}
	return n
}

// grouping gathers rules by what they ask of which path.
type grouping struct {
	set    *set
	fields map[[2]int32]*group
	order  []*group
}

// group is what rules ask of one path in one form: by a key, that is a constant with the kind of the test.
type group struct {
	path  int32
	form  predicate.Form
	byKey map[key]*entry
	order []*entry
}

type key struct {
	kind predicate.TestKind
	at   any // string, num, bool, netip.Prefix, or nil
}

type entry struct {
	key
	refs []ref
}

func (g *grouping) add(at int32, r ref) {
	t := &g.set.tests.all[at]
	id := [2]int32{t.path, int32(t.Form)}
	f := g.fields[id]
	if f == nil {
		f = &group{path: t.path, form: t.Form, byKey: map[key]*entry{}}
		g.fields[id] = f
		g.order = append(g.order, f)
	}
	r.test = at
	for _, k := range t.keys() {
		e := f.byKey[k]
		if e == nil {
			e = &entry{key: k}
			f.byKey[k] = e
			f.order = append(f.order, e)
		}
		e.refs = append(e.refs, r)
	}
}

// keys are the constants of a test.
func (t *test) keys() []key {
	var out []key
	switch t.Kind {
	case predicate.Exists, predicate.Present:
		out = append(out, key{t.Kind, nil})
	case predicate.Prefix, predicate.Suffix, predicate.Contains:
		out = append(out, key{t.Kind, t.Text})
	case predicate.Greater, predicate.AtLeast, predicate.Less, predicate.AtMost:
		out = append(out, key{t.Kind, t.bound})
	case predicate.Network:
		for _, n := range t.nets {
			out = append(out, key{t.Kind, n})
		}
	case predicate.Equal:
		for _, v := range t.Values {
			switch v.(type) {
			case string, bool:
				out = append(out, key{t.Kind, v})
			default:
				out = append(out, key{t.Kind, numOf(v).key()})
			}
		}
	}
	return out
}

// hitsOf makes the hits of an entry: its rules, or a node that finds them.
func (b *builder) hitsOf(e *entry, depth int) []hit {
	if len(e.refs) > few && depth < deepest && b.hits > 0 && b.narrows(e.refs) {
		b.hits -= len(e.refs)
		return []hit{{node: b.node(e.refs, depth+1)}}
	}
	out := make([]hit, len(e.refs))
	for i, r := range e.refs {
		out[i] = hit{test: r.test, rule: r.rule}
	}
	return out
}

// narrows tells whether most of the rules have another access.
func (b *builder) narrows(refs []ref) bool {
	n := 0
	for _, r := range refs {
		if slices.ContainsFunc(b.accesses[r.rule], func(a access) bool { return r.used&(1<<a.clause) == 0 }) {
			n++
		}
	}
	return 2*n > len(refs)
}

// field makes the field of a group.
func (b *builder) field(g *group, depth int) *field {
	f := &field{path: g.path, form: g.form}
	for _, e := range g.order {
		f.put(e, b.hitsOf(e, depth))
	}
	slices.SortStableFunc(f.above, func(x, y bound) int { return x.order(y) })
	slices.SortStableFunc(f.below, func(x, y bound) int { return y.order(x) })
	if f.contains != nil {
		f.contains.build()
	}
	return f
}

func (b bound) order(c bound) int {
	o, ok := b.at.compare(c.at)
	if !ok {
		return cmp.Compare(b.at.kind, c.at.kind) // of numbers, all can be compared
	}
	return o
}

// put adds what to do when a test holds.
func (f *field) put(e *entry, h []hit) {
	switch e.kind {
	case predicate.Exists:
		f.exists = h
	case predicate.Present:
		f.present = h
	case predicate.Prefix:
		f.prefix.add(e.text(), h)
	case predicate.Suffix:
		f.suffix.add(e.text(), h)
	case predicate.Contains:
		if f.contains == nil {
			f.contains = &automaton{byText: map[string]int32{}}
		}
		f.contains.add(e.text(), h)
	case predicate.Greater, predicate.AtLeast:
		f.above = append(f.above, e.bound(h))
	case predicate.Less, predicate.AtMost:
		f.below = append(f.below, e.bound(h))
	case predicate.Network:
		if p, ok := e.at.(netip.Prefix); ok {
			f.nets.add(p, h)
		}
	case predicate.Equal:
		f.putEqual(e.at, h)
	}
}

func (f *field) putEqual(constant any, h []hit) {
	switch v := constant.(type) {
	case string:
		if f.texts == nil {
			f.texts = map[string][]hit{}
		}
		f.texts[v] = h
	case bool:
		f.bools[btoi(v)] = h
	case num:
		if f.nums == nil {
			f.nums = map[num][]hit{}
		}
		f.nums[v] = h
	}
}

func (e *entry) text() string {
	s, _ := e.at.(string)
	return s
}

func (e *entry) bound(h []hit) bound {
	n, _ := e.at.(num)
	return bound{n, h, e.kind}
}
