package app

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/broker"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/router"
	"github.com/riposte-security/riposte/schemas"
)

// TestSimulateOnKafka reads what is in the topics, from a time on, and says what guards would have made of it.
func TestSimulateOnKafka(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, err := broker.Start(t.Context(), broker.Options{DataDir: t.TempDir(), Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close() //nolint:errcheck // the test is over
	c, err := kafka.New(kafka.Config{Brokers: []string{b.Addr()}}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.EnsureTopics(t.Context()); err != nil {
		t.Fatal(err)
	}
	now := time.Now().UnixMilli()
	event := func(topic, source string, at int64, n int, class int) kafka.Message {
		return kafka.Message{
			Topic: topic, Headers: kafka.Headers(map[string]string{schemas.HeaderSource: source}),
			Value: fmt.Appendf(nil, `{"class_uid": %d, "time": %d, "metadata": {"uid": "e%d"}, "message": "m", "src_endpoint": {"ip": "203.0.113.%d"}}`, class, at, n, n),
		}
	}
	w := c.NewWriter()
	defer w.Close()
	names := c.Topics()
	// What a correlation found at that time is not found again.
	finding := fmt.Sprintf(`{"class_uid": 2004, "time": %d, "metadata": {"uid": "f", "log_name": "riposte.correlate"}, "message": "m"}`, now)
	const day = 24 * 60 * 60 * 1000
	err = w.Publish(t.Context(),
		event(names.Events, "riposte/web", now, 1, 4001), event(names.Events, "riposte/web", now, 2, 4001), event(names.Events, "riposte/web", now, 2, 4001),
		event(names.Events, "somebody", now, 3, 4001), event(names.Events, "riposte/web", now-3*day, 4, 4001),
		kafka.Message{Topic: names.Events, Value: []byte(finding)},
		kafka.Message{Topic: names.Events, Value: []byte("no event")}, event(names.Outcomes, "riposte/block", now, 5, 7001))
	if err != nil {
		t.Fatal(err)
	}
	rules := write(t, dir, "rules.yaml", `
id: block
title: t
severity: low
when: message == "m"
then: [ { block: { action: wafv2-ipset, target: src_endpoint.ip, with: { ip_set: s, scope: REGIONAL } } } ]
---
id: outcomes
title: t
severity: low
on: outcomes
when: message == "m"
then: [ { alert: {} } ]
---
id: three
title: t
severity: low
when: message == "m"
correlate: { type: event_count, within: 1h, at_least: 3 }
then: [ { alert: {} } ]
---
id: four
title: t
severity: low
when: message == "m"
correlate: { type: event_count, within: 1h, at_least: 4 }
then: [ { alert: {} } ]
`)
	cfg := write(t, dir, "riposte.yaml", fmt.Sprintf("kafka: { brokers: [ %q ] }\nproducers: [ { name: web, format: json, source: { http: {} } } ]\n", b.Addr()))
	var out, problems strings.Builder
	if code := Main(t.Context(), []string{"-c", cfg, "simulate", "--rules", rules, "--since", "1h", "--json"}, Streams{Out: &out, Err: &problems}); code != 0 {
		t.Fatal(code, problems.String())
	}
	var r router.SimulationReport
	if err := json.Unmarshal([]byte(out.String()), &r); err != nil {
		t.Fatal(err)
	}
	if r.Events != 6 || r.Unreadable != 1 || r.Findings != 1 || len(r.Rules) != 4 {
		t.Fatalf("%s", out.String())
	}
	if a := r.Rules[0].Actions[0]; a.Commands != 5 || a.Targets != 4 || a.Refused != 1 || a.Stale != 1 {
		t.Errorf("%+v", a)
	}
	if x := r.Rules[1]; x.Rule != "outcomes" || x.Matches != 1 || x.Actions[0].Lane != schemas.LaneAlert {
		t.Errorf("%+v", x)
	}
	if x, y := r.Rules[2], r.Rules[3]; x.Matches != 1 || x.Counted != 4 || x.Actions[0].Commands != 1 || y.Matches != 0 || y.Counted != 4 {
		t.Errorf("%+v\n%+v", x, y)
	}
	lag, err := c.Lag(t.Context(), names.Prefix()+".router", names.Events)
	if err != nil {
		t.Fatal(err)
	}
	left := int64(0)
	for _, n := range lag[names.Events] {
		left += n
	}
	if left != 7 {
		t.Errorf("the router has %d events to read, 7 expected: the simulation moved its offsets", left)
	}
}
