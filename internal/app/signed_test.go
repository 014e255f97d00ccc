package app

import (
	"encoding/json"
	"fmt"
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

// run runs one command of the binary in this process.
func run(t *testing.T, code int, args ...string) string {
	t.Helper()
	var out strings.Builder
	if got := Main(t.Context(), args, Streams{In: strings.NewReader(""), Out: &out, Err: &out}); got != code {
		t.Fatalf("riposte %v: exit %d, %d expected\n%s", args, got, code, out.String())
	}
	return out.String()
}

// newPair makes a pair of keys as a person does, and returns the file of one and the line of the other.
func newPair(t *testing.T, dir, name string) (file, public string) {
	t.Helper()
	file = filepath.Join(dir, name+".pem")
	public, _, _ = strings.Cut(run(t, 0, "keys", "new", file), "\n")
	if got, _, _ := strings.Cut(run(t, 0, "keys", "show", file), "\n"); got != public {
		t.Fatalf("keys show: %q, not %q", got, public)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	run(t, 1, "keys", "new", file) // never over another
	return file, public
}

// TestSignedFromRouterToOperator runs the stages with keys: what the router signs acts, what a neighbour writes does not, a command refused for its key
// acts after the key is trusted and its dead letter put back, and a person's decisions bear the person's signature.
func TestSignedFromRouterToOperator(t *testing.T) {
	dir := t.TempDir()
	b, err := broker.Start(t.Context(), broker.Options{DataDir: filepath.Join(dir, "kafka"), Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	_, old := newPair(t, dir, "old")
	routerKey, routerPublic := newPair(t, dir, "router")
	annKey, ann := newPair(t, dir, "ann")
	in, hook := freeAddr(t), newCalls(t)
	rules := strings.Replace(upRules, "alert: { to: hook }", "invoke: { to: http, with: { endpoint: hook } }", 1)
	write(t, dir, "rules.yaml", rules)
	shared := fmt.Sprintf(`
http: { listen: "" }
kafka: { brokers: [ %q ], partitions: 2 }
ledger: { url: "sqlite://%s/ledger.db" }
invoke: { endpoints: { hook: { url: %q } } }
`, b.Addr(), dir, hook.URL)
	router := write(t, dir, "router.yaml", shared+fmt.Sprintf(`
producers: [ { name: http, format: json, source: { http: { listen: %q } } } ]
router: { rules: [ rules.yaml ], signing_key: "${file:%s}" }
`, in, routerKey))
	consumer := func(trusted ...string) string {
		return write(t, dir, "consumer.yaml", shared+fmt.Sprintf("consumers: { mode: enforce, trusted_sources: [ riposte/http ], trusted_keys: [ %s ], operator_keys: [ %q ] }\n", strings.Join(trusted, ", "), ann))
	}
	operator := write(t, dir, "operator.yaml", shared+fmt.Sprintf("consumers: { operator_keys: [ %q ] }\noperator: { signing_key: \"${file:%s}\" }\n", ann, annKey))

	start(t, dir, "-c", router, "produce", "--data", dir)
	start(t, dir, "-c", router, "route", "--data", dir)
	c := start(t, dir, "-c", consumer(old), "consume", "remediate", "--data", dir)
	await.Until(t, "the event is taken", func() bool {
		status, _ := post("http://"+in, `{"kind":"login_failed"}`)
		return status == 202
	})
	letters := func() string { return run(t, 0, "-c", operator, "deadletter", "list", "--json", "--stage", "consumer") }
	await.Until(t, "the command of an unknown router is a dead letter", func() bool { return strings.Contains(letters(), "a key that is not trusted") })
	c.Interrupt(t)

	// The key is trusted now: the letter goes back as it was, signature and all.
	start(t, dir, "-c", consumer(old, routerPublic), "consume", "remediate", "--data", dir)
	if said := run(t, 0, "-c", operator, "deadletter", "replay", "--stage", "consumer", "--yes"); !strings.Contains(said, "back on riposte.remediate") {
		t.Error(said)
	}
	var waits []ledger.Entry
	await.Until(t, "the command waits for an approval", func() bool {
		return json.Unmarshal([]byte(run(t, 0, "-c", operator, "commands", "--state", "approval", "--json")), &waits) == nil && len(waits) == 1
	})

	// A neighbour writes a command of its own.
	k, err := kafka.New(kafka.Config{Brokers: []string{b.Addr()}}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	w := k.NewWriter()
	t.Cleanup(w.Close)
	forged := waits[0].Command
	forged.Approval, forged.EventUID = schemas.ApprovalWaived, "forged"
	forged.ID = schemas.CommandID(forged.Rule, forged.Step, forged.EventUID, forged.Target)
	value, err := forged.Encode()
	if err != nil {
		t.Fatal(err)
	}
	err = w.Publish(t.Context(), kafka.Message{Topic: k.Topics().Remediate, Key: []byte(forged.Target.Key()), Value: value, Headers: kafka.Headers(schemas.CommandHeaders(forged, "riposte/router", ""))})
	if err != nil {
		t.Fatal(err)
	}
	await.Until(t, "the forged command is a dead letter", func() bool { return strings.Contains(letters(), "bears no signature") })

	id := waits[0].Command.ID
	if said := run(t, 1, "-c", consumer(routerPublic), "approve", id); !strings.Contains(said, "operator.signing_key is missing") {
		t.Error(said)
	}
	if hook.count() != 0 {
		t.Errorf("%d calls before anybody approved one", hook.count())
	}
	run(t, 0, "-c", operator, "stop", "--all", "--by", "ann")
	run(t, 0, "-c", operator, "resume", "--all", "--by", "ann")
	run(t, 0, "-c", operator, "approve", id, "--by", "ann")
	await.Until(t, "the call is made", func() bool { return hook.count() == 1 })
}

// TestMismatchedKeys: who signs with a key that the own consumers do not trust is told at once.
func TestMismatchedKeys(t *testing.T) {
	dir := t.TempDir()
	key, public := newPair(t, dir, "a")
	_, other := newPair(t, dir, "b")
	cfg := func(trusted string) string {
		return write(t, dir, "riposte.yaml", fmt.Sprintf("router: { signing_key: \"${file:%s}\" }\nconsumers: { trusted_keys: [ %q ] }\n", key, trusted))
	}
	run(t, 0, "-c", cfg(public), "config", "check")
	if said := run(t, 1, "-c", cfg(other), "config", "check"); !strings.Contains(said, "riposte.yaml:2:") || !strings.Contains(said, public) {
		t.Error(said)
	}
}
