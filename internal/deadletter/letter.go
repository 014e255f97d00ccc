// Package deadletter reads the topic of dead letters: what could not be understood or carried out, and what people have done about it since.
package deadletter

import (
	"encoding/json"
	"fmt"
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

// ownHeaders are those that stages put before the original's, each once.
func ownHeaders() []string {
	return []string{
		kafka.HeaderReason, kafka.HeaderStage, kafka.HeaderTopic, kafka.HeaderPartition, kafka.HeaderOffset, kafka.HeaderAttempts, kafka.HeaderRule,
		kafka.HeaderStep, kafka.HeaderLength, kafka.HeaderSHA256, kafka.HeaderProducer, kafka.HeaderOrigin, kafka.HeaderPosition, kafka.HeaderReceived, kafka.HeaderAttrs,
	}
}

// read makes a letter of a message. A message that nobody of riposte wrote is a letter as well, about which little is known.
func read(m kafka.Message) Letter {
	own := map[string]bool{}
	for _, name := range ownHeaders() {
		own[name] = true
	}
	known, original := map[string]string{}, []kafka.Header(nil)
	for _, h := range m.Headers { // the first of a name that stages use is the stage's: its own come before the original's
		if _, again := known[h.Key]; own[h.Key] && !again {
			known[h.Key] = string(h.Value)
		} else {
			original = append(original, h)
		}
	}
	l := Letter{
		ID: ID(m.Partition, m.Offset), Time: m.Time.UTC(), Stage: known[kafka.HeaderStage], Reason: known[kafka.HeaderReason],
		Rule: known[kafka.HeaderRule], Step: known[kafka.HeaderStep], Topic: known[kafka.HeaderTopic],
		Producer: known[kafka.HeaderProducer], Origin: known[kafka.HeaderOrigin], Position: known[kafka.HeaderPosition], SHA256: known[kafka.HeaderSHA256],
		Key: m.Key, Value: m.Value, Headers: original,
	}
	l.Attempts = max(1, number(known[kafka.HeaderAttempts], 1))
	l.Partition, l.Offset = number(known[kafka.HeaderPartition], -1), int64(number(known[kafka.HeaderOffset], -1))
	l.Length = int64(number(known[kafka.HeaderLength], 0))
	if t, err := time.Parse(time.RFC3339Nano, known[kafka.HeaderReceived]); err == nil {
		l.Received = t
	}
	if a := known[kafka.HeaderAttrs]; a != "" {
		_ = json.Unmarshal([]byte(a), &l.Attrs) // what is no JSON says nothing
	}
	return l
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

// Message is the original as it was on the topic that it came from, with the number of times that it was tried.
func (l Letter) Message() kafka.Message {
	headers := []kafka.Header{{Key: kafka.HeaderAttempts, Value: []byte(strconv.Itoa(l.Attempts))}}
	for _, h := range l.Headers {
		if h.Key != kafka.HeaderAttempts {
			headers = append(headers, h)
		}
	}
	return kafka.Message{Topic: l.Topic, Key: l.Key, Value: l.Value, Headers: headers}
}

// mark is the message that says what became of a letter.
func mark(topic string, l Letter, done, by, why string) kafka.Message {
	return kafka.Message{Topic: topic, Key: []byte(l.ID), Headers: []kafka.Header{
		{Key: headerOf, Value: []byte(l.ID)}, {Key: headerDone, Value: []byte(done)}, {Key: headerBy, Value: []byte(by)}, {Key: headerWhy, Value: []byte(why)},
	}}
}
