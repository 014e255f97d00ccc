package kafka_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/riposte-security/riposte/internal/kafka"
)

// readSince reads from a time on: what came before is left out, what comes after the call as well.
func readSince(t *testing.T, addrs []string) {
	c := newClient(t, addrs)
	topic := c.Topics().Outcomes
	read := func(since time.Time) []string {
		t.Helper()
		var got []string
		err := c.ReadSince(t.Context(), topic, since, func(_ context.Context, m kafka.Message) error {
			got = append(got, string(m.Value))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(got)
		return got
	}
	if got := read(time.Now().Add(-time.Hour)); len(got) != 0 {
		t.Errorf("an empty topic gives %v", got)
	}
	publish(t, c, topic, 0, 10)
	var last time.Time // in the log, of the broker's clock
	for _, m := range everything(t, c, topic) {
		if m.Time.After(last) {
			last = m.Time
		}
	}
	for later := false; !later; later = time.Now().After(last.Add(5 * time.Millisecond)) {
		<-time.After(5 * time.Millisecond)
	}
	publish(t, c, topic, 10, 13)
	if got := read(last.Add(time.Millisecond)); !slices.Equal(got, []string{"10", "11", "12"}) {
		t.Errorf("since the second publication: %v", got)
	}
	if got := read(time.Now().Add(-time.Hour)); len(got) != 13 {
		t.Errorf("since an hour: %v", got)
	}
	if got := read(time.Now().Add(time.Hour)); len(got) != 0 {
		t.Errorf("since what is to come: %v", got)
	}
}
