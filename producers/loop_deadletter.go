package producers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/riposte-security/riposte/internal/kafka"
)

// Headers of a dead letter. Topic, partition and offset are empty where the original was no Kafka message. The last five are a producer's
// own: with them a record can be read again.
const (
	headerReason    = "reason"
	headerStage     = "stage"
	headerTopic     = "topic"
	headerPartition = "partition"
	headerOffset    = "offset"
	headerAttempts  = "attempts"
	headerProducer  = "producer"
	headerOrigin    = "origin"
	headerPosition  = "position"
	headerReceived  = "received"
	headerAttrs     = "attrs" // a JSON object
	headerLength    = "length"
	headerSHA256    = "sha256"
)

const (
	maxReason   = 4 << 10
	maxAttrs    = 16 << 10
	maxOriginal = kafka.MaxMessage - 64<<10 // bytes of a record that a dead letter takes whole, with room for the headers
)

// deadLetter makes the message for a record that gave no event: its bytes as they came or, of one that does not fit, the first
// DeadLetterBytes with length and SHA-256 of the whole.
func (l *loop) deadLetter(r Record, reason error) kafka.Message {
	m := kafka.Message{Topic: l.DeadLetter, Value: r.Data}
	length, sum := r.Attrs[AttrLength], r.Attrs[AttrSHA256]
	if len(r.Data) > maxOriginal {
		h := sha256.Sum256(r.Data)
		length, sum = strconv.Itoa(len(r.Data)), hex.EncodeToString(h[:])
		m.Value = r.Data[:DeadLetterBytes]
	}
	for _, h := range [][2]string{
		{headerReason, clip(reason.Error(), maxReason)}, {headerStage, "produce"}, {headerTopic, ""}, {headerPartition, ""}, {headerOffset, ""},
		{headerAttempts, strconv.Itoa(attempts(r))}, {headerProducer, l.Name}, {headerOrigin, clip(r.Origin, maxReason)}, {headerPosition, clip(r.Position, maxReason)},
		{headerReceived, r.Received.UTC().Format("2006-01-02T15:04:05.999999999Z07:00")}, {headerAttrs, attrsJSON(r.Attrs)},
		{headerLength, length}, {headerSHA256, sum},
	} {
		if h[1] == "" && (h[0] == headerLength || h[0] == headerSHA256 || h[0] == headerAttrs) {
			continue
		}
		m.Headers = append(m.Headers, kafka.Header{Key: h[0], Value: []byte(h[1])})
	}
	return m
}

// attempts is how often a record was tried, this time included.
func attempts(r Record) int {
	before, err := strconv.Atoi(r.Attrs[AttrAttempts])
	if err != nil || before < 0 || before > 1_000_000 {
		before = 0
	}
	return before + 1
}

// attrsJSON writes attributes as a JSON object; what is only about the problem, and what is too large, is left out.
func attrsJSON(attrs map[string]string) string {
	kept := make(map[string]string, len(attrs))
	for k, v := range attrs {
		if k != AttrProblem && k != AttrLength && k != AttrSHA256 && k != AttrAttempts {
			kept[k] = v
		}
	}
	if len(kept) == 0 {
		return ""
	}
	b, err := json.Marshal(kept)
	if err != nil || len(b) > maxAttrs {
		return ""
	}
	return string(b)
}

// clip shortens s to n bytes of valid UTF-8.
func clip(s string, n int) string {
	if len(s) > n {
		s = s[:n]
	}
	return strings.ToValidUTF8(s, "")
}

type reportKey struct{}

// WithReport returns a ctx for emit that lets a source learn which records of the batch became dead letters: refused is called with the
// index of each in the batch and the reason, before emit returns, from one goroutine. It is for sources that can tell their sender.
func WithReport(ctx context.Context, refused func(index int, reason error)) context.Context {
	return context.WithValue(ctx, reportKey{}, refused)
}

// Report tells the source, if it asked to know, that a record became a dead letter. The loop calls it; so do tests of sources.
func Report(ctx context.Context, index int, reason error) {
	if f, ok := ctx.Value(reportKey{}).(func(int, error)); ok {
		f(index, reason)
	}
}
