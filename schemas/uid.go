package schemas

import (
	"errors"
	"strconv"
)

// withUID returns the event with metadata.uid, and that uid. Where it has none, the envelope's goes in, by splicing: nothing else of the
// text changes.
func withUID(obj []byte, m *members, from *Envelope) ([]byte, string, error) {
	metadata := m.metadata
	if !metadata.null() && !metadata.object() {
		return nil, "", malformed("metadata is of type %s, not object", metadata.kind())
	}
	var have part
	if metadata.object() {
		var again bool
		if have, again = m.only(metadata.from, "uid"); again {
			return nil, "", malformed("metadata.uid stands twice")
		}
	}
	uid, ok := have.text()
	switch {
	case ok && uid != "":
		return obj, uid, checkUID(uid)
	case !ok && !have.null():
		return nil, "", malformed("metadata.uid is of type %s, not string", have.kind())
	}
	uid, err := from.uid()
	if err != nil {
		return nil, "", err
	}
	quoted := strconv.Quote(uid) // hexadecimal: Go's quoting is JSON's
	switch {
	case have.from > 0: // null or empty
		return splice(obj, have.from, len(have.raw), quoted), uid, nil
	case metadata.object():
		text := `"uid":` + quoted
		if !emptyObject(metadata.raw) {
			text += ","
		}
		return splice(obj, metadata.from+1, 0, text), uid, nil
	case metadata.from > 0: // null
		return splice(obj, metadata.from, len(metadata.raw), `{"uid":`+quoted+`}`), uid, nil
	}
	return splice(obj, 1, 0, `"metadata":{"uid":`+quoted+`},`), uid, nil
}

// checkUID refuses what cannot be a header, a column or a part of a log line.
func checkUID(uid string) error {
	if len(uid) > maxUID {
		return malformed("metadata.uid has %d bytes, at most %d are allowed", len(uid), maxUID)
	}
	for _, r := range uid {
		if r < ' ' || r == 0x7f {
			return malformed("metadata.uid has a control character: %q", clip(uid))
		}
	}
	return nil
}

// uid is the uid of an event that has none of its own.
func (e *Envelope) uid() (string, error) {
	if e.Origin == "" && e.Position == "" && e.topic != "" {
		e.Origin, e.Position = KafkaOrigin(e.topic, e.partition, e.offset)
	}
	switch {
	case e.ID != "" && e.uidSource != "":
		return CloudEventUID(e.uidSource, e.ID), nil
	case e.ID != "":
		return CloudEventUID(e.Source, e.ID), nil
	case e.Origin == "" && e.Position == "":
		return "", errors.New("an event without an id needs an origin and a position")
	}
	return DerivedUID(e.Origin, e.Position, "0"), nil
}

// splice returns text with n bytes at offset at replaced.
func splice(text []byte, at, n int, by string) []byte {
	out := make([]byte, 0, len(text)+len(by)-n)
	out = append(out, text[:at]...)
	out = append(out, by...)
	return append(out, text[at+n:]...)
}

func emptyObject(raw []byte) bool {
	for i := 1; i < len(raw); i++ {
		if !space(raw[i]) {
			return raw[i] == '}'
		}
	}
	return true
}
