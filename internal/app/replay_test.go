package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/schemas"
)

// TestReplay: what comes again is the same event, says who had it come again, and leads to nothing twice.
func TestReplay(t *testing.T) {
	u := startUp(t)
	cfg, err := os.ReadFile(filepath.Join(u.dir, "riposte.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	known := write(t, u.dir, "known.yaml", string(cfg)+fmt.Sprintf("\nkafka: { brokers: [ %q ] }\n", u.kafka.Config().Brokers[0]))
	run := func(code int, want string, args ...string) {
		t.Helper()
		var out strings.Builder
		args = append([]string{"-c", known, "replay"}, args...)
		if got := Main(t.Context(), args, Streams{In: strings.NewReader(""), Out: &out, Err: &out}); got != code || !strings.Contains(out.String(), want) {
			t.Errorf("riposte %v: exit %d, %d expected, with %q in\n%s", args, got, code, want, out.String())
		}
	}
	events := u.kafka.Topics().Events
	w := u.kafka.NewWriter()
	defer w.Close()
	// One that somebody else published, whose identity is its place on the topic, and one that is none.
	if err := w.Publish(t.Context(), kafka.Message{Topic: events, Value: []byte(`{"kind":"login_failed","n":1}`)}, kafka.Message{Topic: events, Value: []byte("no JSON")}); err != nil {
		t.Fatal(err)
	}
	u.alerts(t, `{"kind":"login_failed","n":2}`)
	await.Until(t, "both alerts", func() bool { return u.calls.count() >= 2 })
	before := u.calls.count()

	run(2, "nobody answers", events)
	run(2, "one --partition expected", events, "--offsets", "1-2", "--yes")
	run(2, "further back than --until", events, "--since", "1h", "--until", "2h", "--yes")
	run(2, "nothing is put onto", events, "--to", u.kafka.Topics().DeadLetter, "--yes")
	run(0, "nothing there", events, "--since", "2h", "--until", "1h", "--yes")
	run(0, "1 are no events", events, "--yes", "--by", "ann", "--reason", "a new rule")

	times, marks := map[string]int{}, 0
	await.Until(t, "what came again", func() bool {
		times, marks = map[string]int{}, 0
		err := u.kafka.ReadAll(t.Context(), events, func(_ context.Context, m kafka.Message) error {
			ev, err := m.Event()
			if err != nil {
				return nil //nolint:nilerr // the one that is none
			}
			times[ev.UID]++
			if strings.HasPrefix(ev.Replay, "by ann at ") && strings.HasSuffix(ev.Replay, ": a new rule") {
				marks++
			}
			return nil
		})
		return err == nil && marks >= 2
	})
	for uid, n := range times {
		if n != 2 {
			t.Errorf("event %s is there %d times", uid, n)
		}
	}
	if marks != len(times) {
		t.Errorf("%d of %d say who had them come again", marks, len(times))
	}
	for _, n := range []string{"3", "4", "5"} { // come after what came again
		u.alerts(t, `{"kind":"login_failed","n":`+n+`}`)
	}
	if n := u.calls.count(); n != before+3 {
		t.Errorf("%d alerts more, three expected: what was alerted is alerted again", n-before)
	}
}

// TestReplayedWaits: what follows of events that come again waits for a person: of the events themselves, of what they find together, and of what an alert on one
// has led to; also if they come from a topic of somebody else's, and whatever the rules waive.
func TestReplayedWaits(t *testing.T) {
	dir, in, alerts, acts := t.TempDir(), freeAddr(t), newCalls(t), newCalls(t)
	brokerAddr := freeAddr(t)
	_, port, err := net.SplitHostPort(brokerAddr)
	if err != nil {
		t.Fatal(err)
	}
	const act = "then: [ { invoke: { to: http, approval: waived, with: { endpoint: hook, input: { rule: %s } } } } ]\n"
	write(t, dir, "rules.yaml", upRules+"---\nid: single\ntitle: A\nseverity: low\nwhen: unmapped.kind == \"login_failed\"\n"+fmt.Sprintf(act, "single")+
		"---\nid: several\ntitle: B\nseverity: low\nwhen: unmapped.kind == \"login_failed\"\ncorrelate: { type: event_count, group_by: [unmapped.kind], within: 1h, at_least: 2 }\n"+fmt.Sprintf(act, "several")+
		"---\nid: chained\ntitle: C\nseverity: low\non: outcomes\nwhen: unmapped.riposte.rule == \"custom\" and unmapped.riposte.state == \"verified\"\n"+fmt.Sprintf(act, "chained"))
	cfg := write(t, dir, "riposte.yaml", fmt.Sprintf(`
http: { listen: "" }
kafka: { prefix: riposte }
producers: [ { name: http, format: json, source: { http: { listen: %q } } } ]
router: { rules: [ rules.yaml ] }
consumers: { mode: enforce }
invoke: { endpoints: { hook: { url: %q } } }
receivers: [ { name: hook, webhook: { url: %q, secret: whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE= } } ]
`, in, acts.URL, alerts.URL))
	start(t, dir, "-c", cfg, "up", "--data", "data", "--port", port)
	k, err := kafka.New(kafka.Config{Brokers: []string{brokerAddr}}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	await.Until(t, "events are taken", func() bool {
		status, _ := post("http://"+in, `{"kind":"warm up"}`)
		return status == 202
	})
	if err := k.MakeTopics(t.Context(), "old"); err != nil {
		t.Fatal(err)
	}
	w := k.NewWriter()
	t.Cleanup(w.Close)
	for _, user := range []string{"ann", "bob"} {
		m := kafka.Message{Topic: "old", Value: []byte(`{"kind":"login_failed","user":"` + user + `"}`), Headers: []kafka.Header{{Key: schemas.HeaderSource, Value: []byte("riposte/http")}}}
		if err := w.Publish(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	var first kafka.Message
	if err := k.ReadAll(t.Context(), "old", func(_ context.Context, m kafka.Message) error { first = m; return nil }); err != nil {
		t.Fatal(err)
	}
	known := write(t, dir, "known.yaml", fmt.Sprintf("kafka: { brokers: [ %q ] }\nledger: { url: \"sqlite://%s/data/ledger.db\" }\n", brokerAddr, dir))
	if err := k.MakeTopics(t.Context(), "copy"); err != nil {
		t.Fatal(err)
	}
	one := fmt.Sprintf("%d-%d", first.Offset, first.Offset)
	if said := run(t, 0, "-c", known, "replay", "old", "--to", "copy", "--partition", fmt.Sprint(first.Partition), "--offsets", one, "--yes"); !strings.Contains(said, "1 messages of old are on copy") {
		t.Error(said)
	}
	copies := 0
	err = k.ReadAll(t.Context(), "copy", func(_ context.Context, m kafka.Message) error {
		copies++
		if string(m.Value) != string(first.Value) || m.Header(schemas.HeaderSource) != "riposte/http" {
			t.Errorf("%s", m.Value)
		}
		return nil
	})
	if err != nil || copies != 1 {
		t.Errorf("%d copies, %v", copies, err)
	}
	run(t, 1, "-c", known, "replay", "old", "--to", "misspelt", "--yes")
	run(t, 2, "-c", known, "replay", "old", "--to", k.Topics().Remediate, "--yes")
	if said := run(t, 0, "-c", known, "replay", "old", "--to", k.Topics().Events, "--yes"); !strings.Contains(said, "2 messages") {
		t.Error(said)
	}
	waiting := map[string]int{}
	await.Until(t, "all that follows waits", func() bool {
		var all []ledger.Entry
		waiting = map[string]int{}
		if json.Unmarshal([]byte(run(t, 0, "-c", known, "commands", "--lane", "remediate", "--json")), &all) != nil {
			return false
		}
		for _, e := range all {
			if e.State == schemas.StateApproval && strings.Contains(e.Outcome.Message, "was replayed") {
				waiting[e.Command.Rule]++
			}
		}
		return waiting["single"] == 2 && waiting["several"] == 1 && waiting["chained"] == 2
	})
	if acts.count() != 0 || alerts.count() != 2 {
		t.Errorf("%d calls without a person, %d alerts of two; %v", acts.count(), alerts.count(), waiting)
	}
	// With --act, what is new acts; what waits, waits.
	if err := w.Publish(t.Context(), kafka.Message{Topic: "old", Value: []byte(`{"kind":"login_failed","user":"eve"}`), Headers: []kafka.Header{{Key: schemas.HeaderSource, Value: []byte("riposte/http")}}}); err != nil {
		t.Fatal(err)
	}
	run(t, 0, "-c", known, "replay", "old", "--to", k.Topics().Events, "--act", "--yes")
	await.Until(t, "what is new acts", func() bool { return acts.count() == 2 }) // by itself, and as what its alert has led to
}
