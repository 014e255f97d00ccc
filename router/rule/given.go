package rule

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/riposte-security/riposte/router/lists/set"
	"github.com/riposte-security/riposte/router/rule/predicate"
	"github.com/riposte-security/riposte/router/rule/yamltree"
)

// Given is what rules look things up in while their tests run: each test brings along what its lists hold and where addresses are. Nothing
// else is known then, so that a test says the same everywhere. It implements predicate.Sources.
type Given struct {
	known   []string // names of lists; nil: any
	current atomic.Pointer[given]
}

// given is what one test brings along.
type given struct {
	lists    map[string]*set.Set
	geo, asn []placed
}

// placed is what is known of a network.
type placed struct {
	net   netip.Prefix
	facts map[string]any
}

// NewGiven knows the lists of these names; if names is nil, of any.
func NewGiven(names []string) *Given { return &Given{known: names} }

// List implements predicate.Sources.
func (g *Given) List(name string) (predicate.List, bool) {
	return givenList{g, name}, g.known == nil || slices.Contains(g.known, name)
}

// ListNames implements predicate.Sources.
func (g *Given) ListNames() []string { return g.known }

// Geo implements predicate.Sources.
func (g *Given) Geo(ip netip.Addr) map[string]any {
	if c := g.current.Load(); c != nil {
		return factsOf(c.geo, ip)
	}
	return nil
}

// ASN implements predicate.Sources.
func (g *Given) ASN(ip netip.Addr) map[string]any {
	if c := g.current.Load(); c != nil {
		return factsOf(c.asn, ip)
	}
	return nil
}

func factsOf(all []placed, ip netip.Addr) map[string]any {
	for _, p := range all { // the narrowest stands first
		if p.net.Contains(ip) {
			return p.facts
		}
	}
	return nil
}

// empty tells that a test brings nothing along.
func (g given) empty() bool { return len(g.lists)+len(g.geo)+len(g.asn) == 0 }

// during puts in force what a test brings along, until the returned function is called.
func (g *Given) during(t *Test) func() {
	if g == nil {
		return func() {}
	}
	g.current.Store(&t.given)
	return func() { g.current.Store(nil) }
}

type givenList struct {
	*Given
	name string
}

// Contains implements predicate.List.
func (l givenList) Contains(value string) bool {
	c := l.current.Load()
	return c != nil && c.lists[l.name] != nil && c.lists[l.name].Contains(value, time.Time{}) // its entries hold always
}

// givenKeys are the keys of a test that say what is looked up.
func givenKeys() []string { return []string{"lists", "geo", "asn"} }

// given reads what a test brings along.
func (d *decoder) given(m map[string]*yamltree.Node) given {
	var g given
	if v, ok := m["lists"]; ok {
		g.lists = d.givenLists(v)
	}
	if v, ok := m["geo"]; ok {
		g.geo = d.placed(v, "geo", predicate.GeoFields())
	}
	if v, ok := m["asn"]; ok {
		g.asn = d.placed(v, "asn", predicate.ASNFields())
	}
	return g
}

func (d *decoder) givenLists(n *yamltree.Node) map[string]*set.Set {
	values, ok := yamltree.Pairs(n)
	if !ok {
		d.fail(n, "lists must be a mapping of names to entries, not %s", yamltree.Kind(n))
		return nil
	}
	out := map[string]*set.Set{}
	for _, v := range values {
		name := v.Key.Value
		if i := slices.IndexFunc(d.jobs, func(j *linkJob) bool { return j.correlation != nil }); i >= 0 {
			d.jobs[i].lists = append(d.jobs[i].lists, v.Key) // the rules that it counts are not known yet
		} else if uses := d.current.uses.Lists; d.current.when != nil && !slices.Contains(uses, name) {
			d.fail(v.Key, "the rule asks for no list %q%s", name, predicate.Suggest(name, uses))
		}
		out[name] = d.givenList(v.Value)
	}
	return out
}

// givenList reads a list's entries, whose kind is found out, or kind and entries.
func (d *decoder) givenList(n *yamltree.Node) *set.Set {
	o, entries := set.Options{}, n
	if _, ok := yamltree.Pairs(n); ok {
		m, _ := d.mapping(n, "a list", "kind", "entries")
		if v, ok := m["kind"]; ok {
			var names []string
			for _, k := range set.Kinds() {
				names = append(names, string(k))
			}
			o.Kind = set.Kind(d.oneOf(v, "kind", names...))
		}
		if entries, ok = m["entries"]; !ok {
			d.fail(n, "a list needs entries")
			return nil
		}
	}
	b := set.NewBuilder(o)
	for _, e := range yamltree.Elements(entries) {
		if err := b.Add(set.Entry{Value: predicate.Text(d.value(e))}); err != nil {
			d.fail(e, "%v", err)
		}
	}
	s, err := b.Build()
	if err == nil && s.Stats().Bad > 0 {
		d.fail(entries, "not of the kind %s: %s", s.Stats().Kind, s.Stats().Sample)
	}
	if err != nil {
		d.fail(entries, "%v", err)
	}
	return s
}

// placed reads addresses or networks, and what is known of them.
func (d *decoder) placed(n *yamltree.Node, what string, fields map[string]any) []placed {
	values, ok := yamltree.Pairs(n)
	if !ok {
		d.fail(n, "%s must be a mapping of addresses or networks, not %s", what, yamltree.Kind(n))
		return nil
	}
	var out []placed
	for _, v := range values {
		text := v.Key.Value
		if !strings.Contains(text, "/") {
			if a, err := netip.ParseAddr(text); err == nil {
				text = netip.PrefixFrom(a, a.BitLen()).String()
			}
		}
		p, err := netip.ParsePrefix(text)
		if err != nil {
			d.fail(v.Key, "%s: %q is no address and no network", what, text)
			continue
		}
		m, _ := d.mapping(v.Value, what, slices.Sorted(maps.Keys(fields))...)
		facts := map[string]any{}
		for key, e := range m {
			facts[key] = d.value(e)
			if _, text := fields[key].(string); text != isText(facts[key]) {
				d.fail(e, "%s: %s is of another type", what, key)
			}
		}
		out = append(out, placed{p.Masked(), facts})
	}
	slices.SortStableFunc(out, func(a, b placed) int { return cmp.Compare(b.net.Bits(), a.net.Bits()) })
	return out
}

func isText(v any) bool { _, ok := v.(string); return ok }
