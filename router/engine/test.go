package engine

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/riposte-security/riposte/router/engine/scan"
	"github.com/riposte-security/riposte/router/rule/predicate"
)

// A test is a predicate.Test made for values of documents. Rules that ask the same share it.
type test struct {
	predicate.Test
	path int32

	text  []byte
	texts map[string]struct{}
	nums  []num
	bools [2]bool // passes false, true
	bound num
	nets  []netip.Prefix
}

// What an event was read as is at a path of its own, beside what the document says of its class.
const (
	classPath    = 0
	documentPath = 1 // class_uid
)

// tests makes tests, each once.
type tests struct {
	paths  [][]predicate.Step
	byPath map[string]int32
	byName map[string]int32
	all    []test
}

func newTests() *tests {
	t := &tests{byPath: map[string]int32{}, byName: map[string]int32{}}
	t.paths = append(t.paths, nil) // classPath
	t.path([]predicate.Step{{Kind: predicate.Field, Name: "class_uid"}})
	return t
}

// path gives the number of a path.
func (ts *tests) path(steps []predicate.Step) int32 {
	var b strings.Builder
	for _, s := range steps {
		fmt.Fprintf(&b, "%d%q", s.Kind, s.Name)
	}
	if at, ok := ts.byPath[b.String()]; ok {
		return at
	}
	at := int32(len(ts.paths)) //nolint:gosec // far below
	ts.byPath[b.String()] = at
	ts.paths = append(ts.paths, steps)
	return at
}

// class gives the test that the event is of one of the classes.
func (ts *tests) class(uids []int) int32 {
	values := make([]any, len(uids))
	for i, u := range uids {
		values[i] = int64(u)
	}
	return ts.at(classPath, predicate.Test{Kind: predicate.Equal, Values: values})
}

// add gives the number of a test.
func (ts *tests) add(t predicate.Test) int32 { return ts.at(ts.path(t.Path), t) }

func (ts *tests) at(path int32, t predicate.Test) int32 {
	name := fmt.Sprintf("%d %d %d %q %#v %#v %q", path, t.Form, t.Kind, t.Text, t.Values, t.Bound, t.Nets)
	if at, ok := ts.byName[name]; ok {
		return at
	}
	x := test{Test: t, path: path, text: []byte(t.Text), texts: map[string]struct{}{}, bound: numOf(t.Bound)}
	x.Path = nil
	for _, v := range t.Values {
		switch v := v.(type) {
		case string:
			x.texts[v] = struct{}{}
			x.Text = v
		case bool:
			x.bools[btoi(v)] = true
		default:
			x.nums = append(x.nums, numOf(v))
		}
	}
	for _, n := range t.Nets {
		if p, err := netip.ParsePrefix(n); err == nil {
			x.nets = append(x.nets, p)
		}
	}
	at := int32(len(ts.all)) //nolint:gosec // far below
	ts.byName[name] = at
	ts.all = append(ts.all, x)
	return at
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// pass tells whether a value passes.
func (t *test) pass(v *value, buf *[]byte) bool {
	switch t.Kind {
	case predicate.Present:
		return true
	case predicate.Exists:
		if t.Form != predicate.Plain {
			_, ok := v.string(t.Form, buf)
			return ok
		}
		return v.kind != scan.Null
	case predicate.Equal:
		return t.equal(v, buf)
	case predicate.Greater, predicate.AtLeast, predicate.Less, predicate.AtMost:
		return t.ordered(v)
	case predicate.Prefix, predicate.Suffix, predicate.Contains, predicate.Network:
	}
	text, ok := v.string(t.Form, buf)
	if !ok {
		return false
	}
	switch t.Kind { //nolint:exhaustive // the others are above
	case predicate.Prefix:
		return bytes.HasPrefix(text, t.text)
	case predicate.Suffix:
		return bytes.HasSuffix(text, t.text)
	case predicate.Contains:
		return bytes.Contains(text, t.text)
	}
	a, ok := predicate.Address(textOf(text))
	return ok && slices.ContainsFunc(t.nets, func(p netip.Prefix) bool { return p.Contains(a) })
}

func (t *test) equal(v *value, buf *[]byte) bool {
	if text, ok := v.string(t.Form, buf); ok {
		if len(t.texts) == 1 {
			return string(text) == t.Text
		}
		_, ok = t.texts[string(text)]
		return ok
	}
	if t.Form != predicate.Plain {
		return false
	}
	switch v.kind { //nolint:exhaustive // no others are equal to constants
	case scan.Number:
		n := v.number()
		return slices.ContainsFunc(t.nums, func(m num) bool { return n.same(m) })
	case scan.True:
		return t.bools[1]
	case scan.False:
		return t.bools[0]
	}
	return false
}

// same tells whether two numbers are equal.
func (n num) same(m num) bool {
	if n.kind != m.kind {
		return false
	}
	if n.kind == isFloat {
		return n.f == m.f
	}
	return n.bits == m.bits
}

func (t *test) ordered(v *value) bool {
	if v.kind != scan.Number || t.Form != predicate.Plain {
		return false
	}
	o, ok := v.number().compare(t.bound)
	switch {
	case !ok:
		return false
	case t.Kind == predicate.Greater:
		return o > 0
	case t.Kind == predicate.AtLeast:
		return o >= 0
	case t.Kind == predicate.Less:
		return o < 0
	}
	return o <= 0
}
