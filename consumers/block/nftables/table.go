package nftables

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"
)

// hooks are the chains in which packets are dropped: what is for this host, and what it forwards.
func hooks() []string { return []string{"input", "forward"} }

// priority is before that of ordinary filters, whose accept would not be final anyhow.
const priority = -10

// A table is what our table holds.
type table struct {
	exists bool
	chains []string          // with the right hook
	rules  map[string]bool   // chain and set: there is a rule that drops what is in the set
	sets   map[string][]held // by name
}

type held struct {
	element
	prefix netip.Prefix // not valid where it is none of ours
	text   string
}

// read reads a table, whole. One that does not exist is empty.
func read(ctx context.Context, run Runner, name string) (table, error) {
	t := table{rules: map[string]bool{}, sets: map[string][]held{}}
	all, err := do(ctx, run, command{"list": {"tables": map[string]any{"family": family}}})
	if err != nil {
		return t, err
	}
	for _, o := range all.Objects {
		t.exists = t.exists || o.Table != nil && o.Table.Name == name && o.Table.Family == family
	}
	if !t.exists {
		return t, nil
	}
	l, err := do(ctx, run, command{"list": {"table": map[string]any{"family": family, "name": name}}})
	if err != nil {
		return t, err
	}
	for _, o := range l.Objects {
		switch {
		case o.Chain != nil && o.Chain.Hook == o.Chain.Name:
			t.chains = append(t.chains, o.Chain.Name)
		case o.Set != nil:
			t.sets[o.Set.Name] = heldIn(o.Set.Name, o.Set.Elem)
		case o.Rule != nil:
			set, drops := "", false
			for _, e := range o.Rule.Expr {
				if e.Match != nil {
					set += fmt.Sprint(e.Match.Right, " ") // with a second match, it is another rule than ours
				}
				drops = drops || e.Drop != nil
			}
			t.rules[o.Rule.Chain+" "+set] = drops
		}
	}
	return t, nil
}

func heldIn(set string, elements []element) []held {
	out := []held{}
	for _, e := range elements {
		h := held{element: e, text: string(e.Value)}
		var s string
		if json.Unmarshal(e.Value, &s) == nil {
			h.text = s
			if a, err := netip.ParseAddr(s); err == nil {
				if p, err := a.Prefix(lengthOf(set)); err == nil && setOf(p) == set {
					h.prefix = p
				}
			}
		}
		out = append(out, h)
	}
	return out
}

// setOf names the set of all prefixes of one family and length. In a set of ranges, two that overlap could not both be; so each length has one
// of its own, which is a hash table besides.
func setOf(p netip.Prefix) string {
	if p.Addr().Is6() {
		return fmt.Sprintf("ip6_%d", p.Bits())
	}
	return fmt.Sprintf("ip4_%d", p.Bits())
}

func lengthOf(set string) int {
	var family, bits int
	if n, err := fmt.Sscanf(set, "ip%d_%d", &family, &bits); n != 2 || err != nil {
		return -1
	}
	return bits
}

// find returns the element for a prefix, and whether what comes from there is dropped: it must be in the set, and a rule of each chain ask for the set.
func (t table) find(p netip.Prefix) (held, bool) {
	set := setOf(p)
	i := slices.IndexFunc(t.sets[set], func(h held) bool { return h.prefix == p })
	if i < 0 {
		return held{}, false
	}
	for _, chain := range hooks() {
		if !slices.Contains(t.chains, chain) || !t.rules[chain+" @"+set+" "] {
			return t.sets[set][i], false
		}
	}
	return t.sets[set][i], true
}

// put returns the commands that put a prefix into the set, for a time or (0) without end, and make what is missing around it. An element that is there
// already gets the new time: nft has no other way than to delete and add it, which here is one step.
func (t table) put(name string, p netip.Prefix, last time.Duration) []command {
	in := map[string]any{"family": family, "table": name}
	with := func(more map[string]any) map[string]any {
		maps.Copy(more, in)
		return more
	}
	set, kind, field := setOf(p), "ipv4_addr", "ip"
	if p.Addr().Is6() {
		kind, field = "ipv6_addr", "ip6"
	}
	var out []command
	if !t.exists {
		out = append(out, command{"add": {"table": map[string]any{"family": family, "name": name}}})
	}
	if t.sets[set] == nil {
		out = append(out, command{"add": {"set": with(map[string]any{"name": set, "type": kind, "flags": []string{"timeout"}})}})
	}
	for _, chain := range hooks() {
		if !slices.Contains(t.chains, chain) {
			out = append(out, command{"add": {"chain": with(map[string]any{"name": chain, "type": "filter", "hook": chain, "prio": priority, "policy": "accept"})}})
		}
		if !t.rules[chain+" @"+set+" "] {
			var source any = map[string]any{"payload": map[string]any{"protocol": field, "field": "saddr"}}
			if !p.IsSingleIP() {
				source = map[string]any{"&": []any{source, mask(p)}}
			}
			out = append(out, command{"add": {"rule": with(map[string]any{"chain": chain, "comment": set, "expr": []any{
				map[string]any{"match": map[string]any{"op": "==", "left": source, "right": "@" + set}},
				map[string]any{"counter": map[string]any{"packets": 0, "bytes": 0}},
				map[string]any{"drop": nil},
			}})}})
		}
	}
	if h, _ := t.find(p); h.prefix.IsValid() {
		out = append(out, t.take(name, p)...)
	}
	var elem any = p.Addr().String()
	if last > 0 {
		elem = map[string]any{"elem": map[string]any{"val": elem, "timeout": int64(max((last+time.Second-1)/time.Second, 1))}}
	}
	return append(out, command{"add": {"element": with(map[string]any{"name": set, "elem": []any{elem}})}})
}

// take returns the commands that take a prefix out of the set, whether the kernel has done so meanwhile or not: to delete what is not there is an error, so
// it is added first.
func (t table) take(name string, p netip.Prefix) []command {
	if t.sets[setOf(p)] == nil {
		return nil
	}
	e := map[string]any{"element": map[string]any{"family": family, "table": name, "name": setOf(p), "elem": []any{p.Addr().String()}}}
	return []command{{"add": e}, {"delete": e}}
}

// mask writes the bits of a prefix as an address: 255.255.255.0.
func mask(p netip.Prefix) string {
	b := make([]byte, p.Addr().BitLen()/8)
	for i := range p.Bits() {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b) // of the right length
	return a.String()
}
