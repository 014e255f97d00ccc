package schemas

import (
	"strconv"
	"time"
)

// Headers of Kafka messages, after the CloudEvents Kafka binding in binary mode.
const (
	HeaderID          = "ce_id"
	HeaderSource      = "ce_source"
	HeaderType        = "ce_type"
	HeaderTime        = "ce_time"
	HeaderSpecVersion = "ce_specversion"
	HeaderContentType = "content-type"
	HeaderTrace       = "traceparent"
	HeaderCause       = "riposte_cause"
	HeaderReplay      = "riposte_replay"
	HeaderSignature   = "riposte_signature" // of commands, by the router, and of control messages, by a person
)

// Values of headers.
const (
	SpecVersion     = "1.0"              // of CloudEvents
	ContentTypeJSON = "application/json" // of everything that riposte writes
	TypeCommand     = "riposte.command"  // ce_type of commands; that of events is "ocsf." and the class name
)

// An Envelope is what is known of a message apart from its value. Every field may be empty.
type Envelope struct {
	ID          string    `json:"id,omitempty"`           // ce_id
	Source      string    `json:"source,omitempty"`       // ce_source: who vouches for the message
	Type        string    `json:"type,omitempty"`         // ce_type
	Time        time.Time `json:"time,omitzero"`          // ce_time
	ContentType string    `json:"content_type,omitempty"` // content-type
	Cause       string    `json:"cause,omitempty"`        // riposte_cause: the command that led here
	Replay      string    `json:"replay,omitempty"`       // riposte_replay: who had the message come again, and when
	Trace       string    `json:"trace,omitempty"`        // traceparent
	// Origin and Position name the place of the message for ever, see KafkaOrigin. An event without an id takes its uid from them.
	Origin   string `json:"origin,omitempty"`
	Position string `json:"position,omitempty"`
	// Appended is when the message was written to the topic. An event without a time takes this one.
	Appended time.Time `json:"appended,omitzero"`
	// uidSource is the source of a CloudEvent in structured mode, where the message has another.
	uidSource string

	// The place of the message on Kafka, see OnKafka.
	topic     string
	partition int
	offset    int64
}

// OnKafka notes the place of the message: origin and position follow from it, and are made where they are needed, which is rare.
func (e *Envelope) OnKafka(topic string, partition int, offset int64) {
	e.topic, e.partition, e.offset = topic, partition, offset
}

// ReadEnvelope reads the headers of a message, by a function that gives the value of a header or "". A time that cannot be read counts
// as none. The caller adds origin, position and append time.
func ReadEnvelope(header func(name string) string) Envelope {
	e := Envelope{
		ID:          header(HeaderID),
		Source:      header(HeaderSource),
		Type:        header(HeaderType),
		ContentType: header(HeaderContentType),
		Cause:       header(HeaderCause),
		Replay:      header(HeaderReplay),
		Trace:       header(HeaderTrace),
	}
	if t, ok := readTime(header(HeaderTime)); ok {
		e.Time = t
	}
	return e
}

// readTime reads a time that JSON can carry again: RFC 3339, of the years 1 to 9999 in UTC.
func readTime(s string) (time.Time, bool) {
	if s == "" {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}, false
	}
	t = t.UTC()
	return t, t.Year() >= 1 && t.Year() <= 9999
}

// KafkaOrigin gives origin and position of a Kafka message, as DerivedUID takes them.
func KafkaOrigin(topic string, partition int, offset int64) (origin, position string) {
	return "kafka/" + topic + "/" + strconv.Itoa(partition), strconv.FormatInt(offset, 10)
}

// CloudEventUID is the metadata.uid of an event that has no id of its own and came with a CloudEvents source and id: a hash of both, so
// that it has one length whatever senders put there.
func CloudEventUID(source, id string) string { return hashID("cloudevents", source, id) }

// EventHeaders gives the headers of an event's message.
func EventHeaders(e Event) map[string]string {
	h := map[string]string{}
	e.Headers(func(name, value string) { h[name] = value })
	return h
}

// Headers gives the headers of the event's message one by one.
func (e Event) Headers(add func(name, value string)) {
	headers(e.UID, e.Source, "ocsf."+ClassName(e.Class), e.Time, add)
	addIf(add, HeaderTrace, e.Trace)
	addIf(add, HeaderCause, e.Cause)
	addIf(add, HeaderReplay, e.Replay)
}

// CommandHeaders gives the headers of a command's message. source names the writer, trace is the traceparent of the event, or "".
func CommandHeaders(c Command, source, trace string) map[string]string {
	h := map[string]string{}
	add := func(name, value string) { h[name] = value }
	headers(c.ID, source, TypeCommand, c.Created, add)
	addIf(add, HeaderTrace, trace)
	addIf(add, HeaderCause, c.Cause)
	return h
}

func headers(id, source, typ string, at time.Time, add func(name, value string)) {
	add(HeaderID, id)
	add(HeaderType, typ)
	add(HeaderSpecVersion, SpecVersion)
	add(HeaderContentType, ContentTypeJSON)
	addIf(add, HeaderSource, source)
	if !at.IsZero() {
		add(HeaderTime, at.UTC().Format(time.RFC3339Nano))
	}
}

func addIf(add func(name, value string), name, value string) {
	if value != "" {
		add(name, value)
	}
}
