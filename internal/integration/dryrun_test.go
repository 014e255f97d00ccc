//go:build integration

package integration

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/schemas"
)

// dryRun: without enforce, everything is read and every call is recorded, and nothing changes but that alerts are sent. All lanes are in one
// process here, and Kafka, PostgreSQL and the AWS API are away when the processes start.
func dryRun(t *testing.T, w *world, sets *deployment) {
	d := deploy(t, w, "dry", "dry_run", roomy)
	if err := os.MkdirAll(filepath.Join(d.dir, "flows"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, p := range []*proxy{w.brokers, d.db, d.aws} { // nothing is there when they start
		p.set(true)
	}
	d.start("produce", "produce", "trail", "custom", "flows")
	d.start("route", "route")
	d.start("consume", "consume", "alert", "block", "remediate")
	start := map[string]int{}
	for name, p := range d.procs {
		await.Until(t, name+" says that Kafka is away", func() bool { return len(p.Log.Lines(0, `"dependency":"kafka"`, " is away")) == 1 })
	}
	for _, p := range []*proxy{w.brokers, d.db, d.aws} {
		p.set(false)
	}
	for name := range d.procs {
		d.toldOnce(t, name, "kafka", start)
	}

	blocked := sets.four(t)
	bucket, record, event := seed(t, d.api, "dry")
	was, _ := d.api.encryption(t, bucket)
	d.post(t, "trail", record)
	d.appendTo(t, "flows/a.log", rejected("192.0.2.99", 22))
	d.post(t, "custom", map[string]any{"kind": "webhook", "n": 1})

	e := d.await(t, bucketRule, event, schemas.StateDryRun)
	if e.Plan == nil || len(e.Plan.Calls) != 1 || e.Plan.Calls[0].Operation != "PutBucketEncryption" || e.Applied {
		t.Errorf("the plan is %+v", e.Plan)
	}
	if got, _ := d.api.encryption(t, bucket); got != was {
		t.Errorf("a dry run encrypted the bucket by %q", got)
	}
	var blocks []ledger.Entry
	await.Until(t, "the block is a dry run", func() bool {
		blocks = d.list(t, ledger.Filter{Lanes: []schemas.Lane{schemas.LaneBlock}, States: []schemas.State{schemas.StateDryRun}})
		return len(blocks) == 1
	})
	if calls := blocks[0].Plan.Calls; len(calls) != 1 || calls[0].Operation != "UpdateIPSet" {
		t.Errorf("the plan of the block is %+v", calls)
	}
	if now := sets.four(t); !slices.Equal(now, blocked) {
		t.Errorf("a dry run changed the IP set from %v to %v", blocked, now)
	}
	await.Until(t, "the alert", func() bool { return len(d.hook.of("webhook")) == 1 })
	if code, out := d.riposte(t, "undo", e.Command.ID); code != 1 {
		t.Errorf("undo of a dry run: exit %d: %s", code, out)
	}
	interrupted(t, d)
}
