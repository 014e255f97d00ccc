package app

import (
	"slices"
	"testing"
	"time"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/kafka"
)

// BenchmarkPublishToEffect measures from the moment at which an event is published on the events topic until its alert has arrived at the
// receiver, one event at a time, through `riposte up`: embedded broker, router, consumer, SQLite ledger, webhook.
func BenchmarkPublishToEffect(b *testing.B) {
	u := startUp(b)
	w := u.kafka.NewWriter()
	defer w.Close()
	publish := func() time.Duration {
		select {
		case <-u.calls.came:
		default:
		}
		began := time.Now()
		if err := w.Publish(b.Context(), kafka.Message{Topic: u.kafka.Topics().Events, Value: []byte(`{"kind":"login_failed"}`)}); err != nil {
			b.Fatal(err)
		}
		select {
		case <-u.calls.came:
		case <-time.After(await.Long):
			b.Fatal("no alert within 30 s")
		}
		return time.Since(began)
	}
	for range 20 { // connections are made, groups have joined
		publish()
	}
	var took []time.Duration
	for b.Loop() {
		took = append(took, publish())
	}
	slices.Sort(took)
	for name, q := range map[string]float64{"p50-ms": 0.50, "p99-ms": 0.99} {
		b.ReportMetric(float64(took[int(q*float64(len(took)-1))].Microseconds())/1000, name)
	}
}
