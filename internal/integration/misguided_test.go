//go:build integration

package integration

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/schemas"
)

// misguided is a rule by somebody who has forgotten a condition.
const misguided = `
---
id: it-misguided
title: Whatever happens
severity: high
max_rate: 70
when: metadata.uid != nil
then:
  - block: { action: wafv2-ipset, target: unmapped.ip, for: 4h, with: { ip_set: replicas-blocked } }
  - remediate: { action: s3-encrypt-bucket, target: unmapped.bucket }
`

// An everyday is what happens all the time, and calls for nothing. In every third case it is about operators and production.
func everyday(t *testing.T, d *replicas, n int) map[string]any {
	ip, bucket := fmt.Sprintf("198.18.%d.%d", 21+n/200, n%200+1), unique("everyday")
	if n%3 == 0 {
		ip, bucket = fmt.Sprintf("198.18.20.%d", n/3+1), unique("prod-everyday")
	}
	d.api.bucket(t, bucket)
	return map[string]any{"kind": "everyday", "n": n, "ip": ip, "bucket": bucket}
}

// misguidedRule: a rule that matches everything comes into force while three replicas are at work. The valve holds back most of it; of what is left, operators
// and production are spared, and a budget is spent for each lane, of which somebody hears once. `riposte stop` breaks off what is under way and holds the rest;
// `riposte resume` says what will run. In the end every event and every command is accounted for.
func misguidedRule(t *testing.T, d *replicas) {
	const first, rest = 240, 30
	standing, set := len(d.procs["route"].Log.Lines(0, "changed rules taken")), d.wall(t)
	var records []map[string]any
	for n := range first + rest {
		records = append(records, everyday(t, d, n))
	}
	write(t, d.dir, "rules.yaml", rules+replicaRules+misguided)
	await.Until(t, "the rule is in force", func() bool { return len(d.procs["route"].Log.Lines(0, "changed rules taken")) > standing })

	d.gate.shut(6) // so much happens before somebody stops it, and the rest of what was begun is under way then
	d.post(t, "custom", records[:first]...)
	await.Until(t, "calls are under way", func() bool { return d.gate.waiting() >= 3 })
	if out := d.must(t, "stop", "--reason", "it matches everything"); !contains(out, "lane block stopped by tester", "lane remediate stopped by tester") {
		t.Errorf("riposte stop says %q", out)
	}
	time.Sleep(time.Second) //nolint:forbidigo // that is how long it may take
	if n := d.gate.waiting(); n != 0 {
		t.Errorf("%d calls are still under way a second after riposte stop", n)
	}
	for _, name := range d.names {
		await.Until(t, name+" says that effects are stopped", func() bool {
			said := strings.Join(d.procs[name].Log.Lines(0, "effects are stopped"), "")
			return contains(said, "lane block", "lane remediate")
		})
	}
	d.gate.open() // nothing but the switch holds anything from here on
	stopped := time.Now()
	d.post(t, "custom", records[first:]...)
	passed, held := d.decided(t, first+rest)
	waiting := d.waiting(t)
	if out := d.must(t, "resume"); !contains(out, "was stopped at", "it matches everything") || d.unnamed(out, waiting) != "" {
		t.Errorf("riposte resume does not say that %s will run:\n%s", d.unnamed(out, waiting), out)
	}
	for _, name := range d.names {
		if late := d.witness[name].of(func(s sighting) bool { return s.changes() && s.at.After(stopped) && s.at.Before(d.resumed(t)) }); len(late) > 0 {
			t.Errorf("%s made %d calls while effects were stopped: %v", name, len(late), late)
		}
	}
	t.Logf("of %d events %d passed the valve and %d were held back; %d commands waited for riposte resume", first+rest, passed, held, len(waiting))
	d.accounted(t, records, passed, set)
}

// decided waits until each of n events was decided: it led to a command in each lane, or was held back and counted.
func (d *replicas) decided(t *testing.T, n int) (passed, held int) {
	t.Helper()
	count := func() bool {
		passed, held = 0, 0
		events := map[schemas.Lane]map[string]bool{schemas.LaneBlock: {}, schemas.LaneRemediate: {}}
		for _, e := range d.list(t, ledger.Filter{Rule: "it-misguided"}) {
			switch {
			case e.Command.Shed != nil:
				held += e.Command.Shed.Count
			case e.Command.Lane != schemas.LaneAlert:
				events[e.Command.Lane][e.Command.EventUID] = true
			}
		}
		passed = len(events[schemas.LaneBlock])
		return passed+held == n && passed == len(events[schemas.LaneRemediate])
	}
	await.Until(t, "every event is decided", count, func() string { return fmt.Sprintf("%d passed, %d were held back", passed, held) })
	if held == 0 {
		t.Error("the valve held nothing back")
	}
	return passed, held
}

// waiting are the commands that a stop holds.
func (d *replicas) waiting(t *testing.T) []ledger.Entry {
	t.Helper()
	return d.list(t, ledger.Filter{Rule: "it-misguided", Lanes: schemas.EffectLanes(), States: []schemas.State{schemas.StatePending, schemas.StateRetrying}})
}

// unnamed is the first of some commands that a text does not name, "" if there is none.
func (d *replicas) unnamed(text string, entries []ledger.Entry) string {
	for _, e := range entries {
		if !strings.Contains(text, e.Command.ID[:12]) {
			return e.Command.ID
		}
	}
	return ""
}

// resumed is when effects were last let run again.
func (d *replicas) resumed(t *testing.T) time.Time {
	t.Helper()
	all, err := d.ledger.Switches(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var at time.Time
	for _, s := range all {
		if !s.Stopped && s.At.After(at) {
			at = s.At
		}
	}
	return at
}

// accounted holds commands, alerts and the AWS API against each other when everything has come to rest. set is what the IP set held before.
func (d *replicas) accounted(t *testing.T, records []map[string]any, passed int, set []string) {
	t.Helper()
	done := map[schemas.Lane]schemas.State{schemas.LaneBlock: schemas.StateInForce, schemas.LaneRemediate: schemas.StateVerified}
	spared := map[schemas.Lane]string{schemas.LaneBlock: "cidr 198.18.20.0/24 (operators)", schemas.LaneRemediate: "name prod-* (production)"}
	var blocked []string
	for _, lane := range schemas.EffectLanes() {
		by := d.settled(t, "it-misguided", lane, passed)
		refused, ask := by[schemas.StateRefused], by[schemas.StateApproval]
		if len(by[done[lane]]) != budget || len(refused) == 0 || len(ask) == 0 || budget+len(refused)+len(ask) != passed {
			t.Errorf("lane %s: %d commands, a budget of %d:\n%s", lane, passed, budget, d.counts(by))
		}
		listed := 0
		for state, entries := range by {
			for _, e := range entries {
				if strings.HasPrefix(e.Command.Target.ID, "prod-") || strings.HasPrefix(e.Command.Target.ID, "198.18.20.") {
					listed++
				}
				if state == done[lane] && lane == schemas.LaneBlock {
					blocked = append(blocked, e.Command.Target.ID+"/32")
				}
			}
		}
		if listed != len(refused) {
			t.Errorf("lane %s: %d targets are on a list, and %d refused", lane, listed, len(refused))
		}
		for _, e := range refused {
			if !strings.Contains(e.Outcome.Message, spared[lane]) {
				t.Errorf("refused, but not by its entry: %q", e.Outcome.Message)
			}
		}
		t.Logf("lane %s: %d effects, %d refused, %d wait for an approval", lane, len(by[done[lane]]), len(refused), len(ask))
	}
	d.quiet(t)
	for _, lane := range schemas.EffectLanes() {
		for _, words := range [][]string{
			{fmt.Sprintf("rule it-misguided in lane %s", lane)},
			{fmt.Sprintf("lane %s: effects are stopped", lane), "it matches everything"},
			{fmt.Sprintf("lane %s: effects are resumed", lane)},
		} {
			if n := d.alerts(t, words...); n != 1 {
				t.Errorf("%d alerts that say %q; 1 expected", n, words)
			}
		}
	}
	bursts := slices.DeleteFunc(d.list(t, ledger.Filter{Rule: "it-misguided", Lanes: []schemas.Lane{schemas.LaneAlert}}),
		func(e ledger.Entry) bool { return e.Command.Step != "valve" })
	if len(bursts) != 1 {
		t.Errorf("%d alerts of the valve; 1 expected", len(bursts))
	}
	encrypted := 0
	for _, r := range records {
		if algorithm, _ := d.api.encryption(t, r["bucket"].(string)); algorithm == "aws:kms" {
			encrypted++
		}
	}
	want := slices.Sorted(slices.Values(slices.Concat(set, blocked)))
	if got := d.wall(t); encrypted != budget || !slices.Equal(got, want) {
		t.Errorf("%d buckets are encrypted, the set holds %v; %d and %v expected", encrypted, got, budget, want)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.dead) > 0 {
		t.Errorf("%d dead letters, the first: %v", len(d.dead), d.dead[0].Headers)
	}
}
