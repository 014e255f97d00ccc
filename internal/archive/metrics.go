package archive

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	records, bytes, segments, lost *prometheus.CounterVec
	last, lag                      *prometheus.GaugeVec
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "riposte", Subsystem: "archive", Name: name, Help: help}, labels)
	}
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "riposte", Subsystem: "archive", Name: name, Help: help}, []string{"topic"})
	}
	m := &metrics{
		records:  counter("records_total", "Records in segments that were written.", "topic"),
		bytes:    counter("bytes_total", "Bytes of those records, before compression.", "topic"),
		segments: counter("segments_total", "Segments written.", "topic"),
		lost:     counter("lost_messages_total", "Messages that were never archived: retention removed them before, or no memory holds what they become (unreadable).", "topic", "cause"),
		last:     gauge("last_segment_timestamp_seconds", "When the last segment was written."),
		lag:      gauge("lag_messages", "Messages that are not archived yet."),
	}
	if reg == nil {
		return m, nil
	}
	var errs []error
	for _, c := range []prometheus.Collector{m.records, m.bytes, m.segments, m.lost, m.last, m.lag} {
		errs = append(errs, reg.Register(c))
	}
	return m, errors.Join(errs...)
}

func (m *metrics) written(s *segment) {
	topic := s.manifest.Topic
	m.records.WithLabelValues(topic).Add(float64(s.manifest.Count))
	m.bytes.WithLabelValues(topic).Add(float64(s.manifest.Bytes))
	m.segments.WithLabelValues(topic).Inc()
	m.last.WithLabelValues(topic).Set(float64(s.manifest.Created.Unix()))
}

func (m *metrics) behind(lag map[string]map[int]int64) {
	for topic, of := range lag {
		n := int64(0)
		for _, l := range of {
			n += l
		}
		m.lag.WithLabelValues(topic).Set(float64(n))
	}
}
