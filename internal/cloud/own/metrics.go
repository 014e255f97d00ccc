package own

import "github.com/prometheus/client_golang/prometheus"

// Collector shows how old the lists are.
func (a *Addresses) Collector() prometheus.Collector {
	labels := []string{"account", "region"}
	return collector{a,
		prometheus.NewDesc("riposte_own_addresses", "Addresses and networks of our own that are never blocked.", labels, nil),
		prometheus.NewDesc("riposte_own_addresses_read_timestamp_seconds", "When the list in use was read; 0 where there is none.", labels, nil),
		prometheus.NewDesc("riposte_own_addresses_failing", "1 while a list cannot be read anew.", labels, nil),
	}
}

type collector struct {
	a                      *Addresses
	entries, read, failing *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c collector) Describe(ch chan<- *prometheus.Desc) {
	ch <- c.entries
	ch <- c.read
	ch <- c.failing
}

// Collect implements prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	for _, s := range c.a.Status() {
		read, failing := 0.0, 0.0
		if !s.Read.IsZero() {
			read = float64(s.Read.UnixMilli()) / 1000
		}
		if s.Err != nil {
			failing = 1
		}
		account := s.Account
		if account == "" {
			account = "own"
		}
		for desc, v := range map[*prometheus.Desc]float64{c.entries: float64(s.Entries), c.read: read, c.failing: failing} {
			ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, v, account, s.Region)
		}
	}
}
