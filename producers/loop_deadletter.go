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
		{kafka.HeaderReason, clip(reason.Error(), maxReason)}, {kafka.HeaderStage, "produce"},
		{kafka.HeaderTopic, ""}, {kafka.HeaderPartition, ""}, {kafka.HeaderOffset, ""},
		{kafka.HeaderAttempts, strconv.Itoa(kafka.Attempts(r.Attrs[AttrAttempts]) + 1)}, {kafka.HeaderProducer, l.Name},
		{kafka.HeaderOrigin, clip(r.Origin, maxReason)}, {kafka.HeaderPosition, clip(r.Position, maxReason)},
		{kafka.HeaderReceived, r.Received.UTC().Format("2006-01-02T15:04:05.999999999Z07:00")}, {kafka.HeaderAttrs, attrsJSON(r.Attrs)},
		{kafka.HeaderLength, length}, {kafka.HeaderSHA256, sum},
	} {
		if h[1] == "" && (h[0] == kafka.HeaderLength || h[0] == kafka.HeaderSHA256 || h[0] == kafka.HeaderAttrs) {
			continue
		}
		m.Headers = append(m.Headers, kafka.Header{Key: h[0], Value: []byte(h[1])})
	}
	return m
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
// index of each in the batch and the reason, before emit returns, one after the other. It is for sources that can tell their sender.
func WithReport(ctx context.Context, refused func(index int, reason error)) context.Context {
	return context.WithValue(ctx, reportKey{}, refused)
}

// Report tells the source, if it asked to know, that a record became a dead letter. The loop calls it; so do tests of sources.
func Report(ctx context.Context, index int, reason error) {
	if f, ok := ctx.Value(reportKey{}).(func(int, error)); ok {
		f(index, reason)
	}
}
