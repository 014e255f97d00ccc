package kafka

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
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

// DeadLetter makes the dead letter of m, which was read from Kafka: the original key, bytes and headers, with the reason and the place
// before them. What would be larger than a message may be keeps the first 64 KiB, length and SHA-256.
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
	own := len(d.Headers)
	d.Headers = append(d.Headers, m.Headers...)
	if d.Size() <= MaxMessage {
		return d
	}
	return truncated(d, own, keepBytes)
}

// Attempts reads how often something was tried before it was replayed, as a dead letter says; 0 where that is no number, or none to be believed.
func Attempts(said string) int {
	n, err := strconv.Atoi(said)
	if err != nil || n < 0 || n > maxAttempts {
		return 0
	}
	return n
}

// truncated keeps the beginning of a dead letter. Headers of the original that are themselves large go.
func truncated(d Message, own, keep int) Message {
	sum := sha256.Sum256(d.Value)
	headers := append([]Header{}, d.Headers[:own]...)
	headers = append(headers,
		Header{Key: HeaderLength, Value: []byte(strconv.Itoa(len(d.Value)))}, Header{Key: HeaderSHA256, Value: []byte(hex.EncodeToString(sum[:]))})
	room := keep
	for _, h := range d.Headers[own:] {
		if n := len(h.Key) + len(h.Value); n <= room {
			headers = append(headers, h)
			room -= n
		}
	}
	d.Headers, d.Value = headers, d.Value[:min(len(d.Value), keep)]
	d.Key = d.Key[:min(len(d.Key), keepKey)]
	return d
}
