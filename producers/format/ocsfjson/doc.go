// Package ocsfjson is what the formats share: a strict one-pass reader of JSON that knows which of its values have been mapped, an
// append-only writer, and the parts that every OCSF event has.
//
// The idea that keeps events lossless: a mapper either moves a value of the record into the event verbatim (Event.Move, which marks it as
// taken), or reads it and writes something derived from it. Whatever is not taken when the event is finished is copied to `unmapped`
// with its own names and nesting. So nothing can be lost by forgetting it, and a value that mapping changes stands there in its own form.
package ocsfjson

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of one record. A larger one could not become an event that fits in a message.
const (
	MaxRecord = 8 << 20 // bytes
	MaxDepth  = 100     // nested objects and arrays
)

// A Kind is the type of a JSON value.
type Kind uint8

// The kinds of JSON values. Missing is the kind of None.
const (
	Missing Kind = iota
	Null
	Bool
	Number
	String
	Object
	Array
)

// String names the kind as in an error message.
func (k Kind) String() string {
	return [...]string{"nothing", "null", "a boolean", "a number", "a string", "an object", "an array"}[k]
}

// A Node is a value of a Doc: an index. None stands for no value; every method takes it and gives the zero answer.
type Node int32

// None is no value.
const None Node = -1

type node struct {
	key, keyEnd int32 // what stands between the quotes of the member's name; both 0 for elements
	start, end  int32 // the value's text, quotes included
	next        int32 // first node behind the value's subtree
	parent      int32
	kind        Kind
	escaped     bool // a string with a backslash in it
	keyEscaped  bool
	taken       bool // stands in the event verbatim
	touched     bool // something below is taken
}

// A Doc is one parsed JSON document. It may be used again for another; it is not safe for concurrent use.
type Doc struct {
	text  string
	nodes []node
	pos   int
	blank bool // white space between tokens was seen
	keys  map[string]struct{}
}

// Parse reads data, which must be one JSON value: RFC 8259, valid UTF-8, no member name twice in one object, no number beyond float64.
// The error names the byte offset. The doc keeps no reference to data.
func (d *Doc) Parse(data []byte) error {
	if len(data) > MaxRecord {
		return fmt.Errorf("record of %d bytes, at most %d are read", len(data), MaxRecord)
	}
	return d.parseText(string(data))
}

// ParseText is Parse for a text.
func (d *Doc) ParseText(text string) error {
	if len(text) > MaxRecord {
		return fmt.Errorf("%d bytes, at most %d are read", len(text), MaxRecord)
	}
	return d.parseText(text)
}

func (d *Doc) parseText(text string) error {
	if !utf8.ValidString(text) {
		return fmt.Errorf("offset %d: not UTF-8", invalidUTF8(text))
	}
	if err := d.scan(text); err != nil {
		return err
	}
	if !d.blank {
		return nil
	}
	return d.scan(d.compact()) // copies of spans must not carry line ends
}

func (d *Doc) scan(text string) error {
	d.text, d.nodes, d.pos, d.blank = text, d.nodes[:0], 0, false
	d.space()
	d.blank = false // around the document it does not matter
	if d.pos == len(text) {
		return fmt.Errorf("offset %d: JSON expected, nothing found", d.pos)
	}
	if err := d.value(-1, 0, 0, false, 0); err != nil {
		return err
	}
	blank := d.blank
	d.space()
	d.blank = blank
	if d.pos < len(text) {
		return d.unexpected("the end of the record")
	}
	return nil
}

func invalidUTF8(s string) int {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(s[i:]); n == 1 {
				return i
			}
		}
	}
	return len(s)
}

func (d *Doc) unexpected(want string) error {
	if d.pos >= len(d.text) {
		return fmt.Errorf("offset %d: %s expected, the record ends", d.pos, want)
	}
	r, _ := utf8.DecodeRuneInString(d.text[d.pos:])
	return fmt.Errorf("offset %d: %s expected, %s found", d.pos, want, strconv.QuoteRuneToASCII(r))
}

// compact returns the text of the document without white space between tokens.
func (d *Doc) compact() string {
	var b strings.Builder
	b.Grow(len(d.text))
	for i, start := 0, 0; ; i++ {
		if i == len(d.text) {
			b.WriteString(d.text[start:i])
			return b.String()
		}
		switch d.text[i] {
		case ' ', '\t', '\n', '\r':
			b.WriteString(d.text[start:i])
			start = i + 1
		case '"':
			for i++; d.text[i] != '"'; i++ {
				if d.text[i] == '\\' {
					i++
				}
			}
		}
	}
}

// Root is the document's value.
func (d *Doc) Root() Node { return 0 }

// Kind tells the type of n.
func (d *Doc) Kind(n Node) Kind {
	if n < 0 {
		return Missing
	}
	return d.nodes[n].kind
}

// First returns the first member or element of n, None if there is none.
func (d *Doc) First(n Node) Node {
	if n < 0 || d.nodes[n].next == int32(n)+1 {
		return None
	}
	return n + 1
}

// Next returns the member or element after c, None if there is none.
func (d *Doc) Next(c Node) Node {
	v := &d.nodes[c]
	if v.parent < 0 || v.next >= d.nodes[v.parent].next {
		return None
	}
	return Node(v.next)
}

// Key returns the member name of n, unescaped; empty for elements.
func (d *Doc) Key(n Node) string {
	v := &d.nodes[n]
	if v.keyEscaped {
		return unescape(d.text[v.key:v.keyEnd])
	}
	return d.text[v.key:v.keyEnd]
}

// RawKey returns the member name of n as it stands between its quotes.
func (d *Doc) RawKey(n Node) string { return d.text[d.nodes[n].key:d.nodes[n].keyEnd] }

// Raw returns the text of n as it stands in the record, without white space between tokens.
func (d *Doc) Raw(n Node) string {
	if n < 0 {
		return ""
	}
	return d.text[d.nodes[n].start:d.nodes[n].end]
}

// Str returns the string that n is, unescaped; empty if n is none.
func (d *Doc) Str(n Node) string {
	if n < 0 || d.nodes[n].kind != String {
		return ""
	}
	v := &d.nodes[n]
	s := d.text[v.start+1 : v.end-1]
	if v.escaped {
		return unescape(s)
	}
	return s
}

// Int returns the integer that n is; false if n is none, or not within 64 bits.
func (d *Doc) Int(n Node) (int64, bool) {
	if d.Kind(n) != Number {
		return 0, false
	}
	i, err := strconv.ParseInt(d.Raw(n), 10, 64)
	return i, err == nil
}

// Get returns the member of n with that name, None if there is none.
func (d *Doc) Get(n Node, name string) Node {
	if d.Kind(n) != Object {
		return None
	}
	for c := d.First(n); c >= 0; c = d.Next(c) {
		if d.Key(c) == name {
			return c
		}
	}
	return None
}

// Path follows names through objects.
func (d *Doc) Path(n Node, names ...string) Node {
	for _, name := range names {
		n = d.Get(n, name)
	}
	return n
}

// Detail returns the detail of n if n is an EventBridge event, else n itself.
func (d *Doc) Detail(n Node) Node {
	if inner := d.Get(n, "detail"); d.Kind(inner) == Object && d.Kind(d.Get(n, "detail-type")) == String {
		return inner
	}
	return n
}

// Take marks n and all below it as standing in the event verbatim.
func (d *Doc) Take(n Node) {
	if n < 0 {
		return
	}
	d.nodes[n].taken = true
	for p := d.nodes[n].parent; p >= 0 && !d.nodes[p].touched; p = d.nodes[p].parent {
		d.nodes[p].touched = true
	}
}
