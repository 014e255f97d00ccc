// Package deadletter reads the topic of dead letters: what could not be understood or carried out, and what people have done about it since.
package deadletter

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/riposte-security/riposte/internal/kafka"
)

// Headers of a mark, which says on the same topic what became of a letter.
const (
	headerOf   = "deadletter" // id of the letter
	headerDone = "done"       // Replayed or Dropped
	headerBy   = "by"
	headerWhy  = "why"
)

// What was done about a letter.
const (
	Replayed = "replayed"
	Dropped  = "dropped"
)

// A Letter is one dead letter.
type Letter struct {
	ID       string    `json:"id"` // its partition and offset on the topic of dead letters: 3-1042
	Time     time.Time `json:"time"`
	Stage    string    `json:"stage"` // produce, router, consumer
	Reason   string    `json:"reason"`
	Attempts int       `json:"attempts"`
	Rule     string    `json:"rule,omitempty"`
	Step     string    `json:"step,omitempty"`
	// Topic, Partition and Offset are where it came from; of a producer's record there is no topic, of a command that failed no offset (-1).
	Topic     string `json:"topic,omitempty"`
	Partition int    `json:"partition"`
	Offset    int64  `json:"offset"`
	// Producer, Origin and Position name a record that no format could read.
	Producer string            `json:"producer,omitempty"`
	Origin   string            `json:"origin,omitempty"`
	Position string            `json:"position,omitempty"`
	Received time.Time         `json:"received,omitzero"`
	Attrs    map[string]string `json:"attrs,omitempty"`
	// Length and SHA256 are those of the original, of which only the beginning was kept; 0 where it is there whole.
	Length int64  `json:"length,omitempty"`
	SHA256 string `json:"sha256,omitempty"`
	// Done is Replayed or Dropped, "" while nobody has done anything; By, Why and At say who and when.
	Done string    `json:"done,omitempty"`
	By   string    `json:"by,omitempty"`
	Why  string    `json:"why,omitempty"`
	At   time.Time `json:"at,omitzero"`

	Key     []byte         `json:"-"`
	Value   []byte         `json:"-"`
	Headers []kafka.Header `json:"-"` // of the original
}

// read makes a letter of a message. A message that nobody of riposte wrote is a letter as well, about which little is known.
func read(m kafka.Message) Letter {
	l := Letter{
		ID: ID(m.Partition, m.Offset), Time: m.Time.UTC(), Stage: m.Header(kafka.HeaderStage), Reason: m.Header(kafka.HeaderReason),
		Rule: m.Header(kafka.HeaderRule), Step: m.Header(kafka.HeaderStep), Topic: m.Header(kafka.HeaderTopic),
		Producer: m.Header(kafka.HeaderProducer), Origin: m.Header(kafka.HeaderOrigin), Position: m.Header(kafka.HeaderPosition), SHA256: m.Header(kafka.HeaderSHA256),
		Key: m.Key, Value: m.Value, Headers: theirs(m),
	}
	l.Attempts = max(1, number(m.Header(kafka.HeaderAttempts), 1))
	l.Partition, l.Offset = number(m.Header(kafka.HeaderPartition), -1), int64(number(m.Header(kafka.HeaderOffset), -1))
	l.Length = int64(number(m.Header(kafka.HeaderLength), 0))
	if t, err := time.Parse(time.RFC3339Nano, m.Header(kafka.HeaderReceived)); err == nil {
		l.Received = t
	}
	if a := m.Header(kafka.HeaderAttrs); a != "" {
		_ = json.Unmarshal([]byte(a), &l.Attrs) // what is no JSON says nothing
	}
	return l
}

// theirs are the headers of the original: those that the letter has in one of its own, or, of a command that failed, those beside its own.
func theirs(m kafka.Message) []kafka.Header {
	if text := m.Header(kafka.HeaderHeaders); text != "" {
		headers, err := kafka.UnpackHeaders(text)
		if err == nil {
			return headers
		}
	}
	var out []kafka.Header
	for _, h := range m.Headers {
		if !slices.Contains(ownHeaders(), h.Key) {
			out = append(out, h)
		}
	}
	return out
}

// ownHeaders are those that stages write.
func ownHeaders() []string {
	return []string{
		kafka.HeaderReason, kafka.HeaderStage, kafka.HeaderTopic, kafka.HeaderPartition, kafka.HeaderOffset, kafka.HeaderAttempts, kafka.HeaderRule,
		kafka.HeaderStep, kafka.HeaderLength, kafka.HeaderSHA256, kafka.HeaderProducer, kafka.HeaderOrigin, kafka.HeaderPosition, kafka.HeaderReceived,
		kafka.HeaderAttrs, kafka.HeaderHeaders,
	}
}

func number(s string, otherwise int) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return otherwise
	}
	return n
}

// ID names the letter at a place on the topic of dead letters.
func ID(partition int, offset int64) string { return fmt.Sprintf("%d-%d", partition, offset) }

// Whole tells whether all of the original is there.
func (l Letter) Whole() bool { return l.Length == 0 }

// Message is the original as it was on the topic that it came from, one of those, with the number of times that it was tried. An event keeps the identity that
// it had there, also where that came from its place: what it has led to is not done again.
func (l Letter) Message(topics kafka.Topics) kafka.Message {
	m := kafka.Message{Topic: l.Topic, Partition: l.Partition, Offset: l.Offset, Time: l.Time, Key: l.Key, Value: l.Value, Headers: l.Headers}
	headers := []kafka.Header{{Key: kafka.HeaderAttempts, Value: []byte(strconv.Itoa(l.Attempts))}}
	if topics.HasEvents(l.Topic) {
		if ev, err := m.Event(); err == nil {
			m = kafka.EventMessage(l.Topic, ev)
		}
	}
	for _, h := range m.Headers {
		if h.Key != kafka.HeaderAttempts {
			headers = append(headers, h)
		}
	}
	return kafka.Message{Topic: l.Topic, Key: m.Key, Value: m.Value, Headers: headers}
}

// mark is the message that says what became of a letter.
func mark(topic string, l Letter, done, by, why string) kafka.Message {
	return kafka.Message{Topic: topic, Key: []byte(l.ID), Headers: []kafka.Header{
		{Key: headerOf, Value: []byte(l.ID)}, {Key: headerDone, Value: []byte(done)}, {Key: headerBy, Value: []byte(by)}, {Key: headerWhy, Value: []byte(why)},
	}}
}
