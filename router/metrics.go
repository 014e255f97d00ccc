package router

import (
	"errors"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/schemas"
)

// ruleLabels is how many rules have a series of their own; the rest share one.
const ruleLabels = 1000

type metrics struct {
	events, commands, dead, lost *prometheus.CounterVec
	matches, sheds, failures     *prometheus.CounterVec
	publications                 prometheus.Counter
	contributions                *prometheus.CounterVec
	correlated                   *prometheus.CounterVec
	groups, memory               prometheus.Gauge
	decide, publish              prometheus.Histogram

	mu     sync.Mutex
	labels map[string]struct{}
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "riposte", Subsystem: "router", Name: name, Help: help}, labels)
	}
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "riposte", Subsystem: "router", Name: name, Help: help, Buckets: buckets,
		})
	}
	m := &metrics{
		events:   counter("events_total", "Messages read and dealt with.", "topic"),
		commands: counter("commands_total", "Commands published.", "lane"),
		dead:     counter("dead_letters_total", "Dead letters published.", "reason"),
		lost:     counter("lost_messages_total", "Messages that were never read: retention removed them before, or no memory holds what they become (unreadable).", "topic", "cause"),
		matches:  counter("rule_matches_total", "Events that a rule held for.", "rule"),
		failures: counter("rule_failures_total", "Events on which a rule could not be evaluated; each counts as no match.", "rule"),
		sheds:    counter("rule_shed_total", "Firings of a rule that were held back, being above its max_rate.", "rule"),
		publications: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "riposte", Subsystem: "router", Name: "publications_total", Help: "Events copied to other topics.",
		}),
		contributions: counter("contributions_total", "What correlations need of an event, published, by correlation.", "rule"),
		correlated: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: "riposte", Subsystem: "correlate", Name: "contributions_total",
			Help: "Contributions read, by correlation and what became of them: counted, repeated, late, shed, unknown.",
		}, []string{"rule", "result"}),
		groups: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "riposte", Subsystem: "correlate", Name: "groups", Help: "Groups of correlations in memory.",
		}),
		memory: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "riposte", Subsystem: "correlate", Name: "memory_bytes", Help: "Memory of correlations, as estimated against its bound.",
		}),
		decide:  histogram("decide_seconds", "Time that all rules took for one event, of every sixteenth.", prometheus.ExponentialBuckets(1e-6, 4, 10)),
		publish: histogram("publish_seconds", "Time until everything that follows from a batch was acknowledged.", prometheus.ExponentialBuckets(1e-3, 2, 14)),
		labels:  map[string]struct{}{},
	}
	if reg == nil {
		return m, nil
	}
	var errs []error
	for _, c := range []prometheus.Collector{
		m.events, m.commands, m.dead, m.lost, m.matches, m.sheds, m.failures, m.publications, m.decide, m.publish,
		m.contributions, m.correlated, m.groups, m.memory,
	} {
		errs = append(errs, reg.Register(c))
	}
	return m, errors.Join(errs...)
}

// label is the rule's id, or "other" when too many rules have been seen.
func (m *metrics) label(rule string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, ok := m.labels[rule]; ok {
		return rule
	}
	if len(m.labels) == ruleLabels {
		return "other"
	}
	m.labels[rule] = struct{}{}
	return rule
}

func (m *metrics) matched(rule string) { m.matches.WithLabelValues(m.label(rule)).Inc() }
func (m *metrics) failed(rule string)  { m.failures.WithLabelValues(m.label(rule)).Inc() }
func (m *metrics) shed(rule string)    { m.sheds.WithLabelValues(m.label(rule)).Inc() }

func (m *metrics) command(lane schemas.Lane) func() {
	return m.commands.WithLabelValues(string(lane)).Inc
}

// gone counts what a group never saw.
func (m *metrics) gone(g kafka.Gap) { m.lost.WithLabelValues(g.Topic, g.Cause()).Add(g.Messages()) }
