//go:build integration

package integration

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// latency measures the time from before an event is published to the call of the webhook, at a steady rate. It asserts only that all arrive.
func latency(t *testing.T, d *deployment) {
	const events, every = 300, 20 * time.Millisecond
	tick := time.NewTicker(every)
	defer tick.Stop()
	for i := range events {
		<-tick.C
		d.publish(t, d.kafka.Topics().Events, fmt.Sprintf(`{"kind":"latency","n":%d,"sent":%d}`, i, time.Now().UnixNano()))
	}
	eventually(t, patience, "every event is alerted", func() bool { return len(d.hook.of("latency")) >= events })
	var took []time.Duration
	for _, c := range d.hook.of("latency") {
		took = append(took, c.at.Sub(time.Unix(0, c.event.Sent)))
	}
	slices.Sort(took)
	t.Logf("publish to webhook on Kafka and PostgreSQL, %d events, %s apart: p50 %s, p99 %s, worst %s", len(took), every,
		took[len(took)/2].Round(100*time.Microsecond), took[len(took)*99/100].Round(100*time.Microsecond), took[len(took)-1].Round(100*time.Microsecond))
}
