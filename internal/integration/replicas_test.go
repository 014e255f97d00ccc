//go:build integration

package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	waftypes "github.com/aws/aws-sdk-go-v2/service/wafv2/types"
	"github.com/jackc/pgx/v5"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/schemas"
)

// budget is how many effects a rule has in a lane: no more than that, whatever happens. Its window is long, so that none begins during a test.
const budget = 20

// guarded are the guards of the replicas. Commands on one target come again and again here, which is no loop.
const guarded = `loop: { times: 0 }
  operators: [ "198.18.20.0/24" ]
  never: [ { name: "prod-*", reason: production } ]
  budgets:
    - { lanes: [remediate], per: rule, max: 20, within: 168h }
    - { lanes: [block], per: rule, max: 20, within: 168h }
`

const replicaRules = `
---
id: it-last
title: What stands behind all outcomes
severity: informational
on: outcomes
class: base_event
when: unmapped.kind == "last"
then: [ { alert: { to: log } } ]
---
id: it-flood
title: Buckets without encryption
severity: medium
class: base_event
when: unmapped.kind == "flood"
then: [ { remediate: { action: s3-encrypt-bucket, target: unmapped.bucket } } ]
---
id: it-key
title: A bucket is to have a key
severity: medium
class: base_event
when: unmapped.kind == "key"
then: [ { remediate: { action: s3-encrypt-bucket, target: unmapped.bucket, with: { kms_key: "${ unmapped.key }" } } } ]
---
id: it-wall
title: An address is to be kept out
severity: medium
class: base_event
when: unmapped.kind == "wall"
then: [ { block: { action: wafv2-ipset, target: unmapped.ip, for: 4h, with: { ip_set: replicas-blocked } } } ]
`

// replicas is a deployment of which every consumer runs three times, each of them with a witness.
type replicas struct {
	*deployment
	names   []string
	witness map[string]*witness
	gate    *gate
	wall    func(t *testing.T) []string // what the IP set holds
}

// threeReplicas runs scenarios on three processes that serve all lanes, on one PostgreSQL.
func threeReplicas(t *testing.T, w *world) {
	began := time.Now()
	d := &replicas{
		deployment: deploy(t, w, "replicas", "enforce", guarded), names: []string{"replica-1", "replica-2", "replica-3"},
		witness: map[string]*witness{}, gate: newGate(),
	}
	for _, dir := range []string{"flows", "json"} {
		if err := os.MkdirAll(filepath.Join(d.dir, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write(t, d.dir, "rules.yaml", rules+replicaRules)
	d.wall = d.api.ipSet(t, "replicas-blocked", waftypes.IPAddressVersionIpv4)
	d.start("produce", "produce", "custom")
	d.start("route", "route")
	for _, name := range d.names {
		d.witness[name] = newWitness(t, w.aws, d.gate)
		d.own[name] = []string{"AWS_ENDPOINT_URL=" + d.witness[name].URL}
		d.start(name, "consume", "alert", "block", "remediate")
	}
	d.collectDead(t)
	for _, s := range []struct {
		name string
		run  func(*testing.T, *replicas)
	}{
		{"one budget for all", oneBudget},
		{"one order for all", oneOrder},
		{"one writer", oneWriter},
		{"a misguided rule", misguidedRule},
	} {
		began := time.Now()
		t.Run(s.name, func(t *testing.T) { s.run(t, d) })
		t.Logf("%s: %s", s.name, time.Since(began).Round(100*time.Millisecond))
	}
	t.Run("nothing was lost", func(t *testing.T) { nothingLost(t, d.deployment) })
	t.Run("interrupted", func(t *testing.T) { interrupted(t, d.deployment) })
	t.Logf("three replicas: %s", time.Since(began).Round(time.Second))
}

// by counts, for each replica, the commands of which it said that it brought them into a state.
func (d *replicas) by(state schemas.State, entries []ledger.Entry) map[string]int {
	n := map[string]int{}
	for _, name := range d.names {
		said := strings.Join(d.procs[name].Log.Lines(0, fmt.Sprintf(`"state":%q`, state)), "")
		for _, e := range entries {
			if strings.Contains(said, e.Command.ID) {
				n[name]++
			}
		}
	}
	return n
}

// settled waits until all n commands of a rule in a lane have come to an end or wait for a person, and returns them by state.
func (d *replicas) settled(t *testing.T, rule string, lane schemas.Lane, n int) map[schemas.State][]ledger.Entry {
	t.Helper()
	by := map[schemas.State][]ledger.Entry{}
	await.Until(t, fmt.Sprintf("%d commands of rule %s in lane %s are settled", n, rule, lane), func() bool {
		clear(by)
		at := 0
		for _, e := range d.list(t, ledger.Filter{Rule: rule, Lanes: []schemas.Lane{lane}}) {
			by[e.State] = append(by[e.State], e)
			if e.State == schemas.StateApproval || e.State == schemas.StateInForce || e.State.Terminal() {
				at++
			}
		}
		return at == n
	}, func() string { return d.counts(by) })
	return by
}

func (d *replicas) counts(by map[schemas.State][]ledger.Entry) string {
	var b strings.Builder
	for state, entries := range by {
		fmt.Fprintf(&b, "  %s: %d (%s)\n", state, len(entries), entries[0].Outcome.Message+" "+entries[0].Outcome.Error)
	}
	return b.String()
}

// alerts are those about what riposte has to say of itself, as far as they say it in these words.
func (d *replicas) alerts(t *testing.T, words ...string) int {
	t.Helper()
	n := 0
	for _, e := range d.list(t, ledger.Filter{Rule: "riposte-notice", Lanes: []schemas.Lane{schemas.LaneAlert}}) {
		if contains(fmt.Sprint(e.Command.With["message"]), words...) {
			n++
		}
	}
	return n
}

// oneBudget: three replicas have one budget. Beyond it commands wait for a person, who hears of it once.
func oneBudget(t *testing.T, d *replicas) {
	const buckets = 2 * budget
	var records []map[string]any
	for range buckets {
		bucket := unique("flood")
		d.api.bucket(t, bucket)
		records = append(records, map[string]any{"kind": "flood", "bucket": bucket})
	}
	d.post(t, "custom", records...)
	by := d.settled(t, "it-flood", schemas.LaneRemediate, buckets)
	done, wait := by[schemas.StateVerified], by[schemas.StateApproval]
	if len(done) != budget || len(wait) != buckets-budget {
		t.Errorf("%d effects for a budget of %d:\n%s", len(done), budget, d.counts(by))
	}
	encrypted := 0
	for _, r := range records {
		if algorithm, _ := d.api.encryption(t, r["bucket"].(string)); algorithm == "aws:kms" {
			encrypted++
		}
	}
	if encrypted != budget {
		t.Errorf("%d buckets are encrypted, for a budget of %d", encrypted, budget)
	}
	for _, e := range wait {
		if !strings.Contains(e.Outcome.Message, "budget of rule it-flood in lane remediate") {
			t.Fatalf("a command waits since %q", e.Outcome.Message)
		}
	}
	const told = "rule it-flood in lane remediate within 168h0m0s"
	await.Until(t, "the alert", func() bool { return d.alerts(t, told) > 0 })
	d.quiet(t)
	if n := d.alerts(t, told); n != 1 {
		t.Errorf("%d alerts", n)
	}
	effects, asked := d.by(schemas.StateVerified, done), d.by(schemas.StateApproval, wait)
	t.Logf("effects: %v; asked: %v", effects, asked)
	if len(effects) < 2 {
		t.Errorf("one replica did everything: %v", effects)
	}
}

// quiet waits until everything that was to be told has been: no outcome waits to be published, and what was published is decided, and entered. Kafka
// keeps order within a partition, of which there are four: enough events behind all that tell that.
func (d *replicas) quiet(t *testing.T) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), d.database)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // only read
	await.Until(t, "no outcome waits", func() bool {
		var waiting int
		if err := conn.QueryRow(t.Context(), `select count(*) from outbox`).Scan(&waiting); err != nil {
			t.Fatal(err)
		}
		return waiting == 0
	})
	const last = 48
	behind := make([]message, last)
	now := time.Now()
	for n := range behind {
		behind[n] = message{Topic: d.kafka.Topics().Outcomes, Key: fmt.Append(nil, n), Value: fmt.Appendf(nil, `{"kind":"last","n":%d}`, n)}
	}
	if err := d.writer.Publish(t.Context(), behind...); err != nil {
		t.Fatal(err)
	}
	await.Until(t, "the last outcomes are alerted", func() bool {
		return len(d.list(t, ledger.Filter{Rule: "it-last", States: []schemas.State{schemas.StateVerified}, Since: now})) == last
	})
}
