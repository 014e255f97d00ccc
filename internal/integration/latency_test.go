//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/await"
)

// latency measures the time from before an event is published to the call of the webhook, at a steady rate, and what of it passes until the
// router has decided. It asserts only that all arrive.
func latency(t *testing.T, d *deployment) {
	const events, every = 300, 20 * time.Millisecond
	first := message{Topic: d.kafka.Topics().Events, Value: []byte(`{"kind":"warm","n":0}`)}
	if err := d.writer.Publish(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	await.Until(t, "the groups are joined and work", func() bool { return len(d.hook.of("warm")) >= 1 })

	var publishing errgroup.Group
	tick := time.NewTicker(every)
	defer tick.Stop()
	for i := range events {
		<-tick.C
		m := message{Topic: d.kafka.Topics().Events, Value: fmt.Appendf(nil, `{"kind":"latency","n":%d,"sent":%d}`, i, time.Now().UnixNano())}
		publishing.Go(func() error { return d.writer.Publish(t.Context(), m) })
	}
	if err := publishing.Wait(); err != nil {
		t.Fatal(err)
	}
	await.Until(t, "every event is alerted", func() bool { return len(d.hook.of("latency")) >= events })

	decided := map[string]time.Time{} // by command
	for _, e := range d.list(t, ledger.Filter{Rule: "it-webhook"}) {
		decided[e.Command.ID] = e.Command.Created
	}
	var router, consumer, whole spread
	for _, c := range d.hook.of("latency") {
		sent, at := time.Unix(0, c.event.Sent), decided[c.id]
		router, consumer, whole = append(router, at.Sub(sent)), append(consumer, c.at.Sub(at)), append(whole, c.at.Sub(sent))
	}
	t.Logf("publish to webhook on Kafka and PostgreSQL, %d events, %s apart: %s", len(whole), every, whole)
	t.Logf("  publish to decision: %s", router)
	t.Logf("  decision to webhook: %s", consumer)
}

// A spread is how long something took, each time.
type spread []time.Duration

func (s spread) String() string {
	slices.Sort(s)
	ms := func(d time.Duration) string { return fmt.Sprintf("%.1f ms", d.Seconds()*1000) }
	return fmt.Sprintf("p50 %s, p99 %s, worst %s", ms(s[len(s)/2]), ms(s[len(s)*99/100]), ms(s[len(s)-1]))
}

// unmapped reads what a custom event holds into v.
func unmapped(t *testing.T, e ledger.Entry, v any) {
	t.Helper()
	var event struct {
		Unmapped json.RawMessage `json:"unmapped"`
	}
	err := json.Unmarshal(e.Command.Event, &event)
	if err == nil {
		err = json.Unmarshal(event.Unmapped, v)
	}
	if err != nil {
		t.Fatal(err)
	}
}
