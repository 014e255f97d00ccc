package schemas

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"
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
	obj, start, err := object(value, MaxDepth)
	if err != nil {
		return Event{}, err
	}
	top, err := readMembers(obj)
	if err != nil {
		return Event{}, err
	}
	if top.class.Type != gjson.Null {
		return readOCSF(obj, top, from)
	}
	ce, ok := structured(obj)
	if !ok {
		return wrap(obj, start, nil, from)
	}
	// Who wrote the message vouches for it, whatever the body says; the body's id stays what it is.
	from.ID, from.uidSource = ce.id, ce.source
	if from.Source == "" {
		from.Source = ce.source
	}
	if !ce.time.IsZero() {
		from.Time = ce.time
	}
	if top, err = readMembers(ce.data); err != nil {
		return Event{}, err
	}
	if top.class.Type != gjson.Null {
		return readOCSF(ce.data, top, from)
	}
	return wrap(ce.data, start, ce.tags, from)
}

// members are the parts of an event that are read on every message. gjson.Null stands for absent as well as for null.
type members struct {
	class, time, metadata, resources, actor, endpoint gjson.Result
}

// readMembers finds them in one pass. A key that stands twice is refused: parsers differ in which of the two they believe, and a rule must
// not be led past an event by that.
func readMembers(obj []byte) (members, error) {
	var m members
	var twice string
	gjson.ParseBytes(obj).ForEach(func(key, value gjson.Result) bool {
		var at *gjson.Result
		switch key.Str {
		case "class_uid":
			at = &m.class
		case "time":
			at = &m.time
		case "metadata":
			at = &m.metadata
		case "resources":
			at = &m.resources
		case "actor":
			at = &m.actor
		case "src_endpoint":
			at = &m.endpoint
		default:
			return true
		}
		if at.Index > 0 {
			twice = key.Str
			return false
		}
		*at = value
		return true
	})
	if twice != "" {
		return m, malformed("%s stands twice", twice)
	}
	return m, nil
}

// readOCSF reads an object that has class_uid.
func readOCSF(obj []byte, m members, from Envelope) (Event, error) {
	class, ok := integer(m.class)
	if !ok || class < 0 || class > math.MaxInt32 {
		return Event{}, malformed("class_uid is %s, not a class", clip(m.class.Raw))
	}
	at, err := eventTime(m.time, from)
	if err != nil {
		return Event{}, err
	}
	data, uid, err := withUID(obj, m.metadata, from)
	if err != nil {
		return Event{}, err
	}
	e := Event{Data: data, UID: uid, Class: int(class), Time: at, Source: from.Source, Cause: from.Cause, Replay: from.Replay, Trace: from.Trace}
	e.Key = eventKey(m, uid)
	return e, nil
}

// eventKey is the first of resources[0].uid, actor.user.uid, src_endpoint.ip, metadata.uid.
func eventKey(m members, uid string) string {
	key := uid
	for _, r := range []gjson.Result{m.resources.Get("0.uid"), m.actor.Get("user.uid"), m.endpoint.Get("ip")} {
		if r.Type == gjson.String && r.Str != "" {
			key = r.Str
			break
		}
	}
	if len(key) > maxKey {
		return hashID(key)
	}
	return key
}

// eventTime reads time in milliseconds; absent, it is the envelope's.
func eventTime(r gjson.Result, from Envelope) (time.Time, error) {
	switch {
	case r.Type != gjson.Null:
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
	return time.Time{}, malformed("time is %s, not milliseconds since the epoch", clip(r.Raw))
}

// integer reads a JSON number that is whole, in 64 bits.
func integer(r gjson.Result) (int64, bool) {
	if r.Type != gjson.Number {
		return 0, false
	}
	if n, err := strconv.ParseInt(r.Raw, 10, 64); err == nil {
		return n, true
	}
	const exact = 1 << 53
	f, err := strconv.ParseFloat(r.Raw, 64)
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
