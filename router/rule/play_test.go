package rule_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/router/correlate"
	"github.com/riposte-security/riposte/router/engine"
	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/schemas"
)

// played plays events in an order, and returns the ids of the commands, sorted, as well as how many each rule gave.
func played(e *engine.Engine, events []schemas.Event) (ids []string, by map[string]int) {
	by = map[string]int{}
	p := rule.NewPlayer(e.Rules(), 1<<30, func(f rule.Found) {
		for _, c := range f.Decision.Commands {
			ids = append(ids, c.ID)
			by[c.Rule]++
		}
	})
	for i, ev := range events {
		d := e.Decide(ev, false, ev.Time)
		p.Add(d.Contributions, ev.Time, i+1)
	}
	p.End()
	slices.Sort(ids)
	return ids, by
}

// TestPlayerOrders: the commands that follow from an input do not depend on the order in which it is read.
func TestPlayerOrders(t *testing.T) {
	t.Parallel()
	rules, err := rule.Parse(options(), "r.yaml", []byte(correlations))
	if err != nil {
		t.Fatal(err)
	}
	e := engine.New(rules, zerolog.Nop())
	total := map[string]int{}
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 7))
		var events []schemas.Event
		for i := range 40 {
			at := 1_772_800_000_000 + r.Int64N(400_000)
			events = append(events, read(t, fmt.Sprintf(
				`{"class_uid":3002,"status_id":1,"time":%d,"metadata":{"uid":"u%d"},"user":{"name":"x%d"},"src_endpoint":{"location":{"lat":%d,"long":0}},`+
					`"unmapped":{"kind":%q,"who":"w%d","whom":"w%d","n":%d,"from":"c%d"}}`,
				at, i%35, i%2, r.IntN(50), []string{"a", "c", "d"}[r.IntN(3)], r.IntN(2), r.IntN(2), r.IntN(3), r.IntN(5))))
		}
		want, by := played(e, events)
		for k, n := range by {
			total[k] += n
		}
		for range 4 {
			r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
			got, _ := played(e, events)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("seed %d: -first +shuffled\n%s", seed, diff)
			}
		}
	}
	for _, id := range []string{"count", "few", "sum", "path", "then", "many", "travel"} {
		if total[id] < 10 {
			t.Errorf("%s fired %d times: the cases prove little", id, total[id])
		}
	}
}

// TestPlayerBounded: what is put in order is bounded; an input in more disorder than that is said to have come too late.
func TestPlayerBounded(t *testing.T) {
	t.Parallel()
	rules, err := rule.Parse(options(), "r.yaml", []byte(correlations))
	if err != nil {
		t.Fatal(err)
	}
	p := rule.NewPlayer(rules, 1<<30, func(rule.Found) {})
	p.Ahead = 10
	began := time.UnixMilli(1_772_800_000_000)
	for i := range 150 { // a hundred in order, then fifty that lie between the first of them
		at := began.Add(time.Duration(i) * time.Hour)
		if i >= 100 {
			at = began.Add(time.Duration(i-100)*time.Hour + 30*time.Minute)
		}
		p.Add([]correlate.Contribution{{Rule: "few", Form: rules[1].Correlation.Form, Group: []byte("[]"), UID: fmt.Sprint(i), Time: at.UnixMilli()}}, at, i)
	}
	p.End()
	if counted, late := p.Count("few", correlate.Counted), p.Count("few", correlate.Late); counted != 100 || late != 50 {
		t.Errorf("%d counted, %d late", counted, late)
	}
}

// TestPlayerEnds: a correlation does not count its own findings; two that count each other's do so for ever in a router, but a player ends.
func TestPlayerEnds(t *testing.T) {
	t.Parallel()
	const mirror = minimal + `
when: class_uid == 2004 or unmapped.kind == "a"
correlate: { type: event_count, group_by: [metadata.uid], within: 1m, at_least: 1 }
then: [ { alert: {} } ]
`
	if found, left := playFindings(t, mirror); found != 1 || left != 0 {
		t.Errorf("one correlation: %d found, %d left", found, left)
	}
	found, left := playFindings(t, mirror+"---"+strings.Replace(mirror, "id: r\n", "\nid: q\n", 1))
	if found < 4 || found > 100 || left == 0 {
		t.Errorf("two correlations: %d found, %d left", found, left)
	}
}

// playFindings plays one event and what is found of it.
func playFindings(t *testing.T, text string) (found, left int) {
	t.Helper()
	rules, err := rule.Parse(options(), "r.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	e := engine.New(rules, zerolog.Nop())
	var p *rule.Player
	p = rule.NewPlayer(rules, 1<<30, func(f rule.Found) {
		found++
		d := e.Decide(f.Event, false, f.At)
		p.Add(d.Contributions, f.At, f.Record)
	})
	ev := read(t, `{"kind":"a"}`)
	d := e.Decide(ev, false, ev.Time)
	p.Add(d.Contributions, ev.Time, 1)
	p.End()
	return found, p.Count("r", correlate.Shed)
}

// TestUsesOfCorrelation: what a correlation asks for in group_by and aliases counts as asked for.
func TestUsesOfCorrelation(t *testing.T) {
	t.Parallel()
	rules, err := rule.Parse(options(), "r.yaml", []byte(`
id: a
title: t
severity: low
when: unmapped.kind == "a"
---
id: c
title: t
severity: low
correlate:
  type: event_count
  rules: [a]
  aliases: { known: { a: 'inList("known", unmapped.ip)' }, land: { a: geo(unmapped.ip).country } }
  group_by: [known, land]
  within: 1m
  at_least: 2
then: [ { alert: {} } ]
`))
	if err != nil {
		t.Fatal(err)
	}
	if u := rules[1].Uses(); !slices.Equal(u.Lists, []string{"known"}) || !u.Geo || u.ASN {
		t.Errorf("%+v", u)
	}
}
