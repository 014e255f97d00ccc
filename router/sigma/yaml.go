package sigma

import (
	"fmt"
	"strconv"

	"github.com/goccy/go-yaml/ast"

	"github.com/riposte-security/riposte/router/rule"
)

// A reader reads one Sigma document and collects what is wrong with it.
type reader struct {
	file         string
	placeholders map[string][]string
	problems     rule.Problems
}

func (r *reader) fail(n ast.Node, format string, args ...any) {
	line, column := rule.Place(n)
	r.failAt(line, column, format, args...)
}

func (r *reader) failAt(line, column int, format string, args ...any) {
	r.problems = append(r.problems, rule.Problem{File: r.file, Line: line, Column: column, Message: fmt.Sprintf(format, args...)})
}

func pairs(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch x := n.(type) {
	case *ast.MappingNode:
		return x.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{x}, true
	}
	return nil, false
}

func keyOf(v *ast.MappingValueNode) string { return v.Key.GetToken().Value }

// members are those of a mapping by name; nil if n is none.
func (r *reader) members(n ast.Node, what string) map[string]ast.Node {
	values, ok := pairs(n)
	if !ok {
		r.fail(n, "%s must be a mapping, not %s", what, rule.KindOf(n))
		return nil
	}
	m := make(map[string]ast.Node, len(values))
	for _, v := range values {
		if _, twice := m[keyOf(v)]; twice {
			r.fail(v.Key, "%s stands there twice", keyOf(v))
		}
		m[keyOf(v)] = v.Value
	}
	return m
}

// scalar is the text of a text, a number or a boolean: numbers as they are written, where they are decimal.
func scalar(n ast.Node) (string, bool) {
	switch x := n.(type) {
	case *ast.StringNode:
		return x.Value, true
	case *ast.LiteralNode:
		return x.Value.Value, true
	case *ast.BoolNode:
		return strconv.FormatBool(x.Value), true
	case *ast.IntegerNode:
		return fmt.Sprint(x.Value), true
	case *ast.FloatNode:
		return x.GetToken().Value, true
	}
	return "", false
}

// text reads a member that is one text; empty if it is not there.
func (r *reader) text(m map[string]ast.Node, key string) string {
	n, ok := m[key]
	if !ok || n.Type() == ast.NullType {
		return ""
	}
	s, ok := scalar(n)
	if !ok {
		r.fail(n, "%s must be a text, not %s", key, rule.KindOf(n))
	}
	return s
}

// texts reads a member that is a text or a list of texts.
func (r *reader) texts(m map[string]ast.Node, key string) []string {
	n, ok := m[key]
	if !ok || n.Type() == ast.NullType {
		return nil
	}
	list := []ast.Node{n}
	if l, ok := n.(*ast.SequenceNode); ok {
		list = l.Values
	}
	var out []string
	for _, e := range list {
		if s, ok := scalar(e); ok {
			out = append(out, s)
		} else {
			r.fail(e, "%s must be texts, not %s", key, rule.KindOf(e))
		}
	}
	return out
}
