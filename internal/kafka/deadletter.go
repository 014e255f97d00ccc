package kafka

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// Headers of dead letters. Topic, partition and offset are empty where the original was no Kafka message.
const (
	HeaderReason    = "reason"
	HeaderStage     = "stage"
	HeaderTopic     = "topic"
	HeaderPartition = "partition"
	HeaderOffset    = "offset"
	HeaderAttempts  = "attempts"
	HeaderRule      = "rule"
	HeaderStep      = "step"
	HeaderLength    = "length" // of the original, where only its beginning was kept
	HeaderSHA256    = "sha256" // of the original, in hex, likewise

	// Those of a producer's dead letter, with which a record can be read again.
	HeaderProducer = "producer"
	HeaderOrigin   = "origin"
	HeaderPosition = "position"
	HeaderReceived = "received"
	HeaderAttrs    = "attrs" // a JSON object

	// HeaderHeaders has the headers of the original, see UnpackHeaders: whoever wrote them may have used any of the names above.
	HeaderHeaders = "headers"
)

const (
	keepBytes  = 64 << 10 // of an original that does not fit
	keepReason = 4 << 10  // of a reason
	keepKey    = 1 << 10  // of a key, likewise

	maxAttempts = 1_000_000 // that anybody may claim were made before
)

// A Failure says why a message became a dead letter. Rule and Step may be empty.
type Failure struct {
	Stage, Reason string
	Attempts      int // 1 if zero
	Rule, Step    string
}

// DeadLetter makes the dead letter of m, which was read from Kafka: the original key and bytes, and in headers the reason, the place, and the headers of the
// original. What would be larger than a message may be keeps the first 64 KiB, length and SHA-256.
func (c *Client) DeadLetter(m Message, f Failure) Message {
	d := Message{Topic: c.topics.DeadLetter, Key: m.Key, Value: m.Value}
	add := func(key, value string) {
		if value != "" {
			d.Headers = append(d.Headers, Header{Key: key, Value: []byte(value)})
		}
	}
	add(HeaderReason, f.Reason[:min(len(f.Reason), keepReason)])
	add(HeaderStage, f.Stage)
	add(HeaderTopic, m.Topic)
	add(HeaderPartition, strconv.Itoa(m.Partition))
	add(HeaderOffset, strconv.FormatInt(m.Offset, 10))
	add(HeaderAttempts, strconv.Itoa(Attempts(m.Header(HeaderAttempts))+max(1, f.Attempts)))
	add(HeaderRule, f.Rule)
	add(HeaderStep, f.Step)
	own := d.Headers
	add(HeaderHeaders, packHeaders(m.Headers))
	if d.Size() <= MaxMessage {
		return d
	}
	sum := sha256.Sum256(m.Value)
	d.Headers = own
	add(HeaderLength, strconv.Itoa(len(m.Value)))
	add(HeaderSHA256, hex.EncodeToString(sum[:]))
	add(HeaderHeaders, packHeaders(small(m.Headers, keepBytes)))
	d.Key, d.Value = d.Key[:min(len(d.Key), keepKey)], d.Value[:min(len(d.Value), keepBytes)]
	return d
}

// small leaves out headers that do not fit into room when they are packed: those that are themselves large, and what of many comes last.
func small(headers []Header, room int) (out []Header) {
	for i, h := range headers {
		if n := len(packHeaders(headers[i : i+1])); n <= room {
			out = append(out, h)
			room -= n
		}
	}
	return out
}

// A packed header is one of the original. What is no UTF-8 is in base64.
type packed struct {
	Key    string  `json:"key,omitempty"`
	Value  *string `json:"value,omitempty"`
	Key64  []byte  `json:"key64,omitempty"`
	Base64 []byte  `json:"base64,omitempty"`
}

// packHeaders makes a text of headers; "" of none.
func packHeaders(headers []Header) string {
	if len(headers) == 0 {
		return ""
	}
	all := make([]packed, len(headers))
	for i, h := range headers {
		if utf8.ValidString(h.Key) {
			all[i].Key = h.Key
		} else {
			all[i].Key64 = []byte(h.Key)
		}
		if utf8.Valid(h.Value) {
			text := string(h.Value)
			all[i].Value = &text
		} else {
			all[i].Base64 = h.Value
		}
	}
	text, _ := json.Marshal(all) // strings and bytes can always be written
	return string(text)
}

// UnpackHeaders reads the headers of the original in a dead letter.
func UnpackHeaders(text string) ([]Header, error) {
	var all []packed
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		return nil, fmt.Errorf("headers of a dead letter: %w", err)
	}
	headers := make([]Header, len(all))
	for i, h := range all {
		headers[i] = Header{Key: h.Key, Value: h.Base64}
		if h.Key64 != nil {
			headers[i].Key = string(h.Key64)
		}
		if h.Value != nil {
			headers[i].Value = []byte(*h.Value)
		}
	}
	return headers, nil
}

// Attempts reads how often something was tried before it was replayed, as a dead letter says; 0 where that is no number, or none to be believed.
func Attempts(said string) int {
	n, err := strconv.Atoi(said)
	if err != nil || n < 0 || n > maxAttempts {
		return 0
	}
	return n
}
