package router

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/router/correlate"
	"github.com/riposte-security/riposte/router/engine"
	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/schemas"
)

const benchRules = `
id: plain
title: A failed login
severity: high
class: authentication
when: status_id == 2 and service.name == "plain"
then: [ { alert: { group_by: src_endpoint.ip } } ]
---
id: counted
title: Many failed logins
severity: high
class: authentication
when: status_id == 2 and service.name == "counted"
correlate: { type: %s, group_by: [src_endpoint.ip], within: 5m%s }
then: [ { alert: {} } ]
`

// BenchmarkRoute is the cost of an event from the bytes that Kafka hands over to those that it is handed: without a match; with a rule that makes a
// command of it; and with a correlation that counts it, which takes another message, read by the correlator. 10,000 groups, of which a tenth fires.
func BenchmarkRoute(b *testing.B) {
	for _, c := range []struct{ name, service, typ, more string }{
		{"none", "other", "event_count", ", at_least: 10"}, {"command", "plain", "event_count", ", at_least: 10"},
		{"event_count", "counted", "event_count", ", at_least: 10"}, {"value_count", "counted", "value_count", ", value: user.name, at_least: 10"},
		{"absence", "counted", "absence", ""},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkRoute(b, fmt.Sprintf(benchRules, c.typ, c.more), c.service) })
	}
}

func benchmarkRoute(b *testing.B, text, service string) {
	rules, err := rule.Parse(rule.Options{}, "r.yaml", []byte(text))
	if err != nil {
		b.Fatal(err)
	}
	client, err := kafka.New(kafka.Config{Brokers: []string{"127.0.0.1:1"}}, zerolog.Nop()) // nobody calls there
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	at := time.UnixMilli(1_772_800_000_000)
	r, err := New(Config{}, Deps{Kafka: client, Decider: engine.New(rules, zerolog.Nop()), Now: func() time.Time { return at }})
	if err != nil {
		b.Fatal(err)
	}
	c := newCorrelator(r, nil)
	c.specs = r.correlations()
	s := &share{state: correlate.NewState(c.specs.byID, c.budget)}
	const groups = 10_000
	b.ReportAllocs()
	n := int64(0)
	for b.Loop() {
		g := n * 7919 % groups
		if g < groups/10 { // these come in bursts
			g = n / 20 % (groups / 10)
		}
		ms := at.UnixMilli() + n/10 // 10,000 events a second
		m := kafka.Message{Topic: r.topics.Events, Offset: n, Time: time.UnixMilli(ms), Value: fmt.Appendf(nil,
			`{"class_uid":3002,"status_id":2,"time":%d,"metadata":{"uid":"7e4b9a10-4d28-b0f1-%012x","version":"1.8.0"},"service":{"name":%q},`+
				`"user":{"name":"u%d"},"src_endpoint":{"ip":"2001:db8::%x"},"message":"Failed password for u%d from 2001:db8::%x port 40122 ssh2"}`,
			ms, n, service, n%97, g, n%97, g)}
		letters, err := r.route(context.Background(), &schemas.Reader{}, &m, r.now())
		if err != nil {
			b.Fatal(err)
		}
		for i := range letters {
			if letters[i].Topic != r.topics.Correlate {
				continue
			}
			letters[i].Time, letters[i].Offset = m.Time, n
			if err := c.take(context.Background(), s, &letters[i].Message); err != nil {
				b.Fatal(err)
			}
		}
		if n%10_000 == 0 {
			s.state.Seal(m.Time)
			s.pending = nil // published
		}
		n++
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
}
