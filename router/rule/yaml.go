package rule

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/riposte-security/riposte/router/rule/predicate"
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
func (s *source) fail(n ast.Node, format string, args ...any) {
	line, column := place(n)
	s.failAt(line, column, format, args...)
}

func place(n ast.Node) (line, column int) {
	switch x := n.(type) {
	case *ast.MappingNode:
		if !x.IsFlowStyle && len(x.Values) > 0 {
			return place(x.Values[0])
		}
	case *ast.MappingValueNode:
		return place(x.Key)
	}
	if n == nil || n.GetToken() == nil || n.GetToken().Position == nil {
		return 0, 0
	}
	p := n.GetToken().Position
	return p.Line, p.Column
}

// documents parses the text into the bodies of its documents; empty documents are left out.
func (s *source) documents(text string) []ast.Node {
	text = strings.ReplaceAll(strings.TrimPrefix(text, "\ufeff"), "\r\n", "\n")
	s.lines = strings.Split(text, "\n")
	tokens := lexer.Tokenize(text)
	if t, why := refused(tokens); t != nil {
		s.failAt(t.Position.Line, t.Position.Column, "%s", why)
		return nil
	}
	f, err := parsed(tokens)
	if err != nil {
		var ye yaml.Error
		if errors.As(err, &ye) && ye.GetToken() != nil {
			s.failAt(ye.GetToken().Position.Line, ye.GetToken().Position.Column, "%s", ye.GetMessage())
		} else {
			s.failAt(0, 0, "%v", err)
		}
		return nil
	}
	var bodies []ast.Node
	for _, d := range f.Docs {
		if d.Body != nil && d.Body.Type() != ast.NullType && d.Body.Type() != ast.CommentType {
			bodies = append(bodies, d.Body)
		}
	}
	return bodies
}

// parsed runs the YAML parser. Rules are reloaded while the router runs: a file that the parser trips over must not end it.
func parsed(tokens token.Tokens) (f *ast.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the YAML parser failed on this file: %v", r)
		}
	}()
	return parser.Parse(tokens, 0) //nolint:wrapcheck // told with its place by the caller
}

// refused finds what rules may not hold: aliases, which can make a small file large; tags and complex keys, which no rule needs; and
// nesting so deep, or mappings so large, that reading them would exhaust the stack or take minutes.
func refused(tokens token.Tokens) (*token.Token, string) {
	const deepest, mostKeys = 64, 10_000
	depth, dashes, line, keys := 0, 0, 0, 0
	for _, t := range tokens {
		switch t.Type { //nolint:exhaustive // the others are harmless
		case token.AnchorType, token.AliasType, token.MergeKeyType:
			return t, "anchors and aliases are not supported in rules"
		case token.TagType:
			return t, "tags are not supported in rules"
		case token.MappingKeyType:
			return t, "complex keys are not supported in rules"
		case token.DocumentHeaderType:
			keys = 0
		case token.MappingValueType:
			if keys++; keys > mostKeys {
				return t, fmt.Sprintf("more than %d keys in one document", mostKeys)
			}
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		case token.SequenceEntryType:
			if t.Position.Line != line {
				line, dashes = t.Position.Line, 0
			}
			dashes++
		}
		if depth > deepest || dashes > deepest || t.Position.IndentNum > 8*deepest {
			return t, "nested too deeply"
		}
	}
	return nil, ""
}

// mapping reads a mapping whose keys must all be known. ok is false if n is none.
func (s *source) mapping(n ast.Node, what string, known ...string) (m map[string]ast.Node, ok bool) {
	values, ok := pairs(n)
	if !ok {
		s.fail(n, "%s must be a mapping, not %s", what, kindOf(n))
		return nil, false
	}
	m = make(map[string]ast.Node, len(values))
	for _, v := range values {
		key := v.Key.GetToken().Value
		if !slices.Contains(known, key) {
			s.fail(v.Key, "unknown key %q in %s%s", key, what, predicate.Suggest(key, known))
			continue
		}
		m[key] = v.Value
	}
	return m, true
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

// kindOf names what a node is, for messages.
func kindOf(n ast.Node) string {
	if n == nil {
		return "nothing"
	}
	switch n.Type() { //nolint:exhaustive // the others cannot be values here
	case ast.MappingType, ast.MappingValueType:
		return "a mapping"
	case ast.SequenceType:
		return "a list"
	case ast.StringType, ast.LiteralType:
		return "a string"
	case ast.IntegerType, ast.FloatType, ast.InfinityType, ast.NanType:
		return "a number"
	case ast.BoolType:
		return "a boolean"
	case ast.NullType:
		return "nothing"
	}
	return "a " + strings.ToLower(n.Type().String())
}

// text reads a string.
func (s *source) text(n ast.Node, what string) (string, bool) {
	switch x := n.(type) {
	case *ast.StringNode:
		return x.Value, true
	case *ast.LiteralNode:
		return x.Value.Value, true
	}
	s.fail(n, "%s must be a string, not %s", what, kindOf(n))
	return "", false
}

// name reads a string that names something: not empty, no line breaks, and not longer than an id.
func (s *source) name(n ast.Node, what string) string {
	const longest = 128
	t, ok := s.text(n, what)
	if ok && (strings.TrimSpace(t) == "" || len(t) > longest || strings.ContainsFunc(t, unicode.IsControl)) {
		s.fail(n, "%s: 1 to %d printable characters expected", what, longest)
	}
	return t
}

// texts reads a string or a list of strings.
func (s *source) texts(n ast.Node, what string) []string {
	var out []string
	for _, e := range elements(n) {
		if t, ok := s.text(e, what); ok {
			out = append(out, t)
		}
	}
	return out
}

// elements are those of a list; anything else is a list of itself.
func elements(n ast.Node) []ast.Node {
	if l, ok := n.(*ast.SequenceNode); ok {
		return l.Values
	}
	return []ast.Node{n}
}

// oneOf reads a string that must be one of some.
func (s *source) oneOf(n ast.Node, what string, choices ...string) string {
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
func (s *source) value(n ast.Node) any {
	switch x := n.(type) {
	case *ast.StringNode:
		return x.Value
	case *ast.LiteralNode:
		return x.Value.Value
	case *ast.BoolNode:
		return x.Value
	case *ast.FloatNode:
		return x.Value
	case *ast.IntegerNode:
		switch v := x.Value.(type) {
		case int64:
			return v
		case uint64:
			return predicate.Value(v)
		}
	case *ast.NullNode:
		return nil
	case *ast.SequenceNode:
		out := make([]any, len(x.Values))
		for i, e := range x.Values {
			out[i] = s.value(e)
		}
		return out
	case *ast.MappingNode, *ast.MappingValueNode:
		values, _ := pairs(n)
		out := make(map[string]any, len(values))
		for _, v := range values {
			out[v.Key.GetToken().Value] = s.value(v.Value)
		}
		return out
	}
	s.fail(n, "%s cannot stand here", kindOf(n))
	return nil
}
