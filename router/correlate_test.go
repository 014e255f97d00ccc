package router_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/router/engine"
	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/schemas"
	"github.com/riposte-security/riposte/schemas/ocsf"
)

const bruteForce = `
id: brute-force
title: Many failed logins
severity: high
class: authentication
when: status_id == 2
correlate:
  type: event_count
  group_by: [src_endpoint.ip]
  within: 5m
  at_least: 3
then:
  - alert: { with: { message: "${count} from ${src_endpoint.ip}" } }
  - block: { action: ipset, target: src_endpoint.ip }
`

// ruled makes the engine of some rules.
func ruled(t *testing.T, text string) *engine.Engine {
	t.Helper()
	o := rule.Options{Actions: []schemas.ActionSpec{{
		Name: "ipset", Lane: schemas.LaneBlock, TargetType: "ip", Expires: true,
		Canonical: func(raw, _, _ string) (schemas.Target, error) { return schemas.Target{Type: "ip", ID: raw}, nil },
	}}}
	rules, err := rule.Parse(o, "rules.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return engine.New(rules, zerolog.Nop())
}

func failedLogin(uid, ip string, at time.Time) string {
	return fmt.Sprintf(`{"class_uid":3002,"status_id":2,"time":%d,"metadata":{"uid":%q},"src_endpoint":{"ip":%q}}`, at.UnixMilli(), uid, ip)
}

// TestCorrelates sends events through the whole router: a group that has enough of them is alerted and blocked, once; events that come twice
// count once; another router that reads everything again says the same under the same ids.
func TestCorrelates(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	topics := b.client.Topics()
	stop := b.route(t, ruled(t, bruteForce), b.reg)
	at := time.Now().Truncate(time.Hour)
	var events []string
	for i := range 6 {
		events = append(events, failedLogin(fmt.Sprintf("a-%d", i), "192.0.2.1", at.Add(time.Duration(i)*time.Second)))
	}
	for range 3 {
		events = append(events, failedLogin("same", "192.0.2.2", at))
	}
	events = append(events, failedLogin("b-1", "192.0.2.3", at), failedLogin("b-2", "192.0.2.3", at.Add(6*time.Minute)), failedLogin("b-3", "192.0.2.3", at.Add(12*time.Minute)))
	b.send(t, topics.Events, events...)
	block := command(t, b.await(t, topics.Block, 1)[0])
	alert := command(t, b.await(t, topics.Alert, 1)[0])
	await.Until(t, "all is committed", func() bool { return b.lag(t) == 0 && b.correlated(t) == 0 })
	if n := len(b.read(t, topics.Block)); n != 1 {
		t.Errorf("%d blocks", n)
	}
	if block.Target.ID != "192.0.2.1" || block.Source != "test" || block.Rule != "brute-force" {
		t.Errorf("block %+v", block)
	}
	if alert.Target.ID != "src_endpoint.ip=192.0.2.1" || alert.With["message"] != "3 from 192.0.2.1" {
		t.Errorf("alert %+v", alert)
	}
	schema, err := ocsf.Load()
	if err != nil {
		t.Fatal(err)
	}
	if err := ocsf.NewValidator(schema).Validate(alert.Event); err != nil {
		t.Errorf("finding: %v\n%s", err, alert.Event)
	}
	var findings []kafka.Message
	for _, m := range b.read(t, topics.Events) {
		if m.Header("ce_source") == "riposte/router" {
			findings = append(findings, m)
		}
	}
	if len(findings) != 1 || findings[0].Header("ce_id") != alert.EventUID || !strings.Contains(string(findings[0].Value), "192.0.2.1") {
		t.Errorf("findings %v", findings)
	}
	stop()
}

func (b *bench) correlated(t *testing.T) int64 {
	t.Helper()
	topic := b.client.Topics().Correlate
	lag, err := b.client.Lag(t.Context(), "riposte.correlator", topic)
	if err != nil {
		return -1
	}
	n := int64(0)
	for _, l := range lag[topic] {
		n += l
	}
	return n
}

const heartbeat = `
id: no-heartbeat
title: A sensor is silent
severity: high
when: unmapped.kind == "heartbeat"
correlate: { type: absence, group_by: [unmapped.sensor], within: 2s, lateness: 1s }
then: [ { alert: {} } ]
`

// TestAbsence: one sensor goes on, the other falls silent, and is alerted once when the lateness is over, though nothing more comes in.
func TestAbsence(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	topics := b.client.Topics()
	b.route(t, ruled(t, heartbeat), b.reg)
	b.send(t, topics.Events, `{"kind":"heartbeat","sensor":"a"}`, `{"kind":"heartbeat","sensor":"b"}`)
	go func() {
		w := b.client.NewWriter()
		defer w.Close()
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for t.Context().Err() == nil {
			m := kafka.Message{Topic: topics.Events, Key: []byte("k"), Value: []byte(`{"kind":"heartbeat","sensor":"a"}`)}
			if err := w.Publish(t.Context(), m); err != nil {
				return
			}
			<-tick.C
		}
	}()
	alerts := b.await(t, topics.Alert, 1)
	if c := command(t, alerts[0]); c.Target.ID != "unmapped.sensor=b" || len(alerts) != 1 {
		t.Errorf("%d alerts: %+v", len(alerts), c.Target)
	}
}

// TestSuccessorKnowsTheWindow ends a router when two of three events have come: the one that gets its partitions after it reads them again, and
// fires at the third. One that reads the whole topic once more says the same again under the same ids.
func TestSuccessorKnowsTheWindow(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	topics := b.client.Topics()
	at := time.Now().Truncate(time.Hour)
	event := func(i int) string {
		return failedLogin(fmt.Sprint("a-", i), "192.0.2.1", at.Add(time.Duration(i)*time.Second))
	}
	stop := b.route(t, ruled(t, bruteForce), b.reg)
	b.send(t, topics.Events, event(0), event(1))
	await.Until(t, "all is committed", func() bool { return b.lag(t) == 0 && len(b.read(t, topics.Correlate)) == 2 && b.correlated(t) == 0 })
	stop()
	stop = b.route(t, ruled(t, bruteForce), nil)
	b.send(t, topics.Events, event(2))
	first := command(t, b.await(t, topics.Block, 1)[0])
	await.Until(t, "all is committed", func() bool { return b.lag(t) == 0 && b.correlated(t) == 0 })
	stop()
	if err := b.client.DropOffsets(t.Context(), "riposte.correlator"); err != nil {
		t.Fatal(err)
	}
	b.route(t, ruled(t, bruteForce), nil)
	for _, m := range b.await(t, topics.Block, 2) {
		if c := command(t, m); c.ID != first.ID {
			t.Errorf("command %s, %s at first", c.ID, first.ID)
		}
	}
}

// TestEditedCorrelation has two of three events counted by one edition of a correlation, and the third by another. What was counted stays counted
// when only the predicate changes; when the group does, it would be counted in groups of another meaning.
func TestEditedCorrelation(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, was, is string
		fires         bool
	}{
		{"when", "when: status_id == 2", `when: status_id == 2 and src_endpoint.ip != "192.0.2.99"`, true},
		{"group_by", "group_by: [src_endpoint.ip]", "group_by: [user.name]", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			topics := b.client.Topics()
			at := time.Now().Truncate(time.Hour)
			event := func(i int) string { // the name looks like the address, as any text that is chosen outside may
				e := failedLogin(fmt.Sprint("a-", i), "192.0.2.1", at.Add(time.Duration(i)*time.Second))
				return strings.TrimSuffix(e, "}") + `,"user":{"name":"192.0.2.1"}}`
			}
			stop := b.route(t, ruled(t, bruteForce), b.reg)
			b.send(t, topics.Events, event(0), event(1))
			await.Until(t, "all is committed", func() bool { return b.lag(t) == 0 && len(b.read(t, topics.Correlate)) == 2 && b.correlated(t) == 0 })
			stop()
			edited := strings.ReplaceAll(strings.Replace(bruteForce, c.was, c.is, 1), "target: src_endpoint.ip", "target: finding_info.uid")
			edited = strings.Replace(edited, " from ${src_endpoint.ip}", "", 1)
			b.route(t, ruled(t, edited), nil)
			b.send(t, topics.Events, event(2))
			if c.fires {
				b.await(t, topics.Block, 1)
				return
			}
			await.Until(t, "all is committed", func() bool { return b.lag(t) == 0 && len(b.read(t, topics.Correlate)) == 3 && b.correlated(t) == 0 })
			if n := len(b.read(t, topics.Block)); n > 0 {
				t.Errorf("%d blocks: what was counted by address counts as names", n)
			}
		})
	}
}

const guessed = `
id: failures
title: Many failed logins
severity: low
class: authentication
when: status_id == 2
correlate: { type: event_count, group_by: [src_endpoint.ip], within: 5m, at_least: 3 }
---
id: success
title: A login
severity: low
class: authentication
when: status_id == 1
---
id: guessed
title: A password was guessed
severity: critical
correlate: { type: temporal_ordered, rules: [failures, success], group_by: [src_endpoint.ip], within: 10m }
then: [ { block: { action: ipset, target: src_endpoint.ip } } ]
`

// TestCorrelationOfCorrelations: what one correlation finds goes onto riposte.correlate, where another counts it, also one that was not there when it
// was found. Who reads everything again says the same under the same ids.
func TestCorrelationOfCorrelations(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	topics := b.client.Topics()
	at := time.Now().Truncate(time.Hour)
	stop := b.route(t, ruled(t, guessed), b.reg)
	var events []string
	for i := range 3 {
		events = append(events, failedLogin(fmt.Sprint("a-", i), "192.0.2.1", at.Add(time.Duration(i)*time.Second)))
		events = append(events, failedLogin(fmt.Sprint("b-", i), fmt.Sprint("192.0.2.1", i), at.Add(time.Duration(i)*time.Second)))
	}
	b.send(t, topics.Events, events...)
	idle := func(contributions int) func() bool { // the finding is contributed, too
		return func() bool {
			return b.lag(t) == 0 && b.correlated(t) == 0 && len(b.read(t, topics.Correlate)) >= contributions
		}
	}
	await.Until(t, "all is committed", idle(7))
	stop()
	stop = b.route(t, ruled(t, guessed), nil)
	success := func(uid, ip string) string {
		return strings.Replace(failedLogin(uid, ip, at.Add(time.Minute)), `"status_id":2`, `"status_id":1`, 1)
	}
	b.send(t, topics.Events, success("a-s", "192.0.2.1"), success("b-s", "192.0.2.11"))
	first := command(t, b.await(t, topics.Block, 1)[0])
	if first.Rule != "guessed" || first.Target.ID != "192.0.2.1" || first.Source != "test" {
		t.Errorf("%+v", first)
	}
	await.Until(t, "all is committed", idle(9))
	stop()
	if err := b.client.DropOffsets(t.Context(), "riposte.correlator"); err != nil {
		t.Fatal(err)
	}
	b.route(t, ruled(t, guessed), nil)
	for _, m := range b.await(t, topics.Block, 2) {
		if c := command(t, m); c.ID != first.ID {
			t.Errorf("command %s, %s at first", c.ID, first.ID)
		}
	}
}
