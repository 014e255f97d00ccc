package rule

import (
	"unicode"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// at says where in the file the character at an offset (in characters) of a string's value stands. Folding and escapes change blanks and
// quotes only, so the value is laid along the file's text, one visible character after the other.
func (s *source) at(n ast.Node, offset int) (line, column int) {
	value, quote, row, col := s.scalarStart(n)
	if row < 0 {
		return place(n)
	}
	c := newCursor(s.lines, row, col, quote)
	c.skipBlanks()
	for i, r := range []rune(value) {
		if i == offset {
			break
		}
		if !unicode.IsSpace(r) {
			c.next()
			c.skipBlanks()
		}
	}
	return c.row + 1, c.col + 1
}

// scalarStart finds where the text of a scalar begins in the file, both from 0; row is -1 if that cannot be told.
func (s *source) scalarStart(n ast.Node) (value string, quote token.Type, row, col int) {
	switch x := n.(type) {
	case *ast.LiteralNode:
		return x.Value.Value, token.LiteralType, x.Start.Position.Line, 0 // the line after the header
	case *ast.StringNode:
		t := x.Token
		row, col = t.Position.Line-1, t.Position.Column-1
		if t.Type == token.DoubleQuoteType || t.Type == token.SingleQuoteType {
			col++
		}
		return x.Value, t.Type, row, col
	}
	return "", token.UnknownType, -1, 0
}

// A cursor walks over the characters of a scalar in the file.
type cursor struct {
	lines    []string
	row, col int // from 0; col in characters
	quote    token.Type
	line     []rune // of row
}

func newCursor(lines []string, row, col int, quote token.Type) cursor {
	c := cursor{lines: lines, row: row, col: col, quote: quote}
	if row < len(lines) {
		c.line = []rune(lines[row])
	}
	return c
}

func (c *cursor) char() (rune, bool) {
	if c.row >= len(c.lines) {
		return 0, false
	}
	if c.col >= len(c.line) {
		return '\n', true
	}
	return c.line[c.col], true
}

func (c *cursor) step() {
	if c.col < len(c.line) {
		c.col++
		return
	}
	*c = newCursor(c.lines, c.row+1, 0, c.quote)
}

// skipBlanks moves to the next visible character. In double quotes, escaped blanks and line ends are blanks too.
func (c *cursor) skipBlanks() {
	for {
		r, ok := c.char()
		switch {
		case !ok:
			return
		case unicode.IsSpace(r):
			c.step()
		case r == '\\' && c.quote == token.DoubleQuoteType:
			ahead := *c
			ahead.step()
			switch e, _ := ahead.char(); e {
			case 'n', 't', 'r', ' ', '\n', '\t', '_', 'N', 'L', 'P', 'v', 'f':
				ahead.step()
				*c = ahead
			default:
				return
			}
		default:
			return
		}
	}
}

// next moves past one visible character, as it is spelt.
func (c *cursor) next() {
	r, _ := c.char()
	c.step()
	switch {
	case r == '\'' && c.quote == token.SingleQuoteType:
		c.step()
	case r == '\\' && c.quote == token.DoubleQuoteType:
		e, _ := c.char()
		c.step()
		digits := map[rune]int{'x': 2, 'u': 4, 'U': 8}[e]
		for range digits {
			c.step()
		}
	}
}
