package schemas

import (
	"errors"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// withUID returns the event with metadata.uid, and that uid. Where it has none, the envelope's goes in, by splicing: nothing else of the
// text changes.
func withUID(obj []byte, metadata gjson.Result, from *Envelope) ([]byte, string, error) {
	if metadata.Type != gjson.Null && !metadata.IsObject() {
		return nil, "", malformed("metadata is of type %s, not object", kindOf(metadata))
	}
	have, err := onlyUID(metadata)
	if err != nil {
		return nil, "", err
	}
	switch {
	case have.Type == gjson.String && have.Str != "":
		return obj, strings.Clone(have.Str), checkUID(have.Str)
	case have.Type != gjson.String && have.Type != gjson.Null:
		return nil, "", malformed("metadata.uid is of type %s, not string", kindOf(have))
	}
	uid, err := from.uid()
	if err != nil {
		return nil, "", err
	}
	quoted := strconv.Quote(uid) // hexadecimal: Go's quoting is JSON's
	switch {
	case have.Index > 0: // null or empty
		return splice(obj, have.Index, len(have.Raw), quoted), uid, nil
	case metadata.IsObject():
		text := `"uid":` + quoted
		if !emptyObject(metadata.Raw) {
			text += ","
		}
		return splice(obj, metadata.Index+1, 0, text), uid, nil
	case metadata.Index > 0: // null
		return splice(obj, metadata.Index, len(metadata.Raw), `{"uid":`+quoted+`}`), uid, nil
	}
	return splice(obj, 1, 0, `"metadata":{"uid":`+quoted+`},`), uid, nil
}

// onlyUID finds uid in metadata, and refuses two of them.
func onlyUID(metadata gjson.Result) (gjson.Result, error) {
	var uid gjson.Result
	var err error
	if !metadata.IsObject() {
		return uid, nil
	}
	metadata.ForEach(func(key, value gjson.Result) bool {
		if key.Str != "uid" {
			return true
		}
		if uid.Index > 0 {
			err = malformed("metadata.uid stands twice")
			return false
		}
		uid = value
		return true
	})
	return uid, err
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

func emptyObject(raw string) bool {
	for i := 1; i < len(raw); i++ {
		if !space(raw[i]) {
			return raw[i] == '}'
		}
	}
	return true
}
