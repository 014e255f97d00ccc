package rule

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/riposte-security/riposte/router/rule/predicate"
	"github.com/riposte-security/riposte/router/rule/yamltree"
)

// A source is one YAML file that is being read, and the problems found in it.
type source struct {
	file     string
	lines    []string
	problems Problems
}

func (s *source) failAt(line, column int, format string, args ...any) {
	s.problems = append(s.problems, Problem{File: s.file, Line: line, Column: column, Message: fmt.Sprintf(format, args...)})
}

// fail notes a problem at a node: of a mapping, at its first key.
func (s *source) fail(n *yamltree.Node, format string, args ...any) {
	line, column := yamltree.Place(n)
	s.failAt(line, column, format, args...)
}

// Documents parses YAML text as it is read in rules, with their limits, into the bodies of its documents. file is for the problems.
func Documents(file, text string) ([]*yamltree.Node, Problems) {
	s := &source{file: file}
	return s.documents(text), s.problems
}

// documents parses the text into the bodies of its documents; empty documents are left out.
func (s *source) documents(text string) []*yamltree.Node {
	text, s.lines = yamltree.Lines(text)
	bodies, err := yamltree.Parse(text)
	if err != nil {
		s.failAt(err.Line, err.Column, "%s", err.Message)
	}
	return bodies
}

// mapping reads a mapping whose keys must all be known. ok is false if n is none.
func (s *source) mapping(n *yamltree.Node, what string, known ...string) (m map[string]*yamltree.Node, ok bool) {
	values, ok := yamltree.Pairs(n)
	if !ok {
		s.fail(n, "%s must be a mapping, not %s", what, yamltree.Kind(n))
		return nil, false
	}
	m = make(map[string]*yamltree.Node, len(values))
	for _, v := range values {
		key := v.Key.Value
		if !slices.Contains(known, key) {
			s.fail(v.Key, "unknown key %q in %s%s", key, what, predicate.Suggest(key, known))
			continue
		}
		m[key] = v.Value
	}
	return m, true
}

// text reads a string.
func (s *source) text(n *yamltree.Node, what string) (string, bool) {
	if t, ok := yamltree.Text(n); ok {
		return t, true
	}
	s.fail(n, "%s must be a string, not %s", what, yamltree.Kind(n))
	return "", false
}

// name reads a string that names something: not empty, no line breaks, and not longer than an id.
func (s *source) name(n *yamltree.Node, what string) string {
	const longest = 128
	t, ok := s.text(n, what)
	if ok && (strings.TrimSpace(t) == "" || len(t) > longest || strings.ContainsFunc(t, unicode.IsControl)) {
		s.fail(n, "%s: 1 to %d printable characters expected", what, longest)
	}
	return t
}

// texts reads a string or a list of strings.
func (s *source) texts(n *yamltree.Node, what string) []string {
	var out []string
	for _, e := range yamltree.Elements(n) {
		if t, ok := s.text(e, what); ok {
			out = append(out, t)
		}
	}
	return out
}

// oneOf reads a string that must be one of some.
func (s *source) oneOf(n *yamltree.Node, what string, choices ...string) string {
	t, ok := s.text(n, what)
	if !ok {
		return ""
	}
	if !slices.Contains(choices, t) {
		s.fail(n, "%s %q: %s expected%s", what, t, strings.Join(choices, ", "), predicate.Suggest(t, choices))
		return ""
	}
	return t
}

// value reads any YAML value as one of the predicate language.
func (s *source) value(n *yamltree.Node) any {
	if items, ok := yamltree.Items(n); ok {
		out := make([]any, len(items))
		for i, e := range items {
			out[i] = s.value(e)
		}
		return out
	}
	if pairs, ok := yamltree.Pairs(n); ok {
		out := make(map[string]any, len(pairs))
		for _, v := range pairs {
			out[v.Key.Value] = s.value(v.Value)
		}
		return out
	}
	if text, ok := yamltree.Text(n); ok {
		return text
	}
	if b, ok := yamltree.Bool(n); ok {
		return b
	}
	if x, ok := yamltree.Number(n); ok {
		return predicate.Value(x)
	}
	if !yamltree.IsNull(n) {
		s.fail(n, "%s cannot stand here", yamltree.Kind(n))
	}
	return nil
}

// appendJSON appends a value as JSON, the keys of mappings in order, as encoding/json writes what value gives. The keys of n itself that are named
// in without are left out.
func (s *source) appendJSON(to []byte, n *yamltree.Node, without ...string) (_ []byte, err error) {
	if items, ok := yamltree.Items(n); ok {
		to = append(to, '[')
		for i, e := range items {
			if i > 0 {
				to = append(to, ',')
			}
			if to, err = s.appendJSON(to, e); err != nil {
				return nil, err
			}
		}
		return append(to, ']'), nil
	}
	pairs, ok := yamltree.Pairs(n)
	if !ok {
		if text, ok := yamltree.Text(n); ok {
			return appendText(to, text)
		}
		b, err := json.Marshal(s.value(n))
		return append(to, b...), err //nolint:wrapcheck // told with its place by the caller
	}
	slices.SortFunc(pairs, func(a, b yamltree.Pair) int { return strings.Compare(a.Key.Value, b.Key.Value) })
	to = append(to, '{')
	for _, p := range pairs {
		if slices.Contains(without, p.Key.Value) {
			continue
		}
		if to[len(to)-1] != '{' {
			to = append(to, ',')
		}
		if to, err = appendText(to, p.Key.Value); err == nil {
			to, err = s.appendJSON(append(to, ':'), p.Value)
		}
		if err != nil {
			return nil, err
		}
	}
	return append(to, '}'), nil
}

// appendText appends a string as JSON.
func appendText(to []byte, text string) ([]byte, error) {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || strings.IndexByte(`"\<>&`, c) >= 0 { // what encoding/json escapes, or might
			b, err := json.Marshal(text)
			return append(to, b...), err //nolint:wrapcheck // told with its place by the caller
		}
	}
	to = append(to, '"')
	to = append(to, text...)
	return append(to, '"'), nil
}
