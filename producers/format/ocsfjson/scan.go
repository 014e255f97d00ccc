package ocsfjson

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// quadratic is the number of members up to which comparing all pairs of names is cheaper than a map.
const quadratic = 32

func (d *Doc) space() {
	for d.pos < len(d.text) {
		switch d.text[d.pos] {
		case ' ', '\t', '\n', '\r':
			d.pos++
			d.blank = true
		default:
			return
		}
	}
}

// value reads one value whose member name stands at key. White space before it has been skipped.
func (d *Doc) value(parent, key, keyEnd int32, keyEscaped bool, depth int) error {
	if d.pos >= len(d.text) {
		return d.unexpected("a value")
	}
	at := len(d.nodes)
	d.nodes = append(d.nodes, node{key: key, keyEnd: keyEnd, keyEscaped: keyEscaped, start: int32(d.pos), parent: parent}) //nolint:gosec // MaxRecord
	var kind Kind
	var escaped bool
	var err error
	switch c := d.text[d.pos]; c {
	case '{':
		kind, err = Object, d.object(int32(at), depth+1) //nolint:gosec // MaxRecord
	case '[':
		kind, err = Array, d.array(int32(at), depth+1) //nolint:gosec // MaxRecord
	case '"':
		kind = String
		escaped, err = d.str()
	case 't':
		kind, err = Bool, d.word("true")
	case 'f':
		kind, err = Bool, d.word("false")
	case 'n':
		kind, err = Null, d.word("null")
	default:
		kind, err = Number, d.number()
	}
	if err != nil {
		return err
	}
	v := &d.nodes[at]
	v.kind, v.escaped, v.end, v.next = kind, escaped, int32(d.pos), int32(len(d.nodes)) //nolint:gosec // MaxRecord
	return nil
}

func (d *Doc) object(at int32, depth int) error {
	if depth > MaxDepth {
		return fmt.Errorf("offset %d: nested deeper than %d", d.pos, MaxDepth)
	}
	d.pos++
	d.space()
	if d.pos < len(d.text) && d.text[d.pos] == '}' {
		d.pos++
		return nil
	}
	for members := 1; ; members++ {
		if d.pos >= len(d.text) || d.text[d.pos] != '"' {
			return d.unexpected("a member name")
		}
		key := d.pos + 1
		escaped, err := d.str()
		if err != nil {
			return err
		}
		keyEnd := d.pos - 1
		d.space()
		if d.pos >= len(d.text) || d.text[d.pos] != ':' {
			return d.unexpected("':'")
		}
		d.pos++
		d.space()
		if err := d.value(at, int32(key), int32(keyEnd), escaped, depth); err != nil { //nolint:gosec // MaxRecord
			return err
		}
		more, err := d.another('}')
		if err != nil {
			return err
		}
		if !more {
			return d.unique(at, members)
		}
	}
}

func (d *Doc) array(at int32, depth int) error {
	if depth > MaxDepth {
		return fmt.Errorf("offset %d: nested deeper than %d", d.pos, MaxDepth)
	}
	d.pos++
	d.space()
	if d.pos < len(d.text) && d.text[d.pos] == ']' {
		d.pos++
		return nil
	}
	for {
		if err := d.value(at, 0, 0, false, depth); err != nil {
			return err
		}
		if more, err := d.another(']'); err != nil || !more {
			return err
		}
	}
}

// another reads what follows a member or an element: a comma, or the end.
func (d *Doc) another(end byte) (bool, error) {
	d.space()
	if d.pos < len(d.text) {
		switch d.text[d.pos] {
		case ',':
			d.pos++
			d.space()
			return true, nil
		case end:
			d.pos++
			return false, nil
		}
	}
	return false, d.unexpected(fmt.Sprintf("',' or '%c'", end))
}

// unique refuses an object that has a member name twice: readers differ in which of the two counts.
func (d *Doc) unique(at int32, members int) error {
	end := int32(len(d.nodes)) //nolint:gosec // MaxRecord
	if members > quadratic {
		return d.uniqueMap(at, end)
	}
	for a := at + 1; a < end; a = d.nodes[a].next {
		v := &d.nodes[a]
		for b := at + 1; b < a; b = d.nodes[b].next {
			w := &d.nodes[b]
			if v.keyEscaped || w.keyEscaped {
				if d.Key(Node(a)) != d.Key(Node(b)) {
					continue
				}
			} else if v.keyEnd-v.key != w.keyEnd-w.key || d.text[v.key:v.keyEnd] != d.text[w.key:w.keyEnd] {
				continue
			}
			return d.twice(a)
		}
	}
	return nil
}

func (d *Doc) uniqueMap(at, end int32) error {
	if d.keys == nil {
		d.keys = make(map[string]struct{}, 2*quadratic)
	}
	defer clear(d.keys)
	for a := at + 1; a < end; a = d.nodes[a].next {
		key := d.Key(Node(a))
		if _, ok := d.keys[key]; ok {
			return d.twice(a)
		}
		d.keys[key] = struct{}{}
	}
	return nil
}

func (d *Doc) twice(n int32) error {
	return fmt.Errorf("offset %d: member %s stands there twice", d.nodes[n].key-1, strconv.QuoteToASCII(clip(d.Key(Node(n)))))
}

func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "..."
	}
	return s
}

func (d *Doc) word(w string) error {
	if !strings.HasPrefix(d.text[d.pos:], w) {
		return d.unexpected("a value")
	}
	d.pos += len(w)
	return nil
}

// str reads a string and tells whether it has escapes.
func (d *Doc) str() (bool, error) {
	text, i, escaped := d.text, d.pos+1, false
	for i < len(text) {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		switch c {
		case '"':
			d.pos = i + 1
			return escaped, nil
		case '\\':
			n := escapeLen(text[i:])
			if n == 0 {
				return false, fmt.Errorf("offset %d: unknown escape in a string", i)
			}
			escaped = true
			i += n
		default:
			return false, fmt.Errorf("offset %d: control character U+%04X in a string", i, c)
		}
	}
	return false, fmt.Errorf("offset %d: the string that begins here has no end", d.pos)
}

// escapeLen is the length of the escape that s begins with, 0 if it is none.
func escapeLen(s string) int {
	if len(s) < 2 {
		return 0
	}
	switch s[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(s) >= 6 {
			if _, err := strconv.ParseUint(s[2:6], 16, 16); err == nil {
				return 6
			}
		}
	}
	return 0
}

func (d *Doc) digits() bool {
	from := d.pos
	for d.pos < len(d.text) && d.text[d.pos] >= '0' && d.text[d.pos] <= '9' {
		d.pos++
	}
	return d.pos > from
}

func (d *Doc) number() error {
	from := d.pos
	if d.text[d.pos] == '-' {
		d.pos++
	}
	first := d.pos
	if !d.digits() {
		return d.unexpected("a value")
	}
	if d.text[first] == '0' && d.pos > first+1 {
		return fmt.Errorf("offset %d: a number with a leading zero", from)
	}
	exponent := false
	if d.pos < len(d.text) && d.text[d.pos] == '.' {
		d.pos++
		if !d.digits() {
			return d.unexpected("a digit")
		}
	}
	if d.pos < len(d.text) && (d.text[d.pos] == 'e' || d.text[d.pos] == 'E') {
		exponent = true
		d.pos++
		if d.pos < len(d.text) && (d.text[d.pos] == '+' || d.text[d.pos] == '-') {
			d.pos++
		}
		if !d.digits() {
			return d.unexpected("a digit")
		}
	}
	if exponent || d.pos-from > 300 { // only then it may be beyond what a reader's float64 holds
		if _, err := strconv.ParseFloat(d.text[from:d.pos], 64); err != nil {
			return fmt.Errorf("offset %d: a number that is out of range", from)
		}
	}
	return nil
}

// unescape returns the text of a valid string between its quotes. A lone surrogate becomes U+FFFD, as in encoding/json.
func unescape(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			b.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case 'b':
			b.WriteByte('\b')
		case 'f':
			b.WriteByte('\f')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		case 'u':
			r := hex4(s[i+1:])
			i += 4
			if utf16.IsSurrogate(r) {
				if i+6 < len(s) && s[i+1] == '\\' && s[i+2] == 'u' {
					if both := utf16.DecodeRune(r, hex4(s[i+3:])); both != utf8.RuneError {
						r = both
						i += 6
					}
				}
			}
			b.WriteRune(r) // a surrogate is written as U+FFFD
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

func hex4(s string) rune {
	n, err := strconv.ParseUint(s[:4], 16, 16)
	if err != nil { // the scanner has seen to it
		return utf8.RuneError
	}
	return rune(n)
}
