package ocsfjson

import (
	"fmt"
	"sync"
	"time"

	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/schemas"
)

// An Event is one event while it is written, and the record that it is made of.
type Event struct {
	Writer
	Doc Doc
	// Outer is what Doc was found in as a string, if anything: its members go to unmapped beside those of Doc.
	Outer *Doc
	// What Kafka's key is chosen from, see schemas.Event.Key.
	KeyResource, KeyUser, KeyIP string

	spare       Doc // see Unwrap
	observables []observable
	seen        Writer           // the observables as they will stand in the event
	value       int              // where in seen the value of the last one begins
	heads       [beginnings]head // see Begin
	slots       []schemas.Event  // see One
	room, usual int              // see reserve
}

// A Pool hands out Events whose buffers have grown already. The zero Pool is ready.
type Pool struct{ pool sync.Pool }

// Get returns an empty event. Give it back with Put when the result of Finish is all that is still needed.
func (p *Pool) Get() *Event {
	e, ok := p.pool.Get().(*Event)
	if !ok {
		e = &Event{}
	}
	e.Reset()
	return e
}

// Put takes an event back.
func (p *Pool) Put(e *Event) {
	const keep = 1 << 20 // of what a giant record has made grow, nothing stays
	if cap(e.B) > keep || cap(e.seen.B) > keep || cap(e.Doc.nodes) > keep/32 || cap(e.spare.nodes) > keep/32 {
		return
	}
	e.Doc.text, e.Doc.nodes = "", e.Doc.nodes[:0] // the next record may be no JSON
	e.spare.text, e.spare.nodes = "", e.spare.nodes[:0]
	p.pool.Put(e)
}

// Reset empties what was written; the parsed record stays.
func (e *Event) Reset() {
	e.B = e.B[:0]
	e.reserve()
	e.observables, e.seen.B = e.observables[:0], e.seen.B[:0]
	e.KeyResource, e.KeyUser, e.KeyIP = "", "", ""
	e.Outer = nil
}

// Unwrap replaces Doc by the object that its string n holds as a text, and makes Outer the document that it was found in. An error begins with name.
func (e *Event) Unwrap(n Node, name string) error {
	text := e.Doc.Str(n)
	e.Doc, e.spare = e.spare, e.Doc
	e.Outer = &e.spare
	if err := e.Doc.ParseText(text); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if k := e.Doc.Kind(e.Doc.Root()); k != Object {
		return fmt.Errorf("%s: an object expected, %s found", name, k)
	}
	return nil
}

// Move writes the string n as a member and marks it as taken. It does nothing and tells false if n is no string, or an empty one.
func (e *Event) Move(name string, n Node) bool {
	if e.Doc.Kind(n) != String || len(e.Doc.Raw(n)) == 2 {
		return false
	}
	e.Raw(name, e.Doc.Raw(n))
	e.Doc.Take(n)
	return true
}

// MoveOr is Move, with a text to write where n is no string.
func (e *Event) MoveOr(name string, n Node, fallback string) bool {
	if e.Move(name, n) {
		return true
	}
	if fallback == "" {
		return false
	}
	e.Str(name, fallback)
	return true
}

// MoveSeen is Move, and adds an observable that refers to path.
func (e *Event) MoveSeen(name string, n Node, t ObservableType, path string) bool {
	if !e.Move(name, n) {
		return false
	}
	e.Observe(t, path, n)
	return true
}

// Copy writes the string n as a member without marking it: for values that stand elsewhere in the event already, or are to stay unmapped.
func (e *Event) Copy(name string, n Node) bool {
	if e.Doc.Kind(n) != String || len(e.Doc.Raw(n)) == 2 {
		return false
	}
	e.Raw(name, e.Doc.Raw(n))
	return true
}

// MoveAny writes n whatever it is, and marks it as taken, unless it is missing or null.
func (e *Event) MoveAny(name string, n Node) bool {
	if k := e.Doc.Kind(n); k == Missing || k == Null {
		return false
	}
	e.Raw(name, e.Doc.Raw(n))
	e.Doc.Take(n)
	return true
}

// Time writes the RFC 3339 time that n is as a member, in milliseconds. n is not taken, since it is changed.
func (e *Event) Time(name string, n Node) bool {
	t, err := time.Parse(time.RFC3339, e.Doc.Str(n))
	if err != nil {
		return false
	}
	e.Int(name, t.UnixMilli())
	return true
}

// Finish writes observables and unmapped, and returns the event. All of the record that is not taken goes to unmapped. uid and the keys are
// kept as they are: of a record that is large, give copies.
func (e *Event) Finish(class int, uid string, t time.Time) schemas.Event {
	e.writeObservables()
	e.writeUnmapped()
	e.B = append(e.B, '}')
	key := uid
	switch {
	case e.KeyResource != "":
		key = e.KeyResource
	case e.KeyUser != "":
		key = e.KeyUser
	case e.KeyIP != "":
		key = e.KeyIP
	}
	return schemas.Event{Data: e.cut(), UID: uid, Key: key, Class: class, Time: t.UTC()}
}

// One returns a slice of one event. Slices are made many at a time: events live as long as their neighbours anyway, see reserve.
func (e *Event) One(event schemas.Event) []schemas.Event {
	const slots = 16
	if len(e.slots) == 0 {
		e.slots = make([]schemas.Event, slots)
	}
	out := e.slots[:1:1]
	e.slots = e.slots[1:]
	out[0] = event
	return out
}

func (e *Event) writeUnmapped() {
	d := &e.Doc
	if len(d.nodes) == 0 {
		return
	}
	at := e.Open("unmapped")
	e.rest(0)
	if e.Outer != nil {
		e.writeOuter()
	}
	e.Close(at)
}

// writeOuter writes the members of Outer beside those of Doc; where both have a name and differ in its value, that of Outer stands below `outer`.
func (e *Event) writeOuter() {
	d, o := &e.Doc, e.Outer
	clash := false
	for c := o.First(0); c >= 0; c = o.Next(c) {
		switch n := d.Get(0, o.Key(c)); {
		case n < 0 || d.nodes[n].taken:
			e.Raw(o.RawKey(c), o.Raw(c))
		case d.Raw(n) != o.Raw(c):
			clash = true
		}
	}
	if !clash {
		return
	}
	name := "outer"
	for d.Get(0, name) >= 0 || o.Get(0, name) >= 0 {
		name = "_" + name
	}
	at := e.Open(name)
	for c := o.First(0); c >= 0; c = o.Next(c) {
		if n := d.Get(0, o.Key(c)); n >= 0 && !d.nodes[n].taken && d.Raw(n) != o.Raw(c) {
			e.Raw(o.RawKey(c), o.Raw(c))
		}
	}
	e.Close(at)
}

// rest writes the members of the object n that are not taken, as far down as it takes to leave out only those.
func (e *Event) rest(n Node) {
	d := &e.Doc
	for c := d.First(n); c >= 0; c = d.Next(c) {
		v := &d.nodes[c]
		switch {
		case v.taken:
		case v.kind == Object && v.touched:
			at := e.Open(d.RawKey(c))
			e.rest(c)
			e.Close(at)
		case v.kind == Array && v.touched && !d.left(c):
		default: // of an array all elements: without the others, positions would change
			e.Raw(d.RawKey(c), d.Raw(c))
		}
	}
}

// left tells whether something below n is not taken.
func (d *Doc) left(n Node) bool {
	v := &d.nodes[n]
	if v.taken {
		return false
	}
	if !v.touched {
		return true
	}
	for c := d.First(n); c >= 0; c = d.Next(c) {
		if d.left(c) {
			return true
		}
	}
	return false
}

// UID is the metadata.uid of a record that has no id of its own: that of the message it came in, else one derived from its place.
func UID(r producers.Record) string {
	if id := r.Attrs[producers.AttrID]; id != "" {
		return schemas.CloudEventUID(r.Attrs[producers.AttrSource], id)
	}
	return schemas.DerivedUID(r.Origin, r.Position, "0")
}

// Received is the time of a record that has none of its own: that of the message it came in, else that of reception.
func Received(r producers.Record) time.Time {
	if text := r.Attrs[producers.AttrTime]; text != "" {
		if t, err := time.Parse(time.RFC3339, text); err == nil {
			return t.UTC()
		}
	}
	return r.Received.UTC()
}

// Severity writes severity_id and its caption.
func (e *Event) Severity(id int) {
	if id == 1 {
		e.Lit(`"severity":"Informational","severity_id":1`)
		return
	}
	e.Str("severity", [...]string{"Unknown", "Informational", "Low", "Medium", "High", "Critical", "Fatal"}[id])
	e.Int("severity_id", int64(id))
}

// Status writes status_id 1 or 2 and its caption.
func (e *Event) Status(failed bool) {
	if failed {
		e.Lit(`"status":"Failure","status_id":2`)
		return
	}
	e.Lit(`"status":"Success","status_id":1`)
}

// Metadata opens metadata and writes version, profiles and log_name; product and uid are for the caller, who closes it.
func (e *Event) Metadata(logName string, profiles ...string) int {
	at := e.Open("metadata")
	e.B = append(append(append(e.B, `"version":"`+schemas.Version+`","log_name":"`...), logName...), '"')
	if len(profiles) == 1 && profiles[0] == "cloud" {
		e.Lit(`"profiles":["cloud"]`)
		return at
	}
	list := e.List("profiles")
	for _, p := range profiles {
		e.comma()
		e.Quote(p)
	}
	e.Close(list)
	return at
}
