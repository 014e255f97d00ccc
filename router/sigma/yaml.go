package sigma

import (
	"fmt"
	"strconv"

	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/router/rule/yamltree"
)

// A reader reads one Sigma document and collects what is wrong with it.
type reader struct {
	file         string
	placeholders map[string][]string
	problems     rule.Problems
}

func (r *reader) fail(n *yamltree.Node, format string, args ...any) {
	line, column := yamltree.Place(n)
	r.failAt(line, column, format, args...)
}

func (r *reader) failAt(line, column int, format string, args ...any) {
	r.problems = append(r.problems, rule.Problem{File: r.file, Line: line, Column: column, Message: fmt.Sprintf(format, args...)})
}

// members are those of a mapping by name; nil if n is none.
func (r *reader) members(n *yamltree.Node, what string) map[string]*yamltree.Node {
	values, ok := yamltree.Pairs(n)
	if !ok {
		r.fail(n, "%s must be a mapping, not %s", what, yamltree.Kind(n))
		return nil
	}
	m := make(map[string]*yamltree.Node, len(values))
	for _, v := range values {
		if _, twice := m[v.Key.Value]; twice {
			r.fail(v.Key, "%s stands there twice", v.Key.Value)
		}
		m[v.Key.Value] = v.Value
	}
	return m
}

// scalar is the text of a text, a number or a boolean: numbers as they are written, where they are decimal.
func scalar(n *yamltree.Node) (string, bool) {
	if text, ok := yamltree.Text(n); ok {
		return text, true
	}
	if b, ok := yamltree.Bool(n); ok {
		return strconv.FormatBool(b), true
	}
	switch x, _ := yamltree.Number(n); x.(type) {
	case int64, uint64:
		return fmt.Sprint(x), true
	case float64:
		return n.Value, true
	}
	return "", false
}

// text reads a member that is one text; empty if it is not there.
func (r *reader) text(m map[string]*yamltree.Node, key string) string {
	n, ok := m[key]
	if !ok || yamltree.IsNull(n) {
		return ""
	}
	s, ok := scalar(n)
	if !ok {
		r.fail(n, "%s must be a text, not %s", key, yamltree.Kind(n))
	}
	return s
}

// texts reads a member that is a text or a list of texts.
func (r *reader) texts(m map[string]*yamltree.Node, key string) []string {
	n, ok := m[key]
	if !ok || yamltree.IsNull(n) {
		return nil
	}
	list := []*yamltree.Node{n}
	if l, ok := yamltree.Items(n); ok {
		list = l
	}
	var out []string
	for _, e := range list {
		if s, ok := scalar(e); ok {
			out = append(out, s)
		} else {
			r.fail(e, "%s must be texts, not %s", key, yamltree.Kind(e))
		}
	}
	return out
}
