package rule

import (
	"unicode"

	"github.com/riposte-security/riposte/router/rule/yamltree"
)

// at says where in the file the character at an offset (in characters) of a string's value stands.
func (s *source) at(n *yamltree.Node, offset int) (line, column int) { return s.places(n).at(offset) }

// places says where in the file the characters of a string's value stand: the places of some, after which they follow each other.
type places []struct{ offset, line, column int32 }

func (p places) at(offset int) (line, column int) {
	for _, x := range p {
		if int(x.offset) > offset {
			break
		}
		line, column = int(x.line), int(x.column)+offset-int(x.offset)
	}
	return line, column
}

func (p places) add(offset, line, column int) places {
	if l, c := p.at(offset); len(p) > 0 && l == line && c == column {
		return p
	}
	return append(p, struct{ offset, line, column int32 }{int32(offset), int32(line), int32(column)}) //nolint:gosec // a rule file is below a mebibyte
}

// places finds the places of a string's value. Folding and escapes change blanks and quotes only, so the value is laid along the file's text,
// one visible character after the other.
func (s *source) places(n *yamltree.Node) places {
	value, quote, row, col := s.scalarStart(n)
	if row < 0 {
		line, column := yamltree.Place(n)
		return places(nil).add(0, line, column)
	}
	c := newCursor(s.lines, row, col, quote)
	c.skipBlanks()
	var out places
	runes := []rune(value)
	for i, r := range runes {
		if unicode.IsSpace(r) {
			continue
		}
		out = out.add(i, c.row+1, c.col+1)
		c.next()
		c.skipBlanks()
	}
	if end := len(runes); end > 0 && unicode.IsSpace(runes[end-1]) || end == 0 {
		out = out.add(end, c.row+1, c.col+1)
	}
	return out
}

// scalarStart finds where the text of a scalar begins in the file, both from 0; row is -1 if that cannot be told.
func (s *source) scalarStart(n *yamltree.Node) (value string, quote yamltree.Quote, row, col int) {
	value, ok := yamltree.Text(n)
	if !ok {
		return "", yamltree.Plain, -1, 0
	}
	line, column := yamltree.Place(n)
	switch quote = yamltree.QuoteOf(n); quote {
	case yamltree.Block:
		return value, quote, line, 0 // the line after the header
	case yamltree.Single, yamltree.Double:
		column++
	case yamltree.Plain:
	}
	return value, quote, line - 1, column - 1
}

// A cursor walks over the characters of a scalar in the file.
type cursor struct {
	lines    []string
	row, col int // from 0; col in characters
	quote    yamltree.Quote
	line     []rune // of row
}

func newCursor(lines []string, row, col int, quote yamltree.Quote) cursor {
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
		case r == '\\' && c.quote == yamltree.Double:
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
	case r == '\'' && c.quote == yamltree.Single:
		c.step()
	case r == '\\' && c.quote == yamltree.Double:
		e, _ := c.char()
		c.step()
		digits := map[rune]int{'x': 2, 'u': 4, 'U': 8}[e]
		for range digits {
			c.step()
		}
	}
}
