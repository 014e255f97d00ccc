package kafka

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
)

// Headers of dead letters.
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
	before, err := strconv.Atoi(m.Header(HeaderAttempts)) // of a dead letter that was replayed
	if err != nil || before < 0 || before > maxAttempts {
		before = 0
	}
	add(HeaderAttempts, strconv.Itoa(before+max(1, f.Attempts)))
	add(HeaderRule, f.Rule)
	add(HeaderStep, f.Step)
	own := len(d.Headers)
	d.Headers = append(d.Headers, m.Headers...)
	if d.Size() <= MaxMessage {
		return d
	}
	return truncated(d, own, keepBytes)
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
