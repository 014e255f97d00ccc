package engine

import (
	"github.com/riposte-security/riposte/router/engine/scan"
	"github.com/riposte-security/riposte/router/rule/predicate"
)

// A set is a set of rules made for finding those whose formulas hold. It is read-only.
type set struct {
	rules    []int32 // places in the engine's rules
	formulas []formula
	tests    *tests
	paths    *scan.Paths
	root     *node
}

// A node finds rules by one access of each: the tests of all these accesses, by what they ask of which path. Where many rules depend on one
// test, a node of its own finds them by their next access.
type node struct {
	always []int32 // rules without access
	fields []*field
	byPath []*field // of the root: the first field of each path; nil where the node has few
}

// A field is what tests ask of the values at one path in one form.
type field struct {
	path int32
	form predicate.Form
	next *field // of the same path

	texts    map[string][]hit
	nums     map[num][]hit
	bools    [2][]hit
	exists   []hit // any but null
	present  []hit
	prefix   affixes
	suffix   affixes
	contains *automaton
	above    []bound // Greater and AtLeast, by bound, ascending
	below    []bound // Less and AtMost, by bound, descending
	nets     networks
}

// A hit is a test that holds, with a rule that depends on it, or a node that finds all those that do.
type hit struct {
	test int32
	rule int32
	node *node
}

type bound struct {
	at   num
	hits []hit
	kind predicate.TestKind
}

// visit looks for the rules of a node.
func (r *run) visit(n *node) {
	for _, i := range n.always {
		r.consider(i)
	}
	if n.byPath == nil {
		for _, f := range n.fields {
			r.show(f)
		}
		return
	}
	for _, p := range r.touched {
		for f := n.byPath[p]; f != nil; f = f.next {
			r.show(f)
		}
	}
}

// show shows the values of a path to a field.
func (r *run) show(f *field) {
	for at := r.heads[f.path]; at > 0; {
		v := &r.values[at-1]
		at = v.next
		r.hits(f.present)
		if text, ok := v.string(f.form, &r.buf); ok {
			r.hits(f.exists)
			r.text(f, text)
			continue
		}
		if f.form != predicate.Plain || v.kind == scan.Null {
			continue
		}
		r.hits(f.exists)
		switch v.kind { //nolint:exhaustive // the others are but there
		case scan.Number:
			r.number(f, v.number())
		case scan.True:
			r.hits(f.bools[1])
		case scan.False:
			r.hits(f.bools[0])
		}
	}
}

func (r *run) hits(h []hit) {
	for i := range h {
		r.hit(&h[i])
	}
}

func (r *run) text(f *field, text []byte) {
	if f.texts != nil {
		r.hits(f.texts[string(text)])
	}
	f.prefix.find(text, false, r.look)
	f.suffix.find(text, true, r.look)
	if f.contains != nil {
		f.contains.find(text, r.look)
	}
	if f.nets.byBits != nil {
		f.nets.find(text, r.look)
	}
}

func (r *run) number(f *field, n num) {
	if f.nums != nil {
		r.hits(f.nums[n.key()])
	}
	for i := range f.above {
		b := &f.above[i]
		if o, ok := n.compare(b.at); !ok || o < 0 {
			break
		} else if o > 0 || b.kind == predicate.AtLeast {
			r.hits(b.hits)
		}
	}
	for i := range f.below {
		b := &f.below[i]
		if o, ok := n.compare(b.at); !ok || o > 0 {
			break
		} else if o < 0 || b.kind == predicate.AtMost {
			r.hits(b.hits)
		}
	}
}
