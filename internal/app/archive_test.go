package app

import (
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
	"github.com/riposte-security/riposte/internal/broker"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/schemas"
)

// command runs a command line in this process.
func command(t *testing.T, args ...string) (code int, output string) {
	t.Helper()
	var out strings.Builder
	code = Main(t.Context(), args, Streams{In: strings.NewReader(""), Out: &out, Err: &out})
	return code, out.String()
}

// TestArchive has riposte up archive what happens, holds the archive against Kafka, tells a command's story from it, and finds what is changed.
func TestArchive(t *testing.T) {
	dir, in, calls, brokerAddr := t.TempDir(), freeAddr(t), newCalls(t), freeAddr(t)
	_, port, err := net.SplitHostPort(brokerAddr)
	if err != nil {
		t.Fatal(err)
	}
	key, line := newPair(t, dir, "archive")
	public := write(t, dir, "archive.pub", line)
	write(t, dir, "rules.yaml", upRules)
	cfg := write(t, dir, "riposte.yaml", fmt.Sprintf(`
http: { listen: "" }
producers: [ { name: http, format: json, source: { http: { listen: %q } } } ]
router: { rules: [ %q ] }
receivers: [ { name: hook, webhook: { url: %q, secret: whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE= } } ]
ledger: { url: %q }
archive: { to: %q, key: { file: %q }, segment: { age: 1s } }
`, in, filepath.Join(dir, "rules.yaml"), calls.URL, "sqlite://"+filepath.Join(dir, "data", "ledger.db"), filepath.Join(dir, "kept"), key))
	p := start(t, dir, "-c", cfg, "up", "--data", "data", "--port", port)
	await.Until(t, "events are taken", func() bool {
		status, _ := post("http://"+in, `{"kind":"login_failed","user":"bob"}`)
		return status == 202
	})
	head := filepath.Join(dir, "head.json")
	onKafka := write(t, dir, "kafka.yaml", fmt.Sprintf("kafka: { brokers: [%q] }\narchive: { to: %q, key: { file: unused } }\n", brokerAddr, filepath.Join(dir, "kept")))
	await.Until(t, "events, command and outcome are archived", func() bool {
		code, out := command(t, "-c", onKafka, "audit", "verify", "--key", public, "--kafka", "--json", "--write-head", head)
		var r struct{ Partitions, Problems int }
		_ = json.Unmarshal([]byte(out), &r) // while there is nothing, it says so in words
		return code == 0 && r.Problems == 0 && r.Partitions >= 3
	})
	entries := inLedger(t, dir, ledger.Filter{Limit: 1})
	if len(entries) != 1 {
		t.Fatalf("%d commands", len(entries))
	}
	if code, took := p.Interrupt(t); code != 0 {
		t.Errorf("ended with %d after %s", code, took)
	}

	code, out := command(t, "-c", cfg, "audit", "verify", "--key", public, "--head", head)
	if code != 0 || !strings.Contains(out, " 0 problems") {
		t.Errorf("verify: %d %s", code, out)
	}
	code, out = command(t, "-c", cfg, "audit", "show", "--key", public, entries[0].Command.ID)
	for _, want := range []string{
		"riposte.events/", "from riposte/http", `"kind":"login_failed"`, "rule custom (Custom), hash", `when: unmapped.kind == "login_failed"`, "alert hook on", "webhook:POST", "outcome verified",
	} {
		if code != 0 || !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
			t.Errorf("show: %d, %q is not in\n%s", code, want, out)
		}
	}
	if code, out := command(t, "-c", cfg, "audit", "show", "--key", public, strings.Repeat("0", 32)); code != 1 || !strings.Contains(out, "is not in archive") {
		t.Errorf("a command that never was: %d %s", code, out)
	}

	segments, err := filepath.Glob(filepath.Join(dir, "kept/segments/riposte.alert/*/*.ndjson.zst"))
	if err != nil || len(segments) == 0 {
		t.Fatalf("%d segments of alerts: %v", len(segments), err)
	}
	if err := os.Remove(segments[0]); err != nil {
		t.Fatal(err)
	}
	if code, out := command(t, "-c", cfg, "audit", "verify", "--key", public); code != 1 || !strings.Contains(out, "the data file is missing") {
		t.Errorf("verify what was changed: %d %s", code, out)
	}
	if code, out := command(t, "audit", "verify", "--key", public, filepath.Join(dir, "nowhere")); code != 1 {
		t.Errorf("verify what is not there: %d %s", code, out)
	}
	if code, out := command(t, "-c", cfg, "audit", "verify"); code != 2 {
		t.Errorf("verify without a key: %d %s", code, out)
	}
}

// TestArchiveKilled kills the archive's process again and again while messages arrive; then a last one archives all of them, each offset once.
func TestArchiveKilled(t *testing.T) {
	dir := t.TempDir()
	b, err := broker.Start(t.Context(), broker.Options{Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	key, public := newPair(t, dir, "archive")
	pub := write(t, dir, "archive.pub", public)
	cfg := write(t, dir, "riposte.yaml", fmt.Sprintf(`
http: { listen: "" }
kafka: { brokers: [%q], partitions: 2, session_timeout: 6s }
archive: { to: %q, key: { file: %q }, segment: { records: 60, age: 1s } }
`, b.Addr(), filepath.Join(dir, "kept"), key))
	client, err := kafka.New(kafka.Config{Brokers: []string{b.Addr()}, Partitions: 2}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.EnsureTopics(t.Context()); err != nil {
		t.Fatal(err)
	}
	w := client.NewWriter()
	defer w.Close()
	sent := 0
	publish := func() {
		var msgs []kafka.Message
		for range 400 {
			msgs = append(msgs, kafka.Message{Topic: client.Topics().Events, Key: fmt.Append(nil, sent), Value: fmt.Appendf(nil, `{"n":%d}`, sent)})
			sent++
		}
		if err := w.Publish(t.Context(), msgs...); err != nil {
			t.Fatal(err)
		}
	}
	manifests := func() int {
		all, err := filepath.Glob(filepath.Join(dir, "kept/segments/*/*/*.manifest"))
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}
	for range 4 {
		before := manifests()
		p := start(t, dir, "-c", cfg, "archive", "--data", "data")
		publish()
		await.Until(t, "some segments are written", func() bool { return manifests() > before+1 })
		p.Kill()
	}
	start(t, dir, "-c", cfg, "archive", "--data", "data")
	var r struct{ Records, Problems, Absent int }
	await.Until(t, "everything is archived", func() bool {
		_, out := command(t, "-c", cfg, "audit", "verify", "--key", pub, "--json")
		_, last, _ := strings.Cut("\n"+strings.TrimSpace(out), "\n")
		return json.Unmarshal([]byte(last), &r) == nil && r.Records >= sent
	})
	await.Until(t, "everything is committed", func() bool {
		ends, err := client.Ends(t.Context(), client.Topics().Events)
		if err != nil {
			return false
		}
		done, err := client.Reached(t.Context(), "riposte.archive", ends)
		return err == nil && done
	})
	code, out := command(t, "-c", cfg, "audit", "verify", "--key", pub, "--kafka", "--json")
	if code != 0 || json.Unmarshal([]byte(strings.TrimSpace(out)), &r) != nil || r.Records != sent || r.Problems > 0 || r.Absent > 0 {
		t.Errorf("%d sent; verify: %d %s", sent, code, out)
	}
}

// TestAuditShowsWhoDecided: the archive alone tells who approved what, what was called, what became of it and what followed, when nobody has the ledger any more.
func TestAuditShowsWhoDecided(t *testing.T) {
	dir, in, calls := t.TempDir(), freeAddr(t), newCalls(t)
	_, port, err := net.SplitHostPort(freeAddr(t))
	if err != nil {
		t.Fatal(err)
	}
	key, public := newPair(t, dir, "archive")
	public = write(t, dir, "archive.pub", public)
	annKey, ann := newPair(t, dir, "ann")
	const act = "then: [ { invoke: { to: http, APPROVAL with: { endpoint: hook } } } ]\n"
	write(t, dir, "rules.yaml", "id: asks\ntitle: Asks\nseverity: low\nwhen: unmapped.kind == \"login_failed\"\n"+strings.Replace(act, "APPROVAL", "approval: required,", 1)+
		"---\nid: chained\ntitle: Chained\nseverity: low\non: outcomes\nwhen: unmapped.riposte.rule == \"asks\" and unmapped.riposte.state == \"verified\"\n"+strings.Replace(act, "APPROVAL", "approval: waived,", 1))
	cfg := write(t, dir, "riposte.yaml", fmt.Sprintf(`
http: { listen: "" }
producers: [ { name: http, format: json, source: { http: { listen: %q } } } ]
router: { rules: [ %q ] }
consumers: { mode: enforce, operator_keys: [ %q ] }
operator: { signing_key: "${file:%s}" }
invoke: { endpoints: { hook: { url: %q } } }
ledger: { url: %q }
archive: { to: %q, key: { file: %q }, segment: { age: 1s } }
`, in, filepath.Join(dir, "rules.yaml"), ann, annKey, calls.URL, "sqlite://"+filepath.Join(dir, "data", "ledger.db"), filepath.Join(dir, "kept"), key))
	p := start(t, dir, "-c", cfg, "up", "--data", "data", "--port", port)
	await.Until(t, "the event is taken", func() bool {
		status, _ := post("http://"+in, `{"kind":"login_failed","user":"bob"}`)
		return status == 202
	})
	of := func(rule string, state schemas.State) (id string) {
		await.Until(t, rule+" is "+string(state), func() bool {
			for _, e := range inLedger(t, dir, ledger.Filter{Limit: 10}) {
				if e.Command.Rule == rule && e.State == state {
					id = e.Command.ID
				}
			}
			return id != ""
		})
		return id
	}
	asks := of("asks", schemas.StateApproval)
	if code, out := command(t, "-c", cfg, "approve", asks, "--by", "ann", "--reason", "seen", "--data", filepath.Join(dir, "data")); code != 0 {
		t.Fatal(out)
	}
	chained := of("chained", schemas.StateVerified)
	shows := func(id string, wants ...string) {
		t.Helper()
		missing := ""
		await.Until(t, "the archive tells it all", func() bool {
			missing = ""
			_, out := command(t, "-c", cfg, "audit", "show", "--key", public, "--data", filepath.Join(dir, "nowhere"), id)
			for _, want := range wants {
				if !strings.Contains(strings.Join(strings.Fields(out), " "), want) {
					missing += fmt.Sprintf("%q is not in %s\n", want, out)
				}
			}
			return missing == ""
		}, func() string { return missing })
	}
	shows(chained, "cause "+asks, "outcome verified", "on: outcomes")
	p.Interrupt(t)
	if err := os.RemoveAll(filepath.Join(dir, "data")); err != nil {
		t.Fatal(err)
	}
	shows(asks, "outcome approval", "approval by ann", "via cli", ", signed: seen", "call http:POST", "outcome verified", "led to "+chained, "no ledger is asked")
	code, out := command(t, "-c", cfg, "audit", "show", "--key", public, "--json", asks)
	var told struct {
		Outcomes []struct {
			State     string
			Approvals []ledger.Approval
		}
		Followed []string
	}
	if err := json.Unmarshal([]byte(out), &told); code != 0 || err != nil || len(told.Outcomes) != 2 || len(told.Outcomes[1].Approvals) != 1 || len(told.Outcomes[0].Approvals) != 0 {
		t.Errorf("%d, %v: %s", code, err, out)
	}
}
