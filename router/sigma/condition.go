package sigma

import (
	"fmt"
	"slices"
	"strings"
)

// A node is a condition over one event: and, or, not, or an item of a detection.
type node interface{ isNode() }

type (
	and []node
	or  []node
	not struct{ of node }
)

func (and) isNode()   {}
func (or) isNode()    {}
func (not) isNode()   {}
func (*item) isNode() {}

// A condition is what a condition's text says: the tree, and the old aggregation behind a pipe, if there is one.
type condition struct {
	tree        node
	aggregation string
	at          int // where the aggregation begins, in characters
}

// A conditionError has its place in the text.
type conditionError struct {
	offset int
	text   string
}

func (e *conditionError) Error() string { return e.text }

// maxConditionDepth bounds the nesting of a condition.
const maxConditionDepth = 100

// parseCondition reads a condition over the detections of a rule. Precedence, least first: or, and, not.
func parseCondition(text string, d *detections) (condition, error) {
	p := &conditionParser{all: d}
	text, p.rest.aggregation, _ = strings.Cut(text, "|")
	p.rest.at = len([]rune(text)) + 1
	p.lex(text)
	tree, err := p.or()
	if err == nil && p.pos < len(p.words) {
		err = p.fail("%q is not expected here", p.words[p.pos].text)
	}
	if err != nil {
		return condition{}, err
	}
	p.rest.tree = tree
	p.rest.aggregation = strings.TrimSpace(p.rest.aggregation)
	return p.rest, nil
}

type word struct {
	text string
	at   int
}

type conditionParser struct {
	all   *detections
	words []word
	pos   int
	end   int
	depth int
	rest  condition
}

func (p *conditionParser) lex(text string) {
	runes := []rune(text)
	p.end = len(runes)
	for i := 0; i < len(runes); {
		switch c := runes[i]; {
		case strings.ContainsRune(" \t\r\n", c):
			i++
		case c == '(' || c == ')':
			p.words = append(p.words, word{string(c), i})
			i++
		default:
			from := i
			for i < len(runes) && !strings.ContainsRune(" \t\r\n()", runes[i]) {
				i++
			}
			p.words = append(p.words, word{string(runes[from:i]), from})
		}
	}
}

func (p *conditionParser) fail(format string, args ...any) error {
	at := p.end
	if p.pos < len(p.words) {
		at = p.words[p.pos].at
	}
	return &conditionError{at, "condition: " + fmt.Sprintf(format, args...)}
}

// peek is the next word in small letters; empty at the end.
func (p *conditionParser) peek() string {
	if p.pos >= len(p.words) {
		return ""
	}
	return strings.ToLower(p.words[p.pos].text)
}

func (p *conditionParser) or() (node, error) {
	if p.depth++; p.depth > maxConditionDepth {
		return nil, p.fail("nested too deeply")
	}
	defer func() { p.depth-- }()
	return p.joined("or", p.and, func(l []node) node { return or(l) })
}

func (p *conditionParser) and() (node, error) {
	return p.joined("and", p.not, func(l []node) node { return and(l) })
}

func (p *conditionParser) joined(operator string, operand func() (node, error), join func([]node) node) (node, error) {
	var list []node
	for {
		n, err := operand()
		if err != nil {
			return nil, err
		}
		list = append(list, n)
		if p.peek() != operator {
			break
		}
		p.pos++
	}
	if len(list) == 1 {
		return list[0], nil
	}
	return join(list), nil
}

func (p *conditionParser) not() (node, error) {
	negations := 0
	for p.peek() == "not" {
		p.pos++
		negations++
	}
	n, err := p.operand()
	if err != nil {
		return nil, err
	}
	if negations%2 == 1 {
		n = not{n}
	}
	return n, nil
}

func (p *conditionParser) operand() (node, error) {
	switch w := p.peek(); w {
	case "":
		return nil, p.fail("the name of a detection is missing")
	case ")", "and", "or":
		return nil, p.fail("the name of a detection is expected, not %q", w)
	case "(":
		p.pos++
		n, err := p.or()
		if err != nil {
			return nil, err
		}
		if p.peek() != ")" {
			return nil, p.fail("a parenthesis is not closed")
		}
		p.pos++
		return n, nil
	}
	if p.pos+1 < len(p.words) && strings.EqualFold(p.words[p.pos+1].text, "of") {
		return p.some()
	}
	return p.named()
}

// named is the detection of a name.
func (p *conditionParser) named() (node, error) {
	name := p.words[p.pos].text
	n, ok := p.all.named(name)
	if !ok {
		return nil, p.fail("no detection is called %q", name)
	}
	p.pos++
	return n, nil
}

// some reads "1 of x*", "all of them".
func (p *conditionParser) some() (node, error) {
	quantity := p.peek()
	if !slices.Contains([]string{"1", "any", "all"}, quantity) {
		return nil, p.fail("%q: 1 of, any of or all of is expected", p.words[p.pos].text)
	}
	p.pos += 2
	if p.pos >= len(p.words) {
		return nil, p.fail("them, or a pattern of names, is missing")
	}
	pattern := p.words[p.pos].text
	list := p.all.matching(pattern)
	if len(list) == 0 {
		return nil, p.fail("no detection matches %q", pattern)
	}
	p.pos++
	switch {
	case len(list) == 1:
		return list[0], nil
	case quantity == "all":
		return and(list), nil
	}
	return or(list), nil
}
