package yamltree

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// A Pair is a key with its value.
type Pair struct{ Key, Value *Node }

// Pairs are those of a mapping, in the order of the file. ok is false if n is none.
func Pairs(n *Node) (pairs []Pair, ok bool) {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil, false
	}
	pairs = make([]Pair, len(n.Content)/2)
	for i := range pairs {
		pairs[i] = Pair{n.Content[2*i], n.Content[2*i+1]}
	}
	return pairs, true
}

// Items are those of a list. ok is false if n is none.
func Items(n *Node) (items []*Node, ok bool) {
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil, false
	}
	return n.Content, true
}

// Elements are those of a list; anything else is a list of itself.
func Elements(n *Node) []*Node {
	if list, ok := Items(n); ok {
		return list
	}
	return []*Node{n}
}

// Place is where a node begins. A mapping or list of block style begins at its first key or dash.
func Place(n *Node) (line, column int) {
	if n == nil {
		return 0, 0
	}
	return n.Line, n.Column
}

// IsScalar tells whether a node is neither a mapping nor a list.
func IsScalar(n *Node) bool { return n != nil && n.Kind == yaml.ScalarNode }

// IsNull tells whether a node is null, written out or not.
func IsNull(n *Node) bool { return n != nil && n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// Text is the value of a string: of all that is no number, boolean or null.
func Text(n *Node) (s string, ok bool) {
	if n == nil || n.Kind != yaml.ScalarNode || n.Tag == "!!bool" || n.Tag == "!!null" || isNumber(n) {
		return "", false
	}
	return n.Value, true
}

// isNumber tells whether a scalar is a number. What YAML takes for a float because it has too many digits for an integer, an exponent but no
// point, or zeros in front, is rather an id or a digest, and would lose by becoming a number.
func isNumber(n *Node) bool {
	return n.Tag == "!!int" || n.Tag == "!!float" && (strings.Contains(n.Value, ".") || n.Value == "-0")
}

// Bool is the value of a boolean.
func Bool(n *Node) (v, ok bool) {
	if n == nil || n.Kind != yaml.ScalarNode || n.Tag != "!!bool" {
		return false, false
	}
	return strings.EqualFold(n.Value, "true"), true
}

// Number is the value of a number: an int64, a uint64 where that is too small, else a float64.
func Number(n *Node) (v any, ok bool) {
	if n == nil || n.Kind != yaml.ScalarNode || !isNumber(n) {
		return nil, false
	}
	digits := strings.ReplaceAll(n.Value, "_", "")
	if i, err := strconv.ParseInt(digits, 0, 64); err == nil {
		return i, true
	}
	if u, err := strconv.ParseUint(strings.TrimPrefix(digits, "+"), 0, 64); err == nil {
		return u, true
	}
	if named := strings.TrimLeft(digits, "+-"); strings.EqualFold(named, ".inf") || strings.EqualFold(named, ".nan") {
		digits = strings.Replace(digits, ".", "", 1)
	}
	f, err := strconv.ParseFloat(digits, 64)
	return f, err == nil
}

// Kind names what a node is, for messages: "a mapping", "a list".
func Kind(n *Node) string {
	switch {
	case n == nil || IsNull(n):
		return "nothing"
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Tag == "!!bool":
		return "a boolean"
	case isNumber(n):
		return "a number"
	}
	return "a string"
}

// A Quote is how a string is written.
type Quote int

// The ways to write a string.
const (
	Plain Quote = iota
	Single
	Double
	Block // literal or folded
)

// QuoteOf tells how a string is written.
func QuoteOf(n *Node) Quote {
	switch {
	case n.Style&yaml.SingleQuotedStyle != 0:
		return Single
	case n.Style&yaml.DoubleQuotedStyle != 0:
		return Double
	case n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		return Block
	}
	return Plain
}
