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

// taking makes a correlator of some rules that is handed its messages by the test. No broker is asked.
func taking(t testing.TB, cfg Config, text string, now func() time.Time) (*correlator, *share) {
	t.Helper()
	rules, err := rule.Parse(rule.Options{}, "r.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	client, err := kafka.New(kafka.Config{Brokers: []string{"127.0.0.1:1"}}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	r, err := New(cfg, Deps{Kafka: client, Decider: engine.New(rules, zerolog.Nop()), Now: now})
	if err != nil {
		t.Fatal(err)
	}
	c := newCorrelator(r, nil)
	c.specs = r.correlations()
	return c, &share{state: correlate.NewState(c.specs.byID, c.budget)}
}

const threeOf = `
id: three
title: Three of a kind
severity: high
when: unmapped.kind == "a"
correlate: { type: event_count, group_by: [unmapped.who], within: 5m, at_least: 3 }
then: [ { alert: { to: pager } } ]
`

// event has an event routed that came into Kafka at a time, and what it contributes taken.
func (c *correlator) event(t *testing.T, s *share, who string, offset int64, came time.Time) {
	t.Helper()
	m := kafka.Message{Topic: c.r.topics.Events, Offset: offset, Time: came, Value: fmt.Appendf(nil, `{"kind":"a","who":%q}`, who)}
	letters, err := c.r.route(context.Background(), &schemas.Reader{}, &m, c.r.now())
	if err != nil || len(letters) != 1 {
		t.Fatal(len(letters), err)
	}
	letters[0].Offset, letters[0].Time = offset, came
	if err := c.take(context.Background(), s, &letters[0].Message); err != nil {
		t.Fatal(err)
	}
}

// commands are those that are pending of a share.
func (s *share) commands(t *testing.T, lane string) (out []schemas.Command) {
	t.Helper()
	for _, l := range s.pending {
		if l.Topic != lane {
			continue
		}
		c, err := schemas.ReadCommand(l.Value)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, c)
	}
	return out
}

// TestBrokerClockJumps: a message that is stamped with a time far ahead pushes nothing out.
func TestBrokerClockJumps(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1_772_800_000_000).UTC()
	c, s := taking(t, Config{}, threeOf, func() time.Time { return now })
	c.event(t, s, "x", 0, now)
	c.event(t, s, "x", 1, now)
	c.event(t, s, "y", 2, now.AddDate(1, 0, 0))
	c.event(t, s, "x", 3, now)
	if got := s.commands(t, c.r.topics.Alert); len(got) != 1 {
		t.Errorf("%d alerts", len(got))
	}
}

// TestNoMemoryIsAlerted: what a correlation has no memory for is counted by a shed command, and alerted once in a while.
func TestNoMemoryIsAlerted(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1_772_800_000_000).UTC()
	c, s := taking(t, Config{Correlate: CorrelateConfig{Memory: 8 << 10}}, threeOf, func() time.Time { return now })
	const groups = 1000
	for i := range groups {
		c.event(t, s, fmt.Sprint("w", i), int64(i), now)
	}
	alerts := s.commands(t, c.r.topics.Alert)
	if len(alerts) != 1 || alerts[0].Rule != "three" || alerts[0].Action != "pager" || alerts[0].RuleTitle != "Three of a kind (more groups or events than its memory holds; some are left out)" {
		t.Errorf("%+v", alerts)
	}
	if at, held := c.r.sheds.held(c.r.topics.Correlate, 0); !held {
		t.Errorf("offsets pass what was shed: %d, %t", at, held)
	}
	if used := c.budget.Used(); used > 9<<10 {
		t.Errorf("%d bytes", used)
	}
	now = now.Add(2 * fullAgain)
	c.event(t, s, "again", groups, now)
	if n := len(s.commands(t, c.r.topics.Alert)); n != 2 {
		t.Errorf("%d alerts in the end", n)
	}
}
