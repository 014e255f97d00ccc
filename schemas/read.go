package schemas

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/riposte-security/riposte/schemas/jsontext"
)

// maxUID bounds metadata.uid, in bytes: it becomes a header, a column and a part of logs.
const maxUID = 1024

// maxKey bounds Event.Key, in bytes; a longer one is replaced by its hash.
const maxKey = 256

// ReadEvent reads the value of a message on the events topic, or any JSON object that stands for an event.
//
//   - An object with class_uid is an OCSF event. Where it has no metadata.uid, one is put in.
//   - An object with specversion, id, source and type, as CloudEvents has it in structured mode, stands for its data, if that is an object.
//     What else it says goes to metadata.tags of a Base Event; OCSF data are taken as they are.
//   - Any other object becomes a Base Event with the object, unchanged, under unmapped.
//
// The uid is metadata.uid, else CloudEventUID of the envelope's (or the structured event's) source and id, else DerivedUID of origin and
// position; the same message always gets the same one. The time is that of the event, else ce_time, else the append time, else the epoch.
//
// A message that can never be read gives a *MalformedError, which no retry will mend. The event's Data may share memory with value.
func ReadEvent(value []byte, from Envelope) (Event, error) {
	var r Reader
	return r.Read(value, from)
}

// A Reader reads one event after the other in memory that it uses again: what Members of an event gives holds until the next is read. Its zero value is ready,
// for one goroutine.
type Reader struct {
	// Keyless has Read leave out Key where WithKey can put it in: who looks at many events needs it of few.
	Keyless bool

	top members
}

// Read is ReadEvent.
func (r *Reader) Read(value []byte, from Envelope) (Event, error) {
	top := &r.top
	top.reset()
	obj, start, err := objectOf(value, MaxDepth, top.read)
	if err == nil {
		err = top.refused()
	}
	if err != nil {
		return Event{}, err
	}
	if !top.class.null() {
		return r.ocsf(obj, &from)
	}
	ce, ok := structured(obj)
	if !ok {
		return wrap(obj, start, nil, &from)
	}
	// Who wrote the message vouches for it, whatever the body says; the body's id stays what it is.
	from.ID, from.uidSource = ce.id, ce.source
	if from.Source == "" {
		from.Source = ce.source
	}
	if !ce.time.IsZero() {
		from.Time = ce.time
	}
	top.reset()
	top.read(ce.data)
	if err := top.refused(); err != nil {
		return Event{}, err
	}
	if !top.class.null() {
		return r.ocsf(ce.data, &from)
	}
	return wrap(ce.data, start, ce.tags, &from)
}

// members are the parts of an event that are read on every message.
type members struct {
	class, time, metadata, resources, actor, endpoint part

	walked

	all   []jsontext.Member
	twice string // the key of one that stands twice
}

// reset forgets all but the memory.
func (m *members) reset() {
	*m = members{walked: walked{marks: m.marks}, all: m.all[:0]}
}

// read finds them in an object, on the way over it, and gives its end, or jsontext.Failed, and whether it is known to be ASCII.
func (m *members) read(obj []byte) (end int, ascii bool) {
	m.text = obj
	m.marks, ascii = jsontext.Mark(obj, m.marks)
	if m.all, end = m.marks.Members(obj, 1, MaxDepth-1, m.all); end >= 0 {
		m.pick()
	}
	return end, ascii
}

// pick takes them from among all members.
func (m *members) pick() {
	for i := range m.all {
		one := &m.all[i]
		at := m.member(nameOf(m.text, one))
		if at == nil {
			continue
		}
		if at.from > 0 {
			m.twice = string(nameOf(m.text, one))
		}
		*at = m.part(int(one.Value), int(one.End))
	}
}

// refused: a key that stands twice is refused. Parsers differ in which of the two they believe, and a rule must not be led past an event by that.
func (m *members) refused() error {
	if m.twice == "" {
		return nil
	}
	return malformed("%s stands twice", m.twice)
}

// member is the place of the member with that name; nil for others.
func (m *members) member(name []byte) *part {
	switch string(name) {
	case "class_uid":
		return &m.class
	case "time":
		return &m.time
	case "metadata":
		return &m.metadata
	case "resources":
		return &m.resources
	case "actor":
		return &m.actor
	case "src_endpoint":
		return &m.endpoint
	}
	return nil
}

// ocsf reads an object that has class_uid.
func (r *Reader) ocsf(obj []byte, from *Envelope) (Event, error) {
	m := &r.top
	class, ok := integer(m.class)
	if !ok || class < 0 || class > math.MaxInt32 {
		return Event{}, malformed("class_uid is %s, not a class", clip(string(m.class.raw)))
	}
	at, err := eventTime(m.time, from)
	if err != nil {
		return Event{}, err
	}
	data, uid, err := withUID(obj, m, from)
	if err != nil {
		return Event{}, err
	}
	e := Event{Data: data, UID: uid, Class: int(class), Time: at, Source: from.Source, Cause: from.Cause, Replay: from.Replay, Trace: from.Trace}
	untouched := len(data) == len(obj) // nothing was put in
	if untouched {
		e.members, e.walked = m.all, m.walked
	}
	if !r.Keyless || !untouched {
		e.Key = eventKey(m, uid)
	}
	return e, nil
}

// WithKey is the event with Key, which a Reader may have left out. It is to be called before that Reader reads the next.
func (e Event) WithKey() Event {
	if e.Key == "" && e.members != nil {
		m := members{walked: e.walked, all: e.members}
		m.pick()
		e.Key = eventKey(&m, e.UID)
	}
	return e
}

// eventKey is the first of resources[0].uid, actor.user.uid, src_endpoint.ip, metadata.uid.
func eventKey(m *members, uid string) string {
	key, ok := m.resources.at("[", "uid")
	if !ok {
		key, ok = m.actor.at("user", "uid")
	}
	if !ok {
		key, ok = m.endpoint.at("ip")
	}
	if !ok {
		key = uid
	}
	if len(key) > maxKey {
		return hashID(key)
	}
	return key
}

// eventTime reads time in milliseconds; absent, it is the envelope's.
func eventTime(r part, from *Envelope) (time.Time, error) {
	switch {
	case !r.null():
	case !from.Time.IsZero():
		return from.Time.UTC(), nil
	case !from.Appended.IsZero():
		return from.Appended.UTC(), nil
	default:
		return time.UnixMilli(0).UTC(), nil // nothing is known: as old as can be, so that it is stale rather than fresh
	}
	ms, ok := integer(r)
	if t := time.UnixMilli(ms).UTC(); ok && t.Year() >= 1 && t.Year() <= 9999 {
		return t, nil
	}
	return time.Time{}, malformed("time is %s, not milliseconds since the epoch", clip(string(r.raw)))
}

// integer reads a JSON number that is whole, in 64 bits.
func integer(r part) (int64, bool) {
	if !r.number() {
		return 0, false
	}
	if n, err := strconv.ParseInt(string(r.raw), 10, 64); err == nil {
		return n, true
	}
	const exact = 1 << 53
	f, err := strconv.ParseFloat(string(r.raw), 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > exact {
		return 0, false
	}
	return int64(f), true
}

// clip keeps messages short.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
