//go:build integration

package integration

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/schemas"
)

// marks are the ends of the logs so far, when nobody misses anything.
func (d *deployment) marks(t *testing.T) map[string]int {
	t.Helper()
	at := map[string]int{}
	for name, p := range d.procs {
		await.Until(t, name+" has everything it needs", func() bool { return len(p.Log.Lines(0, " is away")) == len(p.Log.Lines(0, " is back")) })
		at[name] = len(p.Log.String())
	}
	return at
}

// told counts how often a process said since a mark that something is away, and that it is back.
func (d *deployment) told(name, dependency string, since map[string]int) (away, back int) {
	p := d.procs[name]
	part := fmt.Sprintf(`"dependency":%q`, dependency)
	return len(p.Log.Lines(since[name], part, " is away")), len(p.Log.Lines(since[name], part, " is back"))
}

// toldOnce checks that a process said once that something is away, and once that it is back.
func (d *deployment) toldOnce(t *testing.T, name, dependency string, since map[string]int) {
	t.Helper()
	await.Until(t, name+" says that "+dependency+" is back", func() bool { _, back := d.told(name, dependency, since); return back > 0 })
	if away, back := d.told(name, dependency, since); away != 1 || back != 1 {
		t.Errorf("%s said %d times that %s is away, and %d times that it is back:\n%s", name, away, dependency, back,
			strings.Join(d.procs[name].Log.Lines(since[name], fmt.Sprintf(`"dependency":%q`, dependency)), ""))
	}
}

// allCalled waits until the webhook was called about n events of a kind.
func (d *deployment) allCalled(t *testing.T, kind string, n int) {
	t.Helper()
	await.Until(t, "alerts about all events of kind "+kind, func() bool {
		seen := map[int]bool{}
		for _, c := range d.hook.of(kind) {
			seen[c.event.N] = true
		}
		return len(seen) == n
	})
}

// wait lets time pass.
func wait(t *testing.T, d time.Duration) {
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

// serversAway cuts the way to Kafka, then that to the database, and then that to the AWS API, while events come in.
func serversAway(t *testing.T, d *deployment) {
	const events, gone = 20, 4 * time.Second
	t.Run("Kafka", func(t *testing.T) {
		if os.Getenv("RIPOSTE_TEST_KAFKA") != "" {
			t.Skip("the broker of RIPOSTE_TEST_KAFKA tells clients of another way")
		}
		since := d.marks(t)
		_, record, event := seed(t, d.api, "no-kafka")
		d.w.brokers.set(true)
		mend := time.AfterFunc(gone, func() { d.w.brokers.set(false) })
		defer mend.Stop()
		for i := range events {
			d.appendTo(t, "json/no-kafka.ndjson", fmt.Sprintf(`{"kind":"no-kafka","n":%d}`+"\n", i))
		}
		d.post(t, "trail", record) // is answered when Kafka has it, and sent again until then
		d.allCalled(t, "no-kafka", events)
		d.await(t, bucketRule, event, schemas.StateVerified)
		for name := range d.procs {
			d.toldOnce(t, name, "kafka", since)
		}
	})
	t.Run("ledger", func(t *testing.T) {
		since := d.marks(t)
		bucket, record, event := seed(t, d.api, "no-ledger")
		d.db.set(true)
		for i := range events {
			d.post(t, "custom", map[string]any{"kind": "outage", "n": i})
		}
		d.post(t, "trail", record)
		wait(t, gone)
		if n := len(d.hook.of("outage")); n > 0 {
			t.Errorf("%d alerts were sent that are in no ledger", n)
		}
		d.db.set(false)
		d.allCalled(t, "outage", events)
		d.await(t, bucketRule, event, schemas.StateVerified)
		if got, _ := d.api.encryption(t, bucket); got != "aws:kms" {
			t.Errorf("the bucket is encrypted by %q", got)
		}
		for _, name := range []string{"alert", "block", "remediate-1", "remediate-2"} {
			d.toldOnce(t, name, "ledger", since)
		}
	})
	t.Run("AWS API", func(t *testing.T) {
		since := d.marks(t)
		work := func(n int) (buckets, events []string) {
			for range n {
				bucket, record, event := seed(t, d.api, "no-aws")
				buckets, events = append(buckets, bucket), append(events, event)
				d.post(t, "trail", record)
			}
			return buckets, events
		}
		done := func(buckets, events []string) {
			for i, event := range events {
				d.await(t, bucketRule, event, schemas.StateVerified)
				if got, _ := d.api.encryption(t, buckets[i]); got != "aws:kms" {
					t.Errorf("the bucket is encrypted by %q", got)
				}
			}
		}
		d.aws.set(true)
		buckets, waiting := work(8)
		wait(t, gone)
		open := []schemas.State{schemas.StateRetrying, schemas.StateRunning}
		if n := len(d.list(t, ledger.Filter{Rule: bucketRule, States: open})); n != len(waiting) {
			t.Errorf("%d commands are tried again and again, %d expected", n, len(waiting))
		}
		d.aws.set(false)
		done(buckets, waiting)
		done(work(8)) // so that both processes ask again
		for _, name := range []string{"remediate-1", "remediate-2"} {
			spoke := false
			for _, service := range []string{"AWS S3 in " + region, "AWS STS in " + region} { // STS once, before anything else
				if away, _ := d.told(name, service, since); away > 0 {
					d.toldOnce(t, name, service, since)
					spoke = true
				}
			}
			if !spoke {
				t.Errorf("%s did not say that AWS was away", name)
			}
		}
		d.toldOnce(t, "produce", "queue "+d.name+"-trail", since)
	})
}
