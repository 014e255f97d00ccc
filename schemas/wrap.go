package schemas

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/tidwall/gjson"
)

// LogNameJSON is metadata.log_name of events that were made of a user's own JSON.
const LogNameJSON = "json"

// cloudEvent is a CloudEvent in structured mode whose data is a JSON object.
type cloudEvent struct {
	id, source string
	time       time.Time
	data       []byte
	tags       []tag // its other attributes: id, type, subject, extensions
}

// tag is OCSF's key_value_object.
type tag struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// structured recognises a CloudEvent in structured mode. One whose data is not an object, or that says something twice, stays the object
// that it is.
func structured(obj []byte) (cloudEvent, bool) {
	var ce cloudEvent
	if !gjson.GetBytes(obj, "specversion").Exists() {
		return ce, false
	}
	var spec, typ bool
	seen := map[string]bool{}
	twice := false
	gjson.ParseBytes(obj).ForEach(func(key, value gjson.Result) bool {
		twice = twice || seen[key.Str]
		seen[key.Str] = true
		switch key.Str {
		case "specversion":
			spec = value.Type == gjson.String && value.Str != ""
		case "id":
			ce.id = value.Str
		case "type":
			typ = value.Str != ""
		case "time":
			if t, ok := readTime(value.Str); ok {
				ce.time = t
			}
		case "source":
			ce.source = value.Str
			return !twice // stands in metadata.source
		case "data":
			if value.IsObject() {
				ce.data = []byte(value.Raw)
			}
			return !twice
		case "data_base64":
			ce.data = decoded(value)
			return !twice
		}
		ce.tags = append(ce.tags, tag{key.Str, value.String()})
		return !twice
	})
	if seen["data"] && seen["data_base64"] {
		return ce, false
	}
	return ce, !twice && spec && typ && ce.id != "" && ce.source != "" && ce.data != nil
}

// decoded is the JSON object that a base64 text stands for, or nil.
func decoded(value gjson.Result) []byte {
	text, err := base64.StdEncoding.DecodeString(value.Str)
	if err != nil || value.Type != gjson.String {
		return nil
	}
	obj, _, err := object(text, MaxDepth-1)
	if err != nil {
		return nil
	}
	return obj
}

// baseEvent is a Base Event without unmapped.
type baseEvent struct {
	ActivityID  int          `json:"activity_id"`
	CategoryUID int          `json:"category_uid"`
	ClassUID    int          `json:"class_uid"`
	TypeUID     int          `json:"type_uid"`
	SeverityID  int          `json:"severity_id"`
	Time        int64        `json:"time"`
	Metadata    baseMetadata `json:"metadata"`
}

type baseMetadata struct {
	Version string  `json:"version"`
	UID     string  `json:"uid"`
	LogName string  `json:"log_name"`
	Source  string  `json:"source,omitempty"`
	Product product `json:"product"`
	Tags    []tag   `json:"tags,omitempty"`
}

type product struct {
	Name   string `json:"name"`
	Vendor string `json:"vendor_name,omitempty"`
}

// wrap makes a Base Event of an object of any form. The object stands under unmapped byte by byte. start is its offset in the message.
func wrap(obj []byte, start int, tags []tag, from *Envelope) (Event, error) {
	if at := tooDeep(obj, MaxDepth-1); at >= 0 { // one level more will be around it
		return Event{}, &MalformedError{Offset: int64(start + at), Reason: fmt.Sprintf("more than %d levels deep", MaxDepth-1)}
	}
	uid, err := from.uid()
	if err != nil {
		return Event{}, err
	}
	at, err := eventTime(part{}, from)
	if err != nil {
		return Event{}, err
	}
	source := from.uidSource
	if source == "" {
		source = from.Source
	}
	head, err := json.Marshal(baseEvent{
		Time: at.UnixMilli(),
		Metadata: baseMetadata{
			Version: Version, UID: uid, LogName: LogNameJSON, Source: source,
			Product: product{Name: "custom"}, Tags: tags,
		},
	})
	if err != nil {
		return Event{}, fmt.Errorf("base event: %w", err)
	}
	data := make([]byte, 0, len(head)+len(obj)+len(`,"unmapped":}`))
	data = append(data, head[:len(head)-1]...)
	data = append(data, `,"unmapped":`...)
	data = append(data, obj...)
	data = append(data, '}')
	return Event{Data: data, UID: uid, Key: uid, Class: ClassBase, Time: at, Source: from.Source, Cause: from.Cause, Replay: from.Replay, Trace: from.Trace}, nil
}
