// Package kafka is the one place that knows kafka-go: writers that lose nothing, a consumer group that hands over batches by partition and
// commits off the path, topics made on demand.
package kafka

import (
	"maps"
	"slices"
	"time"

	"github.com/riposte-security/riposte/schemas"
)

// MaxMessage is the largest message, in bytes of key, value and headers: topics, writers and fetches are set alike.
const MaxMessage = 1 << 20

// A Message is one Kafka message. Topic, Key, Value and Headers are what a publisher sets; the rest is what a broker says about a message
// that was read.
type Message struct {
	Topic     string
	Partition int
	Offset    int64
	Time      time.Time
	Key       []byte
	Value     []byte
	Headers   []Header
}

// A Header is one header of a message.
type Header struct {
	Key   string
	Value []byte
}

// Header returns the value of the first header with that name, or "".
func (m *Message) Header(name string) string {
	for _, h := range m.Headers {
		if h.Key == name {
			return string(h.Value)
		}
	}
	return ""
}

// Event reads the event that the message holds, with what Kafka and its headers know of it: see schemas.ReadEvent.
func (m *Message) Event() (schemas.Event, error) {
	var r schemas.Reader
	return m.ReadEvent(&r)
}

// ReadEvent is Event by a reader that is used for several.
func (m *Message) ReadEvent(r *schemas.Reader) (schemas.Event, error) {
	var from schemas.Envelope
	if len(m.Headers) > 0 {
		from = schemas.ReadEnvelope(m.Header)
	}
	from.OnKafka(m.Topic, m.Partition, m.Offset)
	from.Appended = m.Time
	return r.Read(m.Value, from)
}

// EventMessage makes the message of an event.
func EventMessage(topic string, e schemas.Event) Message {
	var m EventMaker
	return m.Message(topic, e)
}

// An EventMaker makes messages of events, one after the other. Their keys and headers lie in memory that some of them share: producers make many.
type EventMaker struct {
	text    []byte
	headers []Header
}

// Message makes the message of an event.
func (k *EventMaker) Message(topic string, e schemas.Event) Message {
	const usual, names, some = 256, 8, 32
	if cap(k.headers)-len(k.headers) < names || cap(k.text)-len(k.text) < usual {
		n := 1
		if k.headers != nil { // more will follow
			n = some
		}
		k.text, k.headers = make([]byte, 0, n*usual), make([]Header, 0, n*names)
	}
	part := func(of string) []byte {
		at := len(k.text)
		k.text = append(k.text, of...)
		return k.text[at:len(k.text):len(k.text)]
	}
	from := len(k.headers)
	m := Message{Topic: topic, Key: part(e.Key), Value: e.Data}
	e.Headers(func(name, value string) {
		k.headers = append(k.headers, Header{Key: name, Value: part(value)})
	})
	m.Headers = k.headers[from:len(k.headers):len(k.headers)]
	return m
}

// Size is what counts against MaxMessage: the bytes of key, value and headers.
func (m *Message) Size() int {
	n := len(m.Key) + len(m.Value)
	for _, h := range m.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return n
}

// Headers makes headers of a map, in the order of their names.
func Headers(from map[string]string) []Header {
	out := make([]Header, 0, len(from))
	for _, k := range slices.Sorted(maps.Keys(from)) {
		out = append(out, Header{Key: k, Value: []byte(from[k])})
	}
	return out
}
