package lists

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	refreshes, damaged *prometheus.CounterVec
}

// collector tells of the lists at the time of a scrape: their age grows by itself.
type collector struct {
	m                    *Manager
	entries, age, loaded *prometheus.Desc
}

func newMetrics(m *Manager, reg prometheus.Registerer) (*metrics, error) {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName("riposte", "list", name), help, []string{"list"}, nil)
	}
	out := &metrics{refreshes: prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "riposte", Subsystem: "list", Name: "refreshes_total", Help: "Looks at the source of a list, by what came of them: changed, unchanged, failed.",
	}, []string{"list", "result"})}
	out.damaged = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "riposte", Subsystem: "geoip", Name: "damaged_records_total", Help: "Lookups in a GeoIP file that met a damaged record.",
	}, []string{"list"})
	if reg == nil {
		return out, nil
	}
	return out, errors.Join(reg.Register(out.refreshes), reg.Register(out.damaged), reg.Register(&collector{
		m:       m,
		entries: desc("entries", "Entries of the list in force."),
		age:     desc("age_seconds", "Time since the source confirmed the list in force."),
		loaded:  desc("loaded", "1 if the list has a good copy, 0 if it never had one: then it holds nothing."),
	}))
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	to <- c.entries
	to <- c.age
	to <- c.loaded
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, list string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, list)
	}
	for _, st := range c.m.States() {
		if !st.Loaded {
			gauge(c.loaded, 0, st.Name)
			continue
		}
		gauge(c.loaded, 1, st.Name)
		gauge(c.entries, float64(st.Entries), st.Name)
		gauge(c.age, c.m.now().Sub(st.Confirmed).Seconds(), st.Name)
	}
}

// A State is what can be said of a list now.
type State struct {
	Name      string
	Loaded    bool
	Entries   int
	Confirmed time.Time // when the source last confirmed the copy in force
}
