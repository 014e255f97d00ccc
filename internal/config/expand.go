package config

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Expand returns the node with ${NAME} in its values replaced from env. It works on values, not on the text, so that a variable can hold
// any character without changing the structure. A plain value that is one ${NAME} takes the type that its text has in YAML.
func (n Node) Expand(env func(string) (string, bool)) (Node, error) {
	x := expander{env: env, file: n.file, variable: regexp.MustCompile(`\$?\$\{([A-Za-z_][A-Za-z0-9_]*)(:-([^}]*))?\}`)}
	if n.node == nil {
		return n, nil
	}
	node, err := x.node(n.node)
	if err != nil {
		return n, err
	}
	n.node = node
	return n, nil
}

type expander struct {
	env      func(string) (string, bool)
	file     string
	variable *regexp.Regexp
}

func (x expander) node(node ast.Node) (ast.Node, error) {
	switch v := node.(type) {
	case *ast.MappingNode:
		for _, e := range v.Values {
			if _, err := x.node(e); err != nil {
				return nil, err
			}
		}
	case *ast.MappingValueNode:
		value, err := x.node(v.Value)
		if err != nil {
			return nil, err
		}
		v.Value = value
	case *ast.SequenceNode:
		for i, e := range v.Values {
			value, err := x.node(e)
			if err != nil {
				return nil, err
			}
			v.Values[i] = value
		}
	case *ast.LiteralNode:
		if _, err := x.node(v.Value); err != nil {
			return nil, err
		}
	case *ast.StringNode:
		return x.text(v)
	}
	return node, nil
}

// text expands one string in place, or returns the scalar that a plain ${NAME} stands for.
func (x expander) text(s *ast.StringNode) (ast.Node, error) {
	if !strings.Contains(s.Value, "${") {
		return s, nil
	}
	var missing string
	plain := s.Value
	s.Value = x.variable.ReplaceAllStringFunc(s.Value, func(ref string) string {
		if strings.HasPrefix(ref, "$$") {
			return ref[1:]
		}
		m := x.variable.FindStringSubmatch(ref)
		if v, ok := x.env(m[1]); ok && (v != "" || m[2] == "") {
			return v
		}
		if m[2] == "" {
			missing = m[1]
		}
		return m[3]
	})
	if missing != "" {
		p := s.GetToken().Position
		return nil, fmt.Errorf("%s:%d:%d: environment variable %s is not set (${%s:-default} gives a default)", x.file, p.Line, p.Column, missing, missing)
	}
	if loc := x.variable.FindStringIndex(plain); loc != nil && loc[0] == 0 && loc[1] == len(plain) && s.GetToken().Type == token.StringType {
		return x.scalar(s), nil
	}
	return s, nil
}

// scalar returns the number, boolean or null that the text of a plain value is in YAML, or the string itself.
func (x expander) scalar(s *ast.StringNode) ast.Node {
	f, err := parser.ParseBytes([]byte(s.Value), 0)
	if err != nil || len(f.Docs) != 1 {
		return s
	}
	t := *s.Token // its place, and what stands there now
	t.Value = s.Value
	switch v := f.Docs[0].Body.(type) {
	case *ast.IntegerNode:
		v.Token = &t
		return v
	case *ast.FloatNode:
		v.Token = &t
		return v
	case *ast.BoolNode:
		v.Token = &t
		return v
	}
	return s
}
