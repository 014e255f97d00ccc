package consumers

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/riposte-security/riposte/schemas"
)

type metrics struct {
	entered    *prometheus.CounterVec
	unreadable *prometheus.CounterVec
	forged     *prometheus.CounterVec
	commands   *prometheus.CounterVec
	retries    *prometheus.CounterVec
	drift      *prometheus.CounterVec
	foreign    *prometheus.GaugeVec
	open       *prometheus.GaugeVec
	stopped    *prometheus.GaugeVec
	fromEvent  *prometheus.HistogramVec
	fromRouter *prometheus.HistogramVec
}

func newMetrics(r prometheus.Registerer) (metrics, error) {
	const namespace, subsystem = "riposte", "consumer"
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help}, labels)
	}
	histogram := func(name, help string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: subsystem, Name: name, Help: help,
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 86400},
		}, []string{"lane"})
	}
	m := metrics{
		entered:    counter("entered_total", "Commands entered in the ledger, each once.", "lane"),
		unreadable: counter("unreadable_total", "Messages that were no command and became dead letters.", "lane"),
		forged:     counter("forged_total", "Commands, control messages, approvals and undos that no trusted key has signed, and that had no effect.", "what"),
		commands:   counter("commands_total", "Commands that reached a state in which they end or wait.", "lane", "action", "state"),
		retries:    counter("retries_total", "Tries that failed and will be repeated.", "lane", "action"),
		open: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "open_commands", Help: "Commands in the ledger that are not finished.",
		}, []string{"lane", "state"}),
		drift: counter("drift_total", "Effects in force that were not there any more (missing), or were there past their time (leftover).", "action", "kind"),
		foreign: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "foreign_entries", Help: "Entries of an enforcer that are none of riposte's.",
		}, []string{"action", "enforcer"}),
		stopped: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: namespace, Subsystem: subsystem, Name: "stopped", Help: "1 while the kill switch keeps the lane from acting.",
		}, []string{"lane"}),
		fromEvent:  histogram("event_to_effect_seconds", "From the event's own time to the effect."),
		fromRouter: histogram("command_to_effect_seconds", "From the router's decision to the effect."),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.entered, m.unreadable, m.forged, m.commands, m.retries, m.open, m.stopped, m.drift, m.foreign, m.fromEvent, m.fromRouter} {
		if err := r.Register(c); err != nil {
			return m, fmt.Errorf("metrics: %w", err)
		}
	}
	return m, nil
}

// effect notes that a command has just taken effect.
func (m metrics) effect(cmd schemas.Command, now time.Time) {
	lane := string(cmd.Lane)
	m.fromEvent.WithLabelValues(lane).Observe(max(0, now.Sub(cmd.EventTime).Seconds()))
	m.fromRouter.WithLabelValues(lane).Observe(max(0, now.Sub(cmd.Created).Seconds()))
}

// show sets the gauge of what is open, zeros included.
func (m metrics) show(lanes []schemas.Lane, depth map[schemas.Lane]map[schemas.State]int64) {
	for _, lane := range lanes {
		for _, state := range schemas.States() {
			if !state.Terminal() {
				m.open.WithLabelValues(string(lane), string(state)).Set(float64(depth[lane][state]))
			}
		}
	}
}
