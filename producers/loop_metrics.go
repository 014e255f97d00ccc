package producers

import (
	"context"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics count what producers did, by producer. Nil counts nothing.
type Metrics struct {
	records, events, deadLetters, failures *prometheus.CounterVec
	dropped                                *prometheus.CounterVec // by producer and reason
	up                                     *prometheus.GaugeVec
}

// NewMetrics makes the counters and registers them with reg.
func NewMetrics(reg prometheus.Registerer) (*Metrics, error) {
	counter := func(name, help string, more ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "riposte", Subsystem: "producer", Name: name, Help: help}, append([]string{"producer"}, more...))
	}
	m := &Metrics{
		records:     counter("records_total", "Records taken from sources and made durable, as events or dead letters."),
		events:      counter("events_total", "Events published."),
		deadLetters: counter("deadletters_total", "Records that became dead letters."),
		failures:    counter("failures_total", "Times that a source failed, and was started anew."),
		dropped:     counter("dropped_total", "What came to a source that it could not take and could make nobody send again, by reason.", "reason"),
		up: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "riposte", Subsystem: "producer", Name: "up",
			Help: "1 while the source runs, 0 while it waits to be started anew."}, []string{"producer"}),
	}
	for _, c := range []prometheus.Collector{m.records, m.events, m.deadLetters, m.failures, m.dropped, m.up} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("producer metrics: %w", err)
		}
	}
	return m, nil
}

func (m *Metrics) add(producer string, records, events, deadLetters int) {
	if m == nil {
		return
	}
	m.records.WithLabelValues(producer).Add(float64(records))
	m.events.WithLabelValues(producer).Add(float64(events))
	m.deadLetters.WithLabelValues(producer).Add(float64(deadLetters))
}

// started and ended bracket a run of a source.
func (m *Metrics) started(producer string) {
	if m == nil {
		return
	}
	m.up.WithLabelValues(producer).Set(1)
}

func (m *Metrics) ended(producer string, err error) {
	if m == nil {
		return
	}
	if err == nil { // it is exhausted: nobody is to be called for it
		m.up.DeleteLabelValues(producer)
		return
	}
	m.up.WithLabelValues(producer).Set(0)
	m.failures.WithLabelValues(producer).Inc()
}

type dropKey struct{}

// Dropped counts n of what came to a source that it could neither take nor make its sender send again. The source calls it with the ctx of
// its Run and a reason that is a label of the metric: a word or two, of a fixed set. What was dropped also belongs in the log.
func Dropped(ctx context.Context, n int64, reason string) {
	if f, ok := ctx.Value(dropKey{}).(func(int64, string)); ok {
		f(n, reason)
	}
}

// withDrops returns a ctx whose drops are counted.
func (m *Metrics) withDrops(ctx context.Context, producer string) context.Context {
	if m == nil {
		return ctx
	}
	return context.WithValue(ctx, dropKey{}, func(n int64, reason string) {
		m.dropped.WithLabelValues(producer, reason).Add(float64(n))
	})
}
