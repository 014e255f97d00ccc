package deadletter

import (
	"bytes"
	"testing"

	"github.com/riposte-security/riposte/internal/kafka"
)

// FuzzRead: whoever wrote what lies on the topic, it is a letter, and the original that it is replayed as has its key, its value and, besides the stages' own
// headers, every header. What was replayed and comes back says the same.
func FuzzRead(f *testing.F) {
	f.Add([]byte("k"), []byte("{}"), "3", "42", "2", `{"a":"b"}`, "ce_source", "//x")
	f.Add([]byte(nil), []byte(nil), "-1", "9223372036854775808", "-2147483649", `{"a":1}`, "topic", "")
	f.Fuzz(func(t *testing.T, key, value []byte, partition, offset, attempts, attrs, name, header string) {
		m := kafka.Message{Partition: 1, Offset: 7, Key: key, Value: value, Headers: []kafka.Header{
			{Key: kafka.HeaderTopic, Value: []byte("riposte.events")}, {Key: kafka.HeaderPartition, Value: []byte(partition)},
			{Key: kafka.HeaderOffset, Value: []byte(offset)}, {Key: kafka.HeaderAttempts, Value: []byte(attempts)},
			{Key: kafka.HeaderAttrs, Value: []byte(attrs)}, {Key: kafka.HeaderTopic, Value: []byte("theirs")}, {Key: "own", Value: []byte(name)},
			{Key: name, Value: []byte(header)},
		}}
		l := read(m)
		if l.ID != "1-7" || l.Topic != "riposte.events" || l.Attempts < 1 {
			t.Fatalf("%+v", l)
		}
		replayed := l.Message()
		if !bytes.Equal(replayed.Key, key) || !bytes.Equal(replayed.Value, value) || replayed.Topic != l.Topic {
			t.Fatalf("%+v", replayed)
		}
		for _, want := range []kafka.Header{{Key: kafka.HeaderTopic, Value: []byte("theirs")}, {Key: "own", Value: []byte(name)}} {
			if !contains(replayed.Headers, want) {
				t.Errorf("%s is gone: %+v", want.Key, replayed.Headers)
			}
		}
		if again := read(replayed); again.Attempts != l.Attempts {
			t.Errorf("%d attempts, %d after a replay", l.Attempts, again.Attempts)
		}
	})
}

func contains(all []kafka.Header, want kafka.Header) bool {
	for _, h := range all {
		if h.Key == want.Key && bytes.Equal(h.Value, want.Value) {
			return true
		}
	}
	return false
}
