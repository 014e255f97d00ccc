// Package accesslog is what the formats of access logs share: rows of named columns, whether they came as a line of text or as a JSON
// object, and the parts of an event about an HTTP request.
//
// As in ocsfjson, a column is either moved into the event verbatim, or something derived from it is written; whatever is not moved is
// copied to unmapped when the row ends. A column that is `-` or empty in a line is absent; in JSON such a value stays under unmapped.
package accesslog

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

// Limits of one line.
const (
	MaxLine    = 256 << 10 // bytes
	MaxColumns = 160
	MaxFields  = 64 // fields that a mapping knows
)

// A Field is a column that a mapping knows, below MaxFields. Unknown goes to unmapped by its own name.
type Field uint8

// Unknown is a column that no mapping knows.
const Unknown Field = 0

// A Column is one place in a line.
type Column struct {
	Name  string
	Field Field
}

// A Layout is an order of columns.
type Layout struct {
	Columns []Column
	first   [MaxFields]int16 // by field, the first column that has it, counted from 1
	names   []string         // of the columns, as they stand between quotes
}

// NewLayout makes a layout. Of several columns with one field the first is the field's.
func NewLayout(columns []Column) *Layout {
	l := &Layout{Columns: columns}
	for i, c := range columns[:min(len(columns), MaxColumns)] {
		quoted := strconv.Quote(c.Name)
		l.names = append(l.names, quoted[1:len(quoted)-1])
		if c.Field != Unknown && l.first[c.Field] == 0 {
			l.first[c.Field] = int16(i + 1)
		}
	}
	return l
}

// A span is where in the line a column is; nowhere where it is absent.
type span struct{ from, to int32 }

// A Row is one line, or one JSON object, while it becomes an event.
type Row struct {
	*ocsfjson.Event
	// What is known of the record apart from its columns.
	UID, Account, Region string
	Received             time.Time
	// Time is the event's; the format sets it.
	Time time.Time

	// Offsets rather than texts: to keep a hundred pointers for each line would cost more than to look them up.
	layout *Layout
	text   string
	spans  [MaxColumns]span
	n      int             // columns that there are
	plain  bool            // no column has anything in it that JSON would escape
	used   [MaxFields]bool // the text stands in the event verbatim

	json   bool
	values []string // of a JSON object, by field
	nodes  [MaxFields]ocsfjson.Node
}

// A Pool hands out rows. The zero Pool is ready.
type Pool struct {
	rows             sync.Pool
	lines, documents ocsfjson.Pool // apart, since an Event keeps the document that it parsed last
}

// Get returns a row for a record, which is to be read by Line or JSON. Give it back with Put.
func (p *Pool) Get(in producers.Record) *Row {
	r, ok := p.rows.Get().(*Row)
	if !ok {
		r = new(Row)
	}
	r.UID, r.Received = ocsfjson.UID(in), ocsfjson.Received(in)
	r.Account, r.Region = in.Attrs[producers.AttrAccount], in.Attrs[producers.AttrRegion]
	if r.json = IsJSON(in.Data); r.json {
		r.Event = p.documents.Get()
	} else {
		r.Event = p.lines.Get()
	}
	return r
}

// Put takes a row back.
func (p *Pool) Put(r *Row) {
	if r.json {
		p.documents.Put(r.Event)
	} else {
		p.lines.Put(r.Event)
	}
	clear(r.values)
	clear(r.used[:])
	r.Event, r.layout, r.text, r.n, r.plain = nil, nil, "", 0, false
	r.UID, r.Account, r.Region = "", "", ""
	p.rows.Put(r)
}

// IsJSON tells whether a record is to be read as JSON.
func IsJSON(data []byte) bool {
	for _, c := range data {
		if c != ' ' && c != '\t' {
			return c == '{'
		}
	}
	return false
}

// Text checks a line and returns it without its end.
func Text(data []byte) (string, error) {
	if len(data) > MaxLine {
		return "", fmt.Errorf("line of %d bytes, at most %d are read", len(data), MaxLine)
	}
	text := strings.TrimRight(string(data), "\r\n \t")
	if text == "" {
		return "", errors.New("an empty line")
	}
	if !utf8.ValidString(text) {
		return "", errors.New("not UTF-8")
	}
	if i := strings.IndexByte(text, 0); i >= 0 {
		return "", fmt.Errorf("offset %d: NUL in a line", i)
	}
	return text, nil
}

// JSON reads the members of a JSON object as columns; fieldOf tells which.
func (r *Row) JSON(data []byte, fieldOf func(name string) Field) error {
	d := &r.Doc
	if err := d.Parse(data); err != nil {
		return err
	}
	if k := d.Kind(d.Root()); k != ocsfjson.Object {
		return fmt.Errorf("offset 0: an object expected, %s found", k)
	}
	if r.values == nil {
		r.values = make([]string, MaxFields)
	}
	for c := d.First(d.Root()); c >= 0; c = d.Next(c) {
		f := fieldOf(d.Key(c))
		if f == Unknown || r.values[f] != "" {
			continue
		}
		text := d.Str(c)
		if d.Kind(c) == ocsfjson.Number {
			text = d.Raw(c)
		}
		if text != "-" {
			r.values[f], r.nodes[f] = text, c
		}
	}
	return nil
}

// IsJSON tells whether the row came as JSON.
func (r *Row) IsJSON() bool { return r.json }

// Columns is how many columns the line has.
func (r *Row) Columns() int { return r.n }

// Column returns the text of a column of the line; empty if it is absent.
func (r *Row) Column(i int) string {
	if i < 0 || i >= r.n {
		return ""
	}
	return r.text[r.spans[i].from:r.spans[i].to]
}

// Assign names the columns of the line. Columns beyond those that have a name stand under unmapped as field_N, counted from 1.
func (r *Row) Assign(l *Layout) { r.layout = l }

// Value returns the text of a field; empty where it is absent.
func (r *Row) Value(f Field) string {
	if r.json {
		return r.values[f]
	}
	return r.Column(int(r.layout.first[f]) - 1)
}

// Has tells whether a field is there.
func (r *Row) Has(f Field) bool { return r.Value(f) != "" }

// Use marks a field as standing in the event verbatim.
func (r *Row) Use(f Field) { r.used[f] = true }

// Move writes a field's text as a string and marks it; false, and nothing, where it is absent.
func (r *Row) Move(name string, f Field) bool {
	text := r.Value(f)
	if text == "" {
		return false
	}
	r.str(name, text, r.plain)
	r.used[f] = true
	return true
}

// str writes a text as a member; plain tells that nothing in it is to be escaped.
func (r *Row) str(name, text string, plain bool) {
	if plain {
		r.Event.Plain(name, text)
	} else {
		r.Str(name, text)
	}
}

// Plain tells whether no column has anything in it that would be escaped in JSON.
func (r *Row) Plain() bool { return r.plain }

// MoveSeen is Move, and adds an observable that refers to path.
func (r *Row) MoveSeen(name string, f Field, t ocsfjson.ObservableType, path string) bool {
	if !r.Move(name, f) {
		return false
	}
	r.ObserveText(t, path, r.Value(f))
	return true
}

// Bad is the error for a field that does not hold what it should.
func (r *Row) Bad(f Field, want string) error {
	found := strconv.QuoteToASCII(Clip(r.Value(f)))
	if !r.Has(f) {
		found = "nothing"
	}
	if r.json && !r.Has(f) {
		return fmt.Errorf("%s expected, but there is no such member", want)
	}
	if r.json {
		return fmt.Errorf("member %s: %s expected, %s found", strconv.QuoteToASCII(Clip(r.Doc.Key(r.nodes[f]))), want, found)
	}
	for i, c := range r.layout.Columns {
		if c.Field == f {
			return fmt.Errorf("field %d (%s): %s expected, %s found", i+1, c.Name, want, found)
		}
	}
	return fmt.Errorf("%s expected, but there is no such field", want)
}

// Clip shortens a text for an error message.
func Clip(s string) string {
	if len(s) > 64 {
		return strings.ToValidUTF8(s[:64], "") + "..."
	}
	return s
}

// End writes what was not moved to unmapped, and returns the event.
func (r *Row) End(class int) schemas.Event {
	if r.json {
		for f := range r.used {
			if r.used[f] && r.values[f] != "" && r.Doc.Kind(r.nodes[f]) == ocsfjson.String {
				r.Doc.Take(r.nodes[f])
			}
		}
		return r.Finish(class, r.UID, r.Time)
	}
	r.rest()
	return r.Finish(class, r.UID, r.Time)
}

// rest writes the columns of the line that were not moved.
func (r *Row) rest() {
	l := r.layout
	at := r.Open("unmapped")
	named := min(r.n, len(l.names))
	for i := range named {
		s, f := r.spans[i], l.Columns[i].Field
		if s.from == s.to || r.used[f] && int(l.first[f]) == i+1 {
			continue
		}
		text := r.text[s.from:s.to]
		if r.plain {
			r.Event.Plain(l.names[i], text)
		} else {
			r.Str(l.names[i], text)
		}
	}
	for i := named; i < r.n; i++ {
		if text := r.Column(i); text != "" {
			r.Str("field_"+strconv.Itoa(i+1), text)
		}
	}
	r.Close(at)
}
