package ocsfjson

import (
	"fmt"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/unpack"
	"github.com/riposte-security/riposte/schemas"
)

// WithContainer returns f with what the container of a record said of it added to its events: see Around.
func WithContainer(f producers.Format) producers.Format { return contained{f} }

type contained struct{ producers.Format }

// Parse implements producers.Format.
func (c contained) Parse(r producers.Record) ([]schemas.Event, error) {
	events, err := c.Format.Parse(r)
	if err != nil {
		return nil, err
	}
	return Around(r, events)
}

// Around adds to events what unpack found around their record and formats do not see. Account and region go to cloud where the event has
// none; the rest goes to unmapped with its own names: an EventBridge event without its detail as `envelope`, what CloudWatch Logs said as
// `cloudwatch`, an SNS notification as `sns`. What an event has already stays as it is. An envelope that could
// not be a record is a permanent error.
func Around(r producers.Record, events []schemas.Event) ([]schemas.Event, error) {
	around := r.Attrs[unpack.AttrEnvelope]
	name, value := container(r.Attrs, around != "")
	if name == "" && around == "" {
		return events, nil
	}
	around, err := Envelope(around)
	if err != nil {
		return nil, fault.Permanent(err)
	}
	for i := range events {
		e := &events[i]
		e.Data = withCloud(e.Data, r.Attrs[producers.AttrAccount], r.Attrs[producers.AttrRegion])
		if around != "" {
			e.Data = WithUnmapped(e.Data, "envelope", around)
		}
		if name != "" {
			e.Data = WithUnmapped(e.Data, name, value)
		}
	}
	return events, nil
}

// container returns the member of unmapped for what CloudWatch Logs or SNS said; no name if neither did. Where an EventBridge event was
// inside, it has put its own account, id and time in the place of theirs.
func container(attrs map[string]string, event bool) (name, value string) {
	var w Writer
	at := w.Open("")
	str := func(name, attr string) {
		if v := attrs[attr]; v != "" {
			w.Str(name, v)
		}
	}
	switch source := attrs[producers.AttrSource]; {
	case attrs[unpack.AttrLogGroup] != "":
		name = "cloudwatch"
		str("logGroup", unpack.AttrLogGroup)
		str("logStream", unpack.AttrLogStream)
		if event {
			break
		}
		str("owner", producers.AttrAccount)
		str("id", producers.AttrID)
		if t, err := time.Parse(time.RFC3339, attrs[producers.AttrTime]); err == nil {
			w.Int("timestamp", t.UnixMilli())
		}
	case !event && strings.HasPrefix(source, "arn:") && strings.Contains(source, ":sns:"):
		name = "sns"
		str("TopicArn", producers.AttrSource)
		str("MessageId", producers.AttrID)
		str("Timestamp", producers.AttrTime)
	}
	w.Close(at)
	return name, string(w.B)
}

// Envelope is the text of what stood around a record, without white space between its tokens; an error where it is not as strict as a record
// must be. Empty text is none.
func Envelope(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	var d Doc
	if err := d.ParseText(text); err != nil {
		return "", fmt.Errorf("envelope: %w", err)
	}
	return d.Raw(d.Root()), nil
}

// WithUnmapped returns the event with a member of unmapped more, unless it is there already; value is JSON. The event is not changed in place.
func WithUnmapped(event []byte, name, value string) []byte {
	at := gjson.GetBytes(event, "unmapped")
	switch {
	case at.IsObject() && at.Get(name).Exists():
		return event
	case at.IsObject():
		return insert(event, at, `"`+name+`":`+value)
	case at.Exists(): // no object: nothing that a format of ours writes
		return event
	}
	return insertLast(event, `"unmapped":{"`+name+`":`+value+`}`)
}

// withCloud returns the event with account and region in cloud, as far as it has none.
func withCloud(event []byte, account, region string) []byte {
	parsed := gjson.GetManyBytes(event, "cloud", "cloud.account.uid", "cloud.region", "metadata")
	cloud, metadata := parsed[0], parsed[3]
	var w Writer
	at := w.Open("")
	if region != "" && !parsed[2].Exists() {
		w.Str("region", region)
	}
	if account != "" && !parsed[1].Exists() && !cloud.Get("account").Exists() {
		in := w.Open("account")
		w.Str("uid", account)
		w.Close(in)
	}
	if !w.Close(at) {
		return event
	}
	members := string(w.B[1 : len(w.B)-1])
	if cloud.IsObject() {
		return insert(event, cloud, members)
	}
	if cloud.Exists() || !metadata.IsObject() {
		return event
	}
	event = insertLast(event, `"cloud":{"provider":"AWS",`+members+`}`)
	switch profiles := metadata.Get("profiles"); {
	case !profiles.IsArray():
		return insert(event, metadata, `"profiles":["cloud"]`)
	case !strings.Contains(profiles.Raw, `"cloud"`):
		return insert(event, profiles, `"cloud"`)
	}
	return event
}

// insert puts text, members or an element, at the beginning of the object or array that at is.
func insert(event []byte, at gjson.Result, text string) []byte {
	i := at.Index + 1
	out := make([]byte, 0, len(event)+len(text)+1)
	out = append(append(out, event[:i]...), text...)
	if rest := strings.TrimLeft(at.Raw[1:], " \t\r\n"); rest[0] != '}' && rest[0] != ']' {
		out = append(out, ',')
	}
	return append(out, event[i:]...)
}

// insertLast puts members at the end of the event.
func insertLast(event []byte, members string) []byte {
	i := len(event) - 1 // of the closing brace
	out := make([]byte, 0, len(event)+len(members)+1)
	out = append(append(out, event[:i]...), ',')
	out = append(out, members...)
	return append(out, event[i:]...)
}
