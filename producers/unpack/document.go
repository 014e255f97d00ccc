package unpack

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/producers"
)

// rescansBeforeLines is how many broken documents may be looked through again for documents of several lines, before every line has to
// stand alone: it keeps the work linear in the input.
const rescansBeforeLines = 16

// A document reads one JSON value that is an object or an array: it is a record, or a container whose elements are.
type document struct {
	u       *unpacker
	scan    scanner
	start   int64
	all     capture // the document, or its beginning up to the container's elements
	newline bool    // it goes over several lines

	key       []byte // the last key at depth 1
	candidate bool   // the array that has just begun belongs to a container if objects are in it
	elements  int    // depth of the container's elements; 0 while there is none
	opened    bool   // it is a container
	in        bool   // in an element
	at        int64  // offset of the element
	element   capture
	attrs     map[string]string // of the unpacker, to be restored

	list bool // it may list records (listOf), and is read as one if it is not larger than one may be
	big  bool // it is larger: the list is a container
}

// document reads the value that begins with the next byte.
func (u *unpacker) document() error {
	d := &document{u: u, start: u.in.off, attrs: u.attrs}
	defer func() { u.attrs, u.logEvents = d.attrs, false }()
	d.begin()
	for {
		at := u.in.off
		c, err := u.in.next()
		if err != nil {
			return d.cut(err)
		}
		if c == '\n' {
			d.newline = true
			if u.lines {
				return d.broken(c, errors.New("the line ends in the middle of a JSON value"))
			}
		}
		before, depth := d.scan.state, d.scan.depth()
		done, ok := d.scan.step(c)
		if !ok || d.scan.tooDeep && c == '{' && d.all.last == '\n' {
			reason := fmt.Errorf("not JSON: %q at byte %d", c, at+u.shift)
			if ok || !d.in || c == '\n' {
				return d.broken(c, reason)
			}
			if on, err := d.badElement(c, reason); !on {
				return err
			}
			continue
		}
		if err := d.take(c, at, before, depth); err != nil {
			return err
		}
		if done {
			return d.done()
		}
	}
}

// begin makes d ready for the first byte.
func (d *document) begin() {
	d.scan.reset(d.u.opts.MaxDepth + 2) // a container is two levels
	d.all.reset(d.u.opts.MaxRecord)
}

// again reads the document once more from its beginning, as a container; c is the byte that is too much for one record.
func (d *document) again(c byte) {
	d.u.in.unread(append(bytes.Clone(d.all.buf), c))
	d.big, d.list, d.newline = true, false, false
	d.begin()
}

// take puts a byte where it belongs; before and depth are what the scanner was in before it.
func (d *document) take(c byte, at int64, before state, depth int) error {
	if !d.opened {
		if d.list && len(d.all.buf) == d.all.max {
			d.again(c)
			return nil
		}
		d.all.add(c)
		d.watch(c, before)
		if !d.opened || d.elements == 1 {
			return nil
		}
	}
	if d.elements == 0 { // behind the elements
		return nil
	}
	if d.in && before == inWord && depth == d.elements && d.scan.state != inWord { // c is behind the word
		if err := d.elementDone(); err != nil {
			return err
		}
	}
	now := d.scan.depth()
	switch {
	case d.in:
		d.element.add(c)
	case now < d.elements: // the container's closing bracket
		d.elements = 0
	case (before == wantValue || before == wantFirstValue) && !isSpace(c):
		d.in, d.at = true, at
		d.element.reset(d.u.opts.MaxRecord)
		d.element.add(c)
	}
	if d.in && now == d.elements && d.scan.state == afterValue {
		return d.elementDone()
	}
	return nil
}

// watch looks for the beginning of a container's elements.
func (d *document) watch(c byte, before state) {
	depth := d.scan.depth()
	switch {
	case d.all.length == 1 && c == '[': // the document is an array
		d.opened, d.elements = true, 1
	case d.candidate && !isSpace(c):
		d.candidate = false
		if c == '{' || c == ']' {
			d.open(c)
		}
	case depth == 1 && d.scan.state == inKey && before != inKey:
		d.key = d.key[:0]
	case depth == 1 && d.scan.state == inKey && len(d.key) < 64:
		d.key = append(d.key, c)
	case depth == 2 && c == '[' && before == wantValue && d.scan.kinds[0] == '{':
		d.list = d.list || !d.big && listOf(string(d.key))
		d.candidate = string(d.key) == "Records" || d.isAzure() || string(d.key) == "configurationItems" || d.big && listOf(string(d.key)) ||
			string(d.key) == "logEvents" && bytes.Contains(d.all.buf, []byte(`"messageType"`))
	}
}

// isAzure tells whether a list begins that a document has in its first member, records: so Azure Monitor exports logs.
func (d *document) isAzure() bool {
	return string(d.key) == "records" && string(bytes.Join(bytes.Fields(d.all.buf[:min(len(d.all.buf), 64)]), nil)) == `{"records":[`
}

// open goes over from reading a document to reading its elements; the first byte of the first one has been read.
func (d *document) open(c byte) {
	d.opened = true
	if c != ']' {
		d.elements = 2
	}
	if string(d.key) != "logEvents" || d.all.truncated() {
		return
	}
	head := gjson.ParseBytes(append(bytes.Clone(d.all.buf[:len(d.all.buf)-1]), "]}"...))
	if head.Get("messageType").String() == "CONTROL_MESSAGE" {
		d.elements = 0 // CloudWatch Logs checks that somebody listens
		return
	}
	d.u.logEvents = true
	d.u.attrs = with(d.u.attrs, producers.AttrAccount, head.Get("owner").String(),
		AttrLogGroup, head.Get("logGroup").String(), AttrLogStream, head.Get("logStream").String())
}

// elementDone hands over the element that has ended.
func (d *document) elementDone() error {
	d.in = false
	if text := objectText(&d.element); text != nil {
		return d.u.record(d.at, d.start, text)
	}
	return d.u.value(d.at, d.start, &d.element, d.scan.tooDeep)
}

// objectText is the object that an element holds as a text; nil for any other.
func objectText(element *capture) []byte {
	if element.truncated() || element.length < 2 || element.buf[0] != '"' || element.buf[1] != '{' || !json.Valid(element.buf) {
		return nil
	}
	text := []byte(gjson.ParseBytes(element.buf).String())
	if !json.Valid(text) {
		return nil
	}
	return text
}

// done is called behind the last byte.
func (d *document) done() error {
	if !d.newline {
		d.u.lines = true
	}
	if d.opened {
		return nil
	}
	return d.u.value(d.start, d.u.in.off, &d.all, d.scan.tooDeep)
}

// value hands over a complete JSON value.
func (u *unpacker) value(at, resume int64, v *capture, tooDeep bool) error {
	switch {
	case v.truncated():
		return u.problem(at, resume, v, fmt.Errorf("%d bytes: %w (%d)", v.length, ErrOversized, v.max))
	case tooDeep && nesting(v.buf) > u.opts.MaxDepth:
		return u.problem(at, resume, v, fmt.Errorf("more than %d levels: %w", u.opts.MaxDepth, ErrTooDeep))
	case !json.Valid(v.buf):
		var raw json.RawMessage
		return u.problem(at, resume, v, fmt.Errorf("not JSON: %w", json.Unmarshal(v.buf, &raw)))
	}
	return u.record(at, resume, v.bytes())
}

// nesting returns how deep the brackets of v go.
func nesting(v []byte) int {
	depth, deepest, quoted := 0, 0, false
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}

// cut is called when the stream ends or fails within the document.
func (d *document) cut(err error) error {
	var bad corrupt
	switch {
	case errors.As(err, &bad):
		got, at := d.unfinished()
		resume := at
		if d.opened { // an element by itself is not found again
			resume = d.start
		}
		return d.u.last(at, resume, got, bad.err)
	case errors.Is(err, io.EOF):
		return d.resync(errors.New("the stream ends in the middle of a JSON value"))
	}
	return err
}

// unfinished returns what was read of the record in course, and where it began.
func (d *document) unfinished() (*capture, int64) {
	if !d.opened {
		return &d.all, d.start
	}
	if !d.in {
		d.element.reset(d.u.opts.MaxRecord)
		d.in, d.at = true, d.u.in.off
	}
	return &d.element, d.at
}

// broken is called with the byte that cannot be.
func (d *document) broken(c byte, reason error) error {
	got, _ := d.unfinished()
	got.add(c)
	return d.resync(reason)
}

// resync hands over what was read of a document that turned out not to be JSON, up to the next place where a record may begin:
// the next line that does not look like a part of the document or, where documents come a line each, the next line.
func (d *document) resync(reason error) error {
	u := d.u
	got, at := d.unfinished()
	if !d.opened && !got.truncated() {
		if i := restart(got.buf, u.lines); i >= 0 {
			u.in.unread(got.buf[i+1:])
			got.buf = got.buf[:i]
			u.rescans++
			u.lines = u.lines || u.rescans >= rescansBeforeLines
			return u.problem(at, u.in.off, got, reason)
		}
	}
	err := u.skip(got)
	if err != nil && !errors.Is(err, io.EOF) && !Corrupt(err) {
		return err
	}
	if !got.truncated() {
		got.buf = bytes.TrimSuffix(got.buf, []byte("\n"))
	}
	return u.problem(at, u.in.off, got, reason)
}

// skip reads on into got until a line begins at which reading can go on.
func (u *unpacker) skip(got *capture) error {
	for {
		if err := u.in.more(); err != nil {
			return err
		}
		c := u.in.buf[u.in.pos]
		if got.last == '\n' && (u.lines || begins(c)) {
			return nil
		}
		u.in.pos++
		u.in.off++
		got.add(c)
	}
}
