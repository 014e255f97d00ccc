//go:build integration

package integration

import (
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/schemas"
)

// TestRiposte runs the scenarios on one deployment, one after the other: each leaves it as able to work as it was. `-run TestRiposte/kill`
// runs one of them.
func TestRiposte(t *testing.T) {
	w := newWorld(t)
	d := deploy(t, w, "it", "enforce", roomy+searched)
	d.declare(t)
	began := time.Now()
	fresh(t, d)
	d.startAll()
	d.collectDead(t)
	d.blockSets(t)
	for _, s := range []struct {
		name string
		run  func(*testing.T, *deployment)
	}{
		{"bucket loses its encryption", bucketLosesEncryption},
		{"undo after somebody changed the bucket", undoAfterChange},
		{"three instances", threeInstances},
		{"policy gets a version that grants everything", policyVersion},
		{"inline policy grants everything", inlinePolicy},
		{"policy without predecessor waits for approval", policyApproval},
		{"AWS Config finds a bucket", configCompliance},
		{"code that declares a bucket", codeOutOfDate},
		{"alert by webhook", alertByWebhook},
		{"alert by SNS", alertBySNS},
		{"custom event straight onto the topic", customEvent},
		{"remediation that fails", remediationFails},
		{"objects by SQS", objectsBySQS},
		{"rejected flows", rejectedFlows},
		{"a set edited by hand", setEditedByHand},
		{"a chain of responses", chain},
		{"kill switch", killSwitch},
		{"a hundred undone", undoOfAHundred},
		{"bad input", badInput},
		{"two consumers share the work", sharedWork},
		{"latency", latency},
		{"servers away and back", serversAway},
		{"killed ten times", killedTenTimes},
		{"interrupted in mid-flow", interruptedInMidFlow},
		{"nothing was lost", nothingLost},
		{"interrupted", interrupted},
	} {
		t.Run(s.name, func(t *testing.T) { s.run(t, d) })
	}
	t.Logf("all of it on one deployment: %s", time.Since(began).Round(time.Second))
	t.Run("beside each other", func(t *testing.T) { // each on a deployment of its own; they wait more than they work
		for name, run := range map[string]func(*testing.T){
			"people decide":  func(t *testing.T) { people(t, w) },
			"dry run":        func(t *testing.T) { dryRun(t, w, d) },
			"three replicas": func(t *testing.T) { threeReplicas(t, w) },
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				run(t)
			})
		}
	})
}

// fresh makes sure that the broker is as nobody touched it: the processes make their topics themselves.
func fresh(t *testing.T, d *deployment) {
	c, err := kafka.New(kafka.Config{Brokers: []string{d.w.kafka}, Prefix: d.name}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	await.Until(t, "the broker answers", func() bool { return c.Ping(t.Context()) == nil })
}

// nothingLost looks at the ledger as a whole: everything came to an end, or waits for a person.
func nothingLost(t *testing.T, d *deployment) {
	open := []schemas.State{schemas.StatePending, schemas.StateRunning, schemas.StateRetrying, schemas.StateVerifying}
	await.Until(t, "no command is open", func() bool { return len(d.list(t, ledger.Filter{States: open})) == 0 })
	counts := map[schemas.State]int{}
	for _, e := range d.list(t, ledger.Filter{}) {
		counts[e.State]++
	}
	t.Logf("the ledger at the end: %v", counts)
}

// interruptedInMidFlow ends every process while events wait in all places, and starts them again: each event is alerted, and none twice,
// since what was in flight was finished.
func interruptedInMidFlow(t *testing.T, d *deployment) {
	const events = 300
	var values []string
	for i := range events {
		values = append(values, fmt.Sprintf(`{"kind":"stop","n":%d}`, i))
	}
	d.publish(t, d.kafka.Topics().Events, values...)
	await.Until(t, "the first calls", func() bool { return len(d.hook.of("stop")) > 20 })
	interrupted(t, d)
	t.Logf("%d of %d calls were made before the end", len(d.hook.of("stop")), events)
	for name := range d.procs {
		d.start(name)
	}
	d.allCalled(t, "stop", events)
	if n := len(d.hook.of("stop")); n != events {
		t.Errorf("%d calls for %d events", n, events)
	}
}

// interrupted ends every process as Ctrl-C does.
func interrupted(t *testing.T, d *deployment) {
	for name, p := range d.procs {
		if code, took := p.Interrupt(t); code != 0 || took > 10*time.Second {
			t.Errorf("%s ended with %d after %s", name, code, took)
		} else {
			t.Logf("%s ended after %s", name, took.Round(time.Millisecond))
		}
	}
}
