package sigma

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/riposte-security/riposte/router/rule/yamltree"
)

// A term is a piece of a predicate: and, or and not of others, any over a list, or a text that needs no parentheses around it in any of them.
type term struct {
	op   string // "and", "or", "not", "any", or empty
	args []term
	text string
}

func leaf(format string, args ...any) term { return term{text: fmt.Sprintf(format, args...)} }

// constant is true or false.
func constant(v bool) term { return term{text: strconv.FormatBool(v)} }

// join makes one term of several. Terms of the same operator become one, and what is said twice is said once.
func join(op string, terms ...term) term {
	var flat []term
	said := map[string]bool{}
	neutral := constant(op == "and").text // what can never hold, such as a word for a port, adds nothing to others
	add := func(t term) {
		if text := t.one(); !said[text] && text != neutral {
			said[text] = true
			flat = append(flat, t)
		}
	}
	for _, t := range terms {
		if t.op != op {
			add(t)
			continue
		}
		for _, a := range t.args {
			add(a)
		}
	}
	switch {
	case len(flat) == 0:
		return constant(op == "and")
	case len(flat) == 1:
		return flat[0]
	}
	return term{op: op, args: flat}
}

// anyOf asks for one element of a list.
func anyOf(list string, of term) term { return term{op: "any", text: list, args: []term{of}} }

func negate(t term) term {
	if t.op == "not" {
		return t.args[0]
	}
	return term{op: "not", args: []term{t}}
}

// An emitter writes the conditions of one rule for its source.
type emitter struct {
	source
	r *reader
}

func (e *emitter) node(n node) term {
	switch x := n.(type) {
	case and:
		return join("and", e.nodes(x)...)
	case or:
		return join("or", e.nodes(x)...)
	case not:
		return negate(e.node(x.of))
	case *item:
		return e.item(x)
	}
	return constant(false)
}

func (e *emitter) nodes(list []node) []term {
	out := make([]term, len(list))
	for i, n := range list {
		out[i] = e.node(n)
	}
	return out
}

// item writes a field's matches: at each place where its value may stand.
func (e *emitter) item(it *item) term {
	var t term
	if it.field == "" {
		t = e.keywords(it)
	} else {
		places, err := e.field(it.field)
		if err != nil {
			e.r.fail(it.at, "%v", err)
			return constant(false)
		}
		t = e.matches(it, func(list []match) term { return e.anywhere(it.at, places, list) })
	}
	if it.negate {
		return negate(t)
	}
	return t
}

// matches writes all values of an item, of which one must hold, or each.
func (e *emitter) matches(it *item, one func([]match) term) term {
	if !it.all {
		return one(slices.Concat(it.values...))
	}
	var list []term
	for _, v := range it.values {
		list = append(list, one(v))
	}
	return join("and", list...)
}

// keywords looks in the whole record.
func (e *emitter) keywords(it *item) term {
	words := e.words
	if it.spanning() {
		words = slices.Concat(words, e.spans)
	}
	list := "texts(" + words[0] + ")"
	if len(words) > 1 {
		list = "texts([" + strings.Join(words, ", ") + "])"
	}
	return e.matches(it, func(m []match) term {
		return anyOf(list, join("or", e.values("#", kText, m)...))
	})
}

// spanning tells whether a keyword has what stands in a line between the name of a program and its message: "sshd[42]: x", or a blank in front.
func (it *item) spanning() bool {
	for _, v := range it.values {
		for _, m := range v {
			if s := m.pattern.literals() + m.text; strings.ContainsAny(s, ":[]") || strings.HasPrefix(s, " ") {
				return true
			}
		}
	}
	return false
}

// anywhere writes what is asked of a field that has one of the places: one of the matches must hold.
func (e *emitter) anywhere(at *yamltree.Node, places []place, list []match) term {
	if len(places) == 0 {
		places = []place{text("nil")}
	}
	var out []term
	var ordinary []match
	for _, m := range list {
		switch m.op {
		case opNull:
			out = append(out, negate(present(places)))
		case opExists:
			t := existing(places)
			if !m.want {
				t = negate(t)
			}
			out = append(out, t)
		case opField:
			out = append(out, e.reference(at, places, m))
		case opPattern:
			if m.pattern.anything() {
				out = append(out, present(places))
				continue
			}
			if text, plain := m.pattern.plain(); plain && text == "-" && e.dashed {
				out = append(out, negate(present(places)))
			}
			ordinary = append(ordinary, m)
		case opRegexp, opCIDR, opCompare, opPart, opList:
			ordinary = append(ordinary, m)
		}
	}
	if len(ordinary) > 0 {
		for _, p := range places {
			out = append(out, e.at(p, ordinary)...)
		}
	}
	return join("or", out...)
}

// at writes matches for one place.
func (e *emitter) at(p place, list []match) []term {
	if p.odd {
		list = slices.DeleteFunc(slices.Clone(list), func(m match) bool { return !m.odd() })
	}
	if len(list) == 0 {
		return nil
	}
	var out []term
	if p.kind == kFree {
		out = []term{anyOf(p.texts(), join("or", e.values("#", kText, list)...))}
	} else {
		out = e.values(p.expr, p.kind, list)
	}
	if p.only != "" && len(out) > 0 {
		out = []term{join("and", join("or", out...), leaf("%s", p.only))}
	}
	return out
}

func (p place) texts() string {
	if p.path == "" {
		return fmt.Sprintf("texts(%s)", p.expr)
	}
	return fmt.Sprintf("texts(%s, %s)", p.expr, quote(p.path))
}

// present tells whether a field has a value other than null.
func present(places []place) term {
	var out []term
	for _, p := range places {
		var t term
		switch {
		case p.kind == kFree && p.path != "":
			t = leaf("len(%s) > 0", p.texts())
		default:
			t = leaf("%s != nil", p.expr)
		}
		if p.only != "" {
			t = join("and", t, leaf("%s", p.only))
		}
		out = append(out, t)
	}
	return join("or", out...)
}

// existing tells whether a field is there, be it null.
func existing(places []place) term {
	var out []term
	for _, p := range places {
		t := leaf("%s != nil", p.expr)
		if p.kind == kFree && p.path != "" {
			t = leaf("exists(%s, %s)", p.expr, quote(p.path))
		}
		if p.only != "" {
			t = join("and", t, leaf("%s", p.only))
		}
		out = append(out, t)
	}
	return join("or", out...)
}

// value is an expression for the text of a field at a place.
func (p place) value() string {
	v := p.expr
	switch {
	case p.kind == kFree && p.path != "":
		v = fmt.Sprintf("first(%s)", p.texts())
	case p.kind == kInteger:
		v = fmt.Sprintf("string(%s)", p.expr)
	}
	if p.only != "" {
		v = fmt.Sprintf("(%s ? %s : nil)", p.only, v)
	}
	return v
}

// reference compares a field with another one.
func (e *emitter) reference(at *yamltree.Node, places []place, m match) term {
	others, err := e.field(m.text)
	if err != nil {
		e.r.fail(at, "fieldref: %v", err)
		return constant(false)
	}
	one, other := coalesce(places), coalesce(others)
	if !m.cased {
		one, other = "lower("+bare(one)+")", "lower("+bare(other)+")"
	}
	operator := "=="
	switch {
	case m.front && m.back:
		operator = "contains"
	case m.back:
		operator = "startsWith"
	case m.front:
		operator = "endsWith"
	}
	t := leaf("%s %s %s", one, operator, other)
	if operator == "==" { // what is not there is not equal to anything
		t = join("and", t, leaf("%s != nil", one))
	}
	return t
}

// bare takes the parentheses that are around all of an expression off.
func bare(expr string) string {
	if strings.HasPrefix(expr, "(") && balanced(expr) {
		return expr[1 : len(expr)-1]
	}
	return expr
}

// coalesce is an expression for the text of a field, wherever it stands.
func coalesce(places []place) string {
	out := make([]string, len(places))
	for i, p := range places {
		out[i] = p.value()
	}
	if len(out) == 1 {
		return out[0]
	}
	return "(" + strings.Join(out, " ?? ") + ")"
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
