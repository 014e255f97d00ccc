package engine

import (
	"bytes"
	"encoding/json"
	"slices"
	"unicode/utf8"

	"github.com/riposte-security/riposte/router/engine/scan"
	"github.com/riposte-security/riposte/router/rule/predicate"
	"github.com/riposte-security/riposte/schemas"
)

// A run is the state of looking at one event, used again for the next.
type run struct {
	scan    scan.Scan
	buf     []byte // forms of strings
	values  []value
	heads   []int32 // by path: the place of its first value, plus 1
	touched []int32 // paths that have values

	// What was told of tests and rules in this turn: the turn, times two, plus one for yes.
	turn  uint32
	tests []uint32
	rules []uint32

	found   []int32     // rules whose formula holds
	look    func([]hit) // hits, as a value that is made once
	decoded map[string]any
	set     *set
}

func newRun(s *set) *run {
	r := &run{set: s, heads: make([]int32, len(s.tests.paths)), tests: make([]uint32, len(s.tests.all)), rules: make([]uint32, len(s.rules))}
	r.look = r.hits
	return r
}

// read checks the event and notes its values.
func (r *run) read(ev schemas.Event) error {
	r.reset()
	members, marks := ev.Members()
	if members != nil {
		if err := r.scan.ReadMembers(r.set.paths, ev.Data, marks, members); err != nil {
			return err
		}
	} else {
		if err := r.scan.Read(r.set.paths, ev.Data); err != nil {
			return err
		}
		if !isObject(ev.Data) {
			return errNoObject
		}
	}
	if r.scan.Twice || !r.note(ev.Data, members != nil) {
		if err := r.reread(ev.Data); err != nil {
			return err
		}
	}
	class := intNum(int64(ev.Class))
	if ev.Class == ClassInData {
		at := r.heads[documentPath]
		if at == 0 {
			class = intNum(schemas.ClassBase)
		} else if v := &r.values[at-1]; v.kind == scan.Number {
			class = v.number()
		}
	}
	r.add(classPath, value{kind: scan.Number, num: class})
	return nil
}

// reread reads what decoding makes of an event that is read in an odd way: which of two members of the same name counts, what escapes in names
// stand for, and what becomes of bytes that are not UTF-8, is told by the decoder alone.
func (r *run) reread(data []byte) error {
	decoded, err := predicate.Decode(data)
	if err != nil {
		return err
	}
	plain, err := json.Marshal(decoded)
	if err != nil {
		return err
	}
	r.reset()
	r.decoded = decoded
	if err := r.scan.Read(r.set.paths, plain); err != nil {
		return err
	}
	r.note(plain, true)
	return nil
}

func (r *run) reset() {
	if r.turn++; r.turn >= 1<<31 {
		clear(r.tests)
		clear(r.rules)
		r.turn = 1
	}
	for _, p := range r.touched {
		r.heads[p] = 0
	}
	r.touched, r.values, r.buf, r.found, r.decoded = r.touched[:0], r.values[:0], r.buf[:0], r.found[:0], nil
}

// note takes over what the scan found. It is false when a string is not UTF-8, which an event that was walked over is known to be.
func (r *run) note(data []byte, valid bool) bool {
	for _, f := range r.scan.Values {
		v := value{kind: f.Kind, raw: data[f.Start:f.End]}
		if !valid && (f.Kind == scan.String || f.Kind == scan.Escaped) && !utf8.Valid(v.raw) {
			return false
		}
		r.add(f.Path+1, v)
	}
	return true
}

// add puts a value in front of those of its path.
func (r *run) add(path int32, v value) {
	v.next = r.heads[path]
	if v.next == 0 {
		r.touched = append(r.touched, path)
	}
	r.values = append(r.values, v)
	r.heads[path] = int32(len(r.values)) //nolint:gosec // no more than bytes
}

// passes tells whether a test holds for some value; it finds out once.
func (r *run) passes(t int32) bool {
	if m := r.tests[t]; m>>1 == r.turn {
		return m&1 == 1
	}
	x := &r.set.tests.all[t]
	yes := false
	for at := r.heads[x.path]; at > 0 && !yes; {
		v := &r.values[at-1]
		yes = x.pass(v, &r.buf)
		at = v.next
	}
	r.tests[t] = r.turn<<1 | uint32(btoi(yes)) //nolint:gosec // 0 or 1
	return yes
}

// hit notes that a test holds, and looks at the rules that depend on it.
func (r *run) hit(h *hit) {
	if h.node != nil {
		r.visit(h.node)
		return
	}
	r.tests[h.test] = r.turn<<1 | 1
	r.consider(h.rule)
}

// consider looks at one rule.
func (r *run) consider(i int32) {
	if r.rules[i] == r.turn {
		return
	}
	r.rules[i] = r.turn // a formula does not change its mind
	f := &r.set.formulas[i]
	for c := range f.clauses {
		if !r.holds(&f.clauses[c]) {
			return
		}
	}
	r.found = append(r.found, i)
}

// candidates gives the rules whose formulas hold, in the order of the set.
func (r *run) candidates() []int32 {
	r.visit(r.set.root)
	slices.Sort(r.found)
	return r.found
}

// decode decodes the event, once.
func (r *run) decode(data []byte) (map[string]any, error) {
	if r.decoded == nil {
		m, err := predicate.Decode(data)
		if err != nil {
			return nil, err
		}
		r.decoded = m
	}
	return r.decoded, nil
}

// isObject tells whether a document that was read is an object.
func isObject(doc []byte) bool {
	return doc[bytes.IndexFunc(doc, func(r rune) bool { return r > ' ' })] == '{'
}
