package deadletter

import (
	"bytes"
	"slices"
	"testing"

	"github.com/riposte-security/riposte/internal/kafka"
)

// FuzzRead: whoever wrote what lies on the topic, it is a letter; what is wrong with its headers is not believed. What can be replayed has key, value and headers of
// the original as they were.
func FuzzRead(f *testing.F) {
	f.Add([]byte("k"), []byte("no JSON"), "3", "2", `{"a":"b"}`, `[{"key":"ce_source","value":"//x"}]`)
	f.Add([]byte(nil), []byte(nil), "9223372036854775808", "-2147483649", `{"a":1}`, `[{"key64":"/w==","base64":"/wA="},{}]`)
	f.Fuzz(func(t *testing.T, key, value []byte, offset, attempts, attrs, headers string) {
		l := read(kafka.Message{Partition: 1, Offset: 7, Key: key, Value: value, Headers: []kafka.Header{
			{Key: kafka.HeaderTopic, Value: []byte("riposte.block")}, {Key: kafka.HeaderOffset, Value: []byte(offset)}, {Key: kafka.HeaderAttempts, Value: []byte(attempts)},
			{Key: kafka.HeaderAttrs, Value: []byte(attrs)}, {Key: kafka.HeaderHeaders, Value: []byte(headers)}, {Key: kafka.HeaderTopic, Value: []byte("theirs")},
		}})
		if l.ID != "1-7" || l.Topic != "riposte.block" || l.Attempts < 1 {
			t.Fatalf("%+v", l)
		}
		m := l.Message(kafka.Topics{Events: "riposte.events"})
		if !bytes.Equal(m.Key, key) || !bytes.Equal(m.Value, value) || m.Topic != l.Topic {
			t.Fatalf("%+v", m)
		}
		theirs, err := kafka.UnpackHeaders(headers)
		for _, h := range theirs {
			if err == nil && h.Key != kafka.HeaderAttempts && !slices.ContainsFunc(m.Headers, func(o kafka.Header) bool { return o.Key == h.Key && bytes.Equal(o.Value, h.Value) }) {
				t.Errorf("%q is gone: %+v", h.Key, m.Headers)
			}
		}
	})
}
