package router

import (
	"bytes"
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/kafka"
)

func TestDeadLettersAreLogged(t *testing.T) {
	var out bytes.Buffer
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	l := newDeadLog(zerolog.New(&out), func() time.Time { return now })
	from := &kafka.Message{Topic: "riposte.events", Partition: 3, Offset: 41}
	miss := kafka.Failure{Reason: "no target", Rule: "r", Step: "block:a"}
	for range 500 {
		l.wrote("miss", from, miss)
	}
	l.wrote("unreadable", from, kafka.Failure{Reason: strings.Repeat("x", 10_000)})
	l.flush() // too early
	now = now.Add(deadEvery)
	l.wrote("miss", from, miss)
	l.wrote("miss", from, miss)
	now = now.Add(deadEvery)
	l.flush()
	l.flush()
	var got []map[string]any
	for line := range strings.Lines(out.String()) {
		var m map[string]any
		must(t, json.Unmarshal([]byte(line), &m))
		got = append(got, m)
	}
	first := map[string]any{
		"level": "warn", "message": "dead letter written", "kind": "miss", "reason": "no target", "rule": "r", "step": "block:a",
		"topic": "riposte.events", "partition": 3.0, "offset": 41.0,
	}
	second := map[string]any{"not_logged": 499.0}
	maps.Copy(second, first)
	want := []map[string]any{
		first,
		{
			"level": "warn", "message": "dead letter written", "kind": "unreadable", "reason": strings.Repeat("x", cutText),
			"topic": "riposte.events", "partition": 3.0, "offset": 41.0,
		},
		second,
		{"level": "warn", "message": "dead letters written", "kind": "miss", "not_logged": 1.0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}
