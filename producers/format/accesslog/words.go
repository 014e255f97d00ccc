package accesslog

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

var errEmpty = errors.New("an empty field")

// A Closer tells where the quoted text of a column ends: at which offset of rest its closing quote stands, or -1. rest begins behind the
// opening quote.
type Closer func(column int, rest string) int

// Words cuts a line at its blanks. A column may be in double quotes, or in brackets; a quote ends it only before a blank or the end of the
// line, or where closer says so, which may be nil.
func (r *Row) Words(text string, closer Closer) error {
	r.text, r.n = text, 0
	quotes := 0 // around columns
	for at := 0; ; {
		if r.n == MaxColumns {
			return fmt.Errorf("more than %d fields", MaxColumns)
		}
		quoted := at < len(text) && text[at] == '"'
		from, to, next, err := r.word(text, at, closer)
		if err != nil {
			return fmt.Errorf("field %d (offset %d): %w", r.n+1, at, err)
		}
		r.add(from, to)
		if quoted {
			quotes += 2
		}
		if next >= len(text) {
			r.plain = plainText(text, ' ', quotes)
			return nil
		}
		at = next + 1
	}
}

// add notes the next column, which is absent if it is `-`.
func (r *Row) add(from, to int) {
	if to == from+1 && r.text[from] == '-' {
		to = from
	}
	r.spans[r.n] = span{int32(from), int32(to)} //nolint:gosec // MaxLine
	r.n++
}

// plainText tells whether a line has nothing in it that JSON would escape, but for that many quotes around its columns, and tabs where they
// separate them. It looks at eight bytes at a time.
func plainText(text string, separator byte, quotes int) bool {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	i := 0
	if separator == ' ' {
		for ; i+8 <= len(text); i += 8 {
			x := uint64(text[i]) | uint64(text[i+1])<<8 | uint64(text[i+2])<<16 | uint64(text[i+3])<<24 |
				uint64(text[i+4])<<32 | uint64(text[i+5])<<40 | uint64(text[i+6])<<48 | uint64(text[i+7])<<56
			slash := x ^ (ones * '\\')
			if (x|(x-ones*' ')&^x|(slash-ones)&^slash)&highs != 0 { // above ASCII, a control character, or a backslash
				return false
			}
		}
	}
	for ; i < len(text); i++ {
		if c := text[i]; c < ' ' && c != separator || c >= utf8.RuneSelf || c == '\\' {
			return false
		}
	}
	return strings.Count(text, `"`) == quotes
}

// Blanks cuts a line at its blanks, where no column can have one in it.
func (r *Row) Blanks(text string) error {
	return r.cut(text, ' ')
}

// word returns where the column is that begins at an offset, and the offset of the blank behind it.
func (r *Row) word(text string, at int, closer Closer) (from, to, next int, err error) {
	if at >= len(text) {
		return at, at, at, errEmpty
	}
	end := -1
	switch text[at] {
	case '"':
		rest := text[at+1:]
		if closer != nil {
			end = closer(r.n, rest)
		} else {
			end = Quote(rest)
		}
		if end < 0 {
			return at, at, at, errors.New("the quote that begins here has no end")
		}
	case '[':
		if end = strings.IndexByte(text[at+1:], ']'); end >= 0 && at+2+end < len(text) && text[at+2+end] != ' ' {
			end = -1 // an address such as [2001:db8::1]:443
		}
	}
	if end >= 0 {
		return at + 1, at + 1 + end, at + 2 + end, nil
	}
	if end = strings.IndexByte(text[at:], ' '); end < 0 {
		return at, len(text), len(text), nil
	}
	if end == 0 {
		return at, at, at, errEmpty
	}
	return at, at + end, at + end, nil
}

// Quote is the offset of the first quote in rest that stands before a blank or at the end; -1 if there is none.
func Quote(rest string) int {
	for at := 0; ; {
		i := strings.IndexByte(rest[at:], '"')
		if i < 0 {
			return -1
		}
		if at += i; at+1 == len(rest) || rest[at+1] == ' ' {
			return at
		}
		at++
	}
}

// Tabs cuts a line at its tabs. A column may be empty, which is as good as absent.
func (r *Row) Tabs(text string) error {
	return r.cut(text, '\t')
}

func (r *Row) cut(text string, separator byte) error {
	r.text, r.n = text, 0
	for from := 0; ; {
		if r.n == MaxColumns {
			return fmt.Errorf("more than %d fields", MaxColumns)
		}
		to := strings.IndexByte(text[from:], separator)
		if to == 0 && separator == ' ' || from == len(text) && separator == ' ' {
			return fmt.Errorf("field %d (offset %d): %w", r.n+1, from, errEmpty)
		}
		if to < 0 {
			r.add(from, len(text))
			r.plain = plainText(text, separator, 0)
			return nil
		}
		r.add(from, from+to)
		from += to + 1
	}
}
