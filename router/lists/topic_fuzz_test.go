package lists

import (
	"maps"
	"testing"
	"time"

	"github.com/riposte-security/riposte/internal/kafka"
)

// FuzzTopic: whatever comes on the topic of a list of keys, it changes one entry, or none where it cannot be read, and the list does not grow beyond its bound.
func FuzzTopic(f *testing.F) {
	f.Add([]byte("192.0.2.1"), []byte(`{"until":"2026-12-01T00:00:00Z"}`))
	f.Add([]byte("a"), []byte(nil))
	f.Add([]byte(" "), []byte(`{"until":{}}`))
	f.Add([]byte("\xff\x00"), []byte(`{"until":1e400}`))
	f.Fuzz(func(t *testing.T, key, value []byte) {
		const most = 2
		end := time.Unix(1, 0)
		list := &topicList{
			List:    &List{conf: ListConfig{Expires: "until", MaxEntries: most, kafka: &KafkaConfig{Mode: modeKeys}}},
			entries: map[string]time.Time{"a": end, "b": end},
		}
		before := maps.Clone(list.entries)
		err := list.key(kafka.Message{Key: key, Value: value})
		changed := len(before) - len(list.entries)
		for name, until := range list.entries {
			if was, known := before[name]; !known || !was.Equal(until) {
				changed++
			}
		}
		if len(list.entries) > most || changed > 1 || err != nil && !maps.Equal(before, list.entries) {
			t.Errorf("%v: %v", err, list.entries)
		}
	})
}
