// Package config reads riposte.yaml: defaults, strict YAML (an unknown key is an error with its line), ${ENV}, validation.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"sort"
	"strconv"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// A Node is a part of a YAML document that its owner decodes later: a component declares its settings as a struct, and Decode fills it.
// The zero Node stands for an empty mapping.
type Node struct {
	node ast.Node
	file string
}

// UnmarshalYAML keeps the node as it stands.
func (n *Node) UnmarshalYAML(node ast.Node) error {
	n.node = node
	return nil
}

// IsZero tells whether nothing was given.
func (n Node) IsZero() bool { return n.node == nil }

// A Validator checks what YAML cannot say. Decode calls it after filling the struct.
type Validator interface{ Validate() error }

// Decode fills the struct that v points to, strictly: unknown keys and wrong types are errors with file, line and column. Values that the
// node does not mention keep what they were, so defaults are set before the call. If v is a Validator, it is asked last.
func (n Node) Decode(v any) error {
	if n.node != nil && n.node.Type() != ast.NullType {
		if err := yaml.NodeToValue(n.node, v, yaml.Strict()); err != nil {
			return n.locate(err)
		}
	}
	if c, ok := v.(Validator); ok {
		if err := c.Validate(); err != nil {
			return fmt.Errorf("%s: %w", n.Pos(), err)
		}
	}
	return nil
}

// Pos says where the node stands: file:line:column, as far as known.
func (n Node) Pos() string {
	file := n.file
	if file == "" {
		file = "config"
	}
	if n.node == nil || n.node.GetToken() == nil {
		return file
	}
	p := n.node.GetToken().Position
	return fmt.Sprintf("%s:%d:%d", file, p.Line, p.Column)
}

// Within returns the node with the name of the file that it stands in, for error messages.
func (n Node) Within(file string) Node { n.file = file; return n }

func (n Node) locate(err error) error {
	ye, ok := errors.AsType[yaml.Error](err)
	if !ok {
		return err
	}
	file := n.file
	if file == "" {
		file = "config"
	}
	message := ye.GetMessage()
	if te, ok := errors.AsType[*yaml.TypeError](err); ok {
		message = expected(te)
	}
	p := ye.GetToken().Position
	return fmt.Errorf("%s:%d:%d: %s", file, p.Line, p.Column, message)
}

// expected says in the words of YAML what should stand in a place.
func expected(e *yaml.TypeError) string {
	what := e.DstType.String()
	switch {
	case e.DstType == reflect.TypeFor[time.Duration]():
		what = "a duration such as 24h or 90s"
	case e.DstType.Kind() == reflect.String:
		what = "text"
	case e.DstType.Kind() == reflect.Bool:
		what = "true or false"
	case e.DstType.Kind() == reflect.Slice:
		what = "a list"
	case e.DstType.Kind() == reflect.Map, e.DstType.Kind() == reflect.Struct:
		what = "a mapping"
	case e.DstType.Kind() >= reflect.Int && e.DstType.Kind() <= reflect.Uint64:
		what = "a whole number"
	case e.DstType.Kind() == reflect.Float32, e.DstType.Kind() == reflect.Float64:
		what = "a number"
	}
	return what + " expected"
}

// At returns the node below that the keys lead to, or the last one on the way there that exists: for the places in error messages.
func (n Node) At(keys ...string) Node {
	for _, key := range keys {
		child, ok := n.child(key)
		if !ok {
			return n
		}
		n = child
	}
	return n
}

func (n Node) child(key string) (Node, bool) {
	entries, err := n.Entries()
	if err != nil {
		return Node{}, false
	}
	for _, e := range entries {
		if e.Key == key {
			return e.Value, true
		}
	}
	return Node{}, false
}

// Parse reads one YAML document. file is for error messages.
func Parse(file string, text []byte) (Node, error) {
	n := Node{file: file}
	f, err := parser.ParseBytes(text, 0)
	if err != nil {
		return n, n.locate(err)
	}
	if len(f.Docs) > 1 {
		return n, fmt.Errorf("%s: one YAML document expected, %d found", file, len(f.Docs))
	}
	if len(f.Docs) == 1 {
		n.node = f.Docs[0].Body
	}
	return n, nil
}

// FromSettings makes a Node of key=value settings, as given by --set.
func FromSettings(set map[string]string) (Node, error) {
	if len(set) == 0 {
		return Node{}, nil
	}
	keys := make([]string, 0, len(set))
	for k := range set {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	var b bytes.Buffer
	for _, k := range keys {
		v := []byte(set[k] + "\n")
		if _, err := strconv.ParseBool(set[k]); err != nil { // everything but a boolean is text, which a number can be read from
			if v, err = yaml.Marshal(set[k]); err != nil {
				return Node{}, fmt.Errorf("setting %s: %w", k, err)
			}
		}
		fmt.Fprintf(&b, "%s: %s", k, v)
	}
	return Parse("--set", b.Bytes())
}

// An Entry is one key of a mapping with its value.
type Entry struct {
	Key   string
	Value Node
}

// Entries returns the entries of a mapping, in their order; an error if the node is something else.
func (n Node) Entries() ([]Entry, error) {
	var values []*ast.MappingValueNode
	switch v := n.node.(type) {
	case nil, *ast.NullNode:
		return nil, nil
	case *ast.MappingNode:
		values = v.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{v}
	default:
		return nil, fmt.Errorf("%s: a mapping expected", n.Pos())
	}
	entries := make([]Entry, 0, len(values))
	for _, e := range values {
		entries = append(entries, Entry{Key: e.Key.GetToken().Value, Value: Node{node: e.Value, file: n.file}})
	}
	return entries, nil
}

// One reads a mapping that has one key, the name of a component, over its settings.
func (n Node) One() (string, Node, error) {
	entries, err := n.Entries()
	if err != nil {
		return "", Node{}, err
	}
	if len(entries) != 1 {
		return "", Node{}, fmt.Errorf("%s: one key expected, the name of the component; %d found", n.Pos(), len(entries))
	}
	return entries[0].Key, entries[0].Value, nil
}
