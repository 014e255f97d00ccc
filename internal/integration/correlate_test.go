//go:build integration

package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/internal/servers"
	"github.com/riposte-security/riposte/internal/testproc"
	"github.com/riposte-security/riposte/router"
	"github.com/riposte-security/riposte/router/correlate"
	"github.com/riposte-security/riposte/schemas"
)

const correlateSettings = `
log: { level: info, format: json }
http: { listen: "127.0.0.1:0" }
kafka: { brokers: [ %q ], prefix: %q, partitions: 6, session_timeout: 6s }
aws: { region: us-east-1 }
router: { rules: [ rules.yaml ] }
`

const correlateRules = `
id: it-burst
title: Five of a kind
severity: high
class: base_event
when: unmapped.kind == "burst"
correlate: { type: event_count, group_by: [unmapped.user], within: 10m, at_least: 5 }
then: [ { alert: {} } ]
---
id: it-step
title: A step
severity: low
class: base_event
when: unmapped.kind == "burst" and unmapped.round == 0
---
id: it-end
title: The last step
severity: low
class: base_event
when: unmapped.kind == "burst" and unmapped.round == 5
---
id: it-path
title: From the first step to the last
severity: high
correlate: { type: temporal_ordered, rules: [it-step, it-end], group_by: [unmapped.user], within: 10m }
then: [ { alert: {} } ]
---
id: it-chain
title: Five of a kind, and the last step
severity: high
correlate: { type: temporal_ordered, rules: [it-burst, it-end], group_by: [unmapped.user], within: 10m }
then: [ { alert: {} } ]
`

// TestCorrelations has three routers correlate on a real broker while members of the group come and go: one is killed with SIGKILL, one ends in an
// orderly way, one comes back, one is new. The events of every group are spread over all of that. Each finding that must follow does, under the
// id that its rule, group and window give, and no other.
func TestCorrelations(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	bin := filepath.Join(dir, "riposte")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, ".")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	broker := servers.Kafka(t)
	const prefix = "correlations"
	cfg := write(t, dir, "riposte.yaml", fmt.Sprintf(correlateSettings, broker, prefix))
	write(t, dir, "rules.yaml", correlateRules)
	client, err := kafka.New(kafka.Config{Brokers: []string{broker}, Prefix: prefix, Partitions: 6}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.EnsureTopics(t.Context()); err != nil {
		t.Fatal(err)
	}
	route := func(name string) *process {
		return testproc.Start(t, "router "+name, bin, dir, nil, "-c", cfg, "route")
	}
	routers := map[string]*process{"a": route("a"), "b": route("b"), "c": route("c")}

	const groups, rounds, within = 500, 6, 10 * time.Minute
	began := time.Now().Truncate(within)
	w := client.NewWriter()
	defer w.Close()
	round := func(nth int) {
		var msgs []kafka.Message
		for g := range groups {
			n := nth
			if g%5 == 0 && n >= 4 { // these have four events, one of which comes again and again
				n = 1
			}
			uid := fmt.Sprintf("%d-%d", g, n)
			event := fmt.Sprintf(`{"class_uid":0,"time":%d,"metadata":{"uid":%q},"unmapped":{"kind":"burst","user":"user-%d","round":%d}}`,
				began.Add(time.Duration(n)*time.Second).UnixMilli(), uid, g, n)
			msgs = append(msgs, kafka.Message{Topic: client.Topics().Events, Key: []byte(uid), Value: []byte(event)})
		}
		if err := w.Publish(t.Context(), msgs...); err != nil {
			t.Fatal(err)
		}
	}
	chaos := []func(){
		func() { routers["a"].Kill() },
		func() { routers["d"] = route("d") },
		func() { routers["b"].Interrupt(t) },
		func() { routers["a"] = route("a") },
		func() { routers["d"].Kill() },
		func() { routers["b"] = route("b") },
	}
	for n := range rounds {
		round(n)
		await.Until(t, "some of it is contributed", func() bool {
			lag, err := client.Lag(t.Context(), prefix+".router", client.Topics().Events)
			return err == nil && total(lag) < groups*6/5
		})
		chaos[n]()
	}
	await.Until(t, "all is read and committed", func() bool {
		// First what the router contributes, then what the correlator reads of it.
		for _, of := range [][2]string{{prefix + ".router", client.Topics().Events}, {prefix + ".correlator", client.Topics().Correlate}} {
			if lag, err := client.Lag(t.Context(), of[0], of[1]); err != nil || total(lag) > 0 {
				return false
			}
		}
		return true
	})
	want := map[string]string{}
	for g := range groups {
		for _, rule := range []string{"it-burst", "it-path", "it-chain"} {
			if g%5 == 0 {
				continue
			}
			spec := &correlate.Spec{Rule: rule, Within: within}
			f := correlate.Firing{Spec: spec, Group: json.RawMessage(fmt.Sprintf(`["user-%d"]`, g)), Bucket: spec.Bucket(began.UnixMilli())}
			target := schemas.Target{Type: "group", ID: fmt.Sprintf("unmapped.user=user-%d", g)}
			want[schemas.CommandID(rule, "alert:log", f.UID(), target)] = fmt.Sprintf("%s of user-%d", rule, g)
		}
	}
	got := map[string]int{}
	err = client.ReadAll(t.Context(), client.Topics().Alert, func(_ context.Context, m kafka.Message) error {
		got[m.Header("ce_id")]++
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	again, missing, more := 0, 0, 0
	for id, what := range want {
		if got[id] == 0 {
			missing++
			if missing < 5 {
				t.Errorf("missing: %s", what)
			}
		}
		again += max(0, got[id]-1)
	}
	for id := range got {
		if want[id] == "" {
			more++
		}
	}
	if missing > 0 || more > 0 {
		t.Errorf("%d findings missing, %d too many, of %d", missing, more, len(want))
	}
	simulated(t, bin, dir, cfg, len(want)/3)
	if t.Failed() {
		for _, topic := range []string{client.Topics().Events, client.Topics().Correlate, client.Topics().DeadLetter, client.Topics().Alert} {
			n, last := 0, kafka.Message{}
			err := client.ReadAll(t.Context(), topic, func(_ context.Context, m kafka.Message) error {
				n, last = n+1, m
				return nil
			})
			t.Logf("%s: %d messages, the last at %s: %s %v (%v)", topic, n, last.Time, last.Value, last.Headers, err)
		}
	}
	t.Logf("%d findings, each under its one id; %d were published again", len(want), again)
}

// simulated has the same events simulated, as they lie in Kafka: the correlations fire as often as they did, though the events are read in another
// order and some came several times.
func simulated(t *testing.T, bin, dir, cfg string, fires int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), bin, "-c", cfg, "simulate", "--rules", filepath.Join(dir, "rules.yaml"), "--since", "1h", "--json")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("simulate: %v\n%s", err, out)
		return
	}
	var r router.SimulationReport
	if err := json.Unmarshal(out, &r); err != nil {
		t.Errorf("simulate: %v\n%s", err, out)
		return
	}
	found := 0
	for _, x := range r.Rules {
		if len(x.Actions) == 0 {
			continue
		}
		found++
		if x.Matches != fires || x.Actions[0].Commands != fires || x.Actions[0].Targets != uint64(fires) {
			t.Errorf("simulated: %+v, %d expected", x, fires)
		}
	}
	if found != 3 || r.Findings < 3*fires {
		t.Errorf("simulated: %d rules, %d findings of the routers passed over", found, r.Findings)
	}
}

func total(lag map[string]map[int]int64) int64 {
	n := int64(0)
	for _, partitions := range lag {
		for _, l := range partitions {
			n += l
		}
	}
	return n
}
