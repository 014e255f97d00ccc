package producers

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics count what producers did, by producer. Nil counts nothing.
type Metrics struct {
	records, events, deadLetters *prometheus.CounterVec
}

// NewMetrics makes the counters and registers them with reg.
func NewMetrics(reg prometheus.Registerer) (*Metrics, error) {
	counter := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "riposte", Subsystem: "producer", Name: name, Help: help}, []string{"producer"})
	}
	m := &Metrics{
		records:     counter("records_total", "Records taken from sources and made durable, as events or dead letters."),
		events:      counter("events_total", "Events published."),
		deadLetters: counter("deadletters_total", "Records that became dead letters."),
	}
	for _, c := range []prometheus.Collector{m.records, m.events, m.deadLetters} {
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
