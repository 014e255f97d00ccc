package config

import (
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// Stores are where secrets are kept beside the environment and files, by the word that a reference begins with. Errors do not hold what was found.
type Stores map[string]func(name string) (string, error)

// Expand returns the node with ${NAME} in its values replaced from env, ${file:PATH} by what the file says, and ${STORE:NAME} by what that store has. It
// works on values, not on the text, so that a variable can hold any character without changing the structure. A plain value that is one reference takes
// the type that its text has in YAML.
func (n Node) Expand(env func(string) (string, bool), stores Stores) (Node, error) {
	x := expander{
		env: env, stores: stores, file: n.file,
		variable: regexp.MustCompile(`\$?\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(:-([^}]*))?|([a-z][a-z0-9-]*):([^}\s]+))\}`),
	}
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
	stores   Stores
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
	var failed error
	plain := s.Value
	s.Value = x.variable.ReplaceAllStringFunc(s.Value, func(ref string) string {
		if strings.HasPrefix(ref, "$$") {
			return ref[1:]
		}
		m := x.variable.FindStringSubmatch(ref)
		if m[4] != "" {
			v, err := x.kept(m[4], m[5])
			if err != nil {
				failed = err
			}
			return v
		}
		if v, ok := x.env(m[1]); ok && (v != "" || m[2] == "") {
			return v
		}
		if m[2] == "" {
			missing = m[1]
		}
		return m[3]
	})
	p := s.GetToken().Position
	if failed != nil {
		return nil, fmt.Errorf("%s:%d:%d: %w", x.file, p.Line, p.Column, failed)
	}
	if missing != "" {
		return nil, fmt.Errorf("%s:%d:%d: environment variable %s is not set (${%s:-default} gives a default)", x.file, p.Line, p.Column, missing, missing)
	}
	if loc := x.variable.FindStringIndex(plain); loc != nil && loc[0] == 0 && loc[1] == len(plain) && s.GetToken().Type == token.StringType {
		return x.scalar(s), nil
	}
	return s, nil
}

// maxKept bounds what a file or a store may say, in bytes.
const maxKept = 64 << 10

// kept returns what a file or a store has.
func (x expander) kept(store, name string) (string, error) {
	if store == "file" {
		return fromFile(name)
	}
	fetch := x.stores[store]
	if fetch == nil {
		return "", fmt.Errorf("${%s:…}: no such store; there are file%s", store, strings.Join(append([]string{""}, slices.Sorted(maps.Keys(x.stores))...), ", "))
	}
	v, err := fetch(name)
	switch {
	case err != nil:
		return "", fmt.Errorf("${%s:%s}: %w", store, name, err)
	case len(v) > maxKept:
		return "", fmt.Errorf("${%s:%s}: %d bytes; at most %d expected", store, name, len(v), maxKept)
	}
	return v, nil
}

// fromFile reads a file without the newline at its end.
func fromFile(path string) (string, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return "", fmt.Errorf("${file:%s}: %w", path, err)
	}
	defer f.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(io.LimitReader(f, maxKept+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("${file:%s}: %w", path, err)
	case len(text) > maxKept:
		return "", fmt.Errorf("${file:%s}: more than %d bytes", path, maxKept)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r"), nil
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
