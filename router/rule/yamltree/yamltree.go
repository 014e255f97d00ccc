// Package yamltree reads the YAML of rules: a tree in which every value knows its place, with bounds on what a file may ask of its reader.
package yamltree

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

// A Node is a value, or the key of one. Its kind, style, Value, Line and Column (both from 1, the column in characters) are those of YAML; what
// the value is of say the functions of this package.
type Node = yaml.Node

// An Error is why a text was not read. Line is 0 where that has no place.
type Error struct {
	Line, Column int
	Message      string
}

func (e *Error) Error() string { return e.Message }

// deepest is how deeply values may be nested.
const deepest = 64

var errDeep = errors.New("nested too deeply")

// Parse reads the documents of a text, of which empty ones are left out. The text has no byte order mark and plain line feeds (see Lines).
func Parse(text string) (bodies []*Node, refused *Error) {
	if at := invalid(text); at >= 0 {
		line, column := position(text[:at])
		return nil, &Error{line, column, "the text is not UTF-8"}
	}
	// Rules are reloaded while the router runs: a file that the parser trips over must not end it.
	defer func() {
		if r := recover(); r != nil {
			bodies, refused = nil, &Error{Message: fmt.Sprintf("the YAML parser failed on this file: %v", r)}
		}
	}()
	limits := loaderlimits.New(loaderlimits.DepthFunc(func(depth int, _ *loaderlimits.DepthContext) error {
		if depth > deepest {
			return errDeep
		}
		return nil
	}))
	l, err := yaml.NewLoader(strings.NewReader(text), yaml.WithPlugin(limits))
	if err != nil {
		return nil, &Error{Message: err.Error()}
	}
	for {
		var n Node
		switch err := l.Load(&n); {
		case errors.Is(err, io.EOF):
			return bodies, nil
		case err != nil:
			return nil, told(err)
		}
		if len(n.Content) == 0 || IsNull(n.Content[0]) {
			continue
		}
		if err := check(n.Content[0], 1); err != nil {
			return nil, err
		}
		bodies = append(bodies, n.Content[0])
	}
}

// Lines is a text as Parse takes it, and its lines. YAML also ends lines at a lone carriage return and at three marks of Unicode.
func Lines(text string) (clean string, lines []string) {
	clean = strings.TrimPrefix(text, "\ufeff")
	if strings.Contains(clean, "\r") {
		clean = strings.ReplaceAll(strings.ReplaceAll(clean, "\r\n", "\n"), "\r", "\n")
	}
	plain := clean
	if strings.ContainsAny(plain, "\u0085\u2028\u2029") {
		plain = strings.NewReplacer("\u0085", "\n", "\u2028", "\n", "\u2029", "\n").Replace(plain)
	}
	return clean, strings.Split(plain, "\n")
}

// told puts an error of the parser into words.
func told(err error) *Error {
	var le *yaml.LoadError
	if !errors.As(err, &le) {
		return &Error{Message: err.Error()}
	}
	message := le.Message
	if le.ContextMsg != "" && message != errDeep.Error() {
		message += " " + le.ContextMsg
		if le.ContextMark.Line > 0 && le.ContextMark != le.Mark {
			message += fmt.Sprintf(" that begins at [%d:%d]", le.ContextMark.Line, le.ContextMark.Column)
		}
	}
	return &Error{le.Mark.Line, le.Mark.Column, message}
}

// invalid is where the first byte stands that is no UTF-8; -1 if there is none.
func invalid(text string) int {
	if utf8.ValidString(text) {
		return -1
	}
	for i, r := range text {
		if r == utf8.RuneError && !strings.HasPrefix(text[i:], "\ufffd") {
			return i
		}
	}
	return -1
}

// position is the place behind a text.
func position(text string) (line, column int) {
	last := strings.LastIndexByte(text, '\n') + 1
	return strings.Count(text, "\n") + 1, utf8.RuneCountInString(text[last:]) + 1
}

// check refuses what rules may not hold: aliases, which can make a small file large; tags and complex keys, which no rule needs; a key that stands
// twice; and nesting so deep that reading it would exhaust the stack.
func check(n *Node, depth int) *Error {
	switch {
	case depth > deepest:
		return refuse(n, errDeep.Error())
	case n.Kind == yaml.AliasNode, n.Anchor != "":
		return refuse(n, "anchors and aliases are not supported in rules")
	case n.Style&yaml.TaggedStyle != 0:
		return refuse(n, "tags are not supported in rules")
	}
	if n.Kind == yaml.MappingNode {
		if err := checkKeys(n); err != nil {
			return err
		}
	}
	for _, c := range n.Content {
		if err := check(c, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func checkKeys(n *Node) *Error {
	const few = 16 // up to which comparing all with each other is quicker
	var seen map[string]*Node
	if len(n.Content) > 2*few {
		seen = make(map[string]*Node, len(n.Content)/2)
	}
	for i := 0; i < len(n.Content); i += 2 {
		k := n.Content[i]
		switch {
		case k.Kind == yaml.AliasNode, k.Tag == "!!merge":
			return refuse(k, "anchors and aliases are not supported in rules")
		case k.Kind != yaml.ScalarNode:
			return refuse(k, "complex keys are not supported in rules")
		}
		first := seen[k.Value]
		for j := 0; seen == nil && j < i; j += 2 {
			if n.Content[j].Value == k.Value {
				first = n.Content[j]
			}
		}
		if first != nil {
			return refuse(k, fmt.Sprintf("mapping key %q already defined at [%d:%d]", k.Value, first.Line, first.Column))
		}
		if seen != nil {
			seen[k.Value] = k
		}
	}
	return nil
}

func refuse(n *Node, message string) *Error { return &Error{n.Line, n.Column, message} }
