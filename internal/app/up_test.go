package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/schemas"
)

const upRules = `
id: custom
title: Custom
severity: low
when: unmapped.kind == "login_failed"
then: [ { alert: { to: hook } } ]
`

// up is a running `riposte up` with one rule, whose alerts go to calls.
type up struct {
	*process
	dir, in string
	calls   *calls
	kafka   *kafka.Client
}

func startUp(t testing.TB) *up {
	t.Helper()
	u := &up{dir: t.TempDir(), in: freeAddr(t), calls: newCalls(t)}
	broker := freeAddr(t)
	_, port, err := net.SplitHostPort(broker)
	if err != nil {
		t.Fatal(err)
	}
	write(t, u.dir, "rules.yaml", upRules)
	cfg := write(t, u.dir, "riposte.yaml", fmt.Sprintf(`
http: { listen: "" }
producers: [ { name: http, format: json, source: { http: { listen: %q } } } ]
router: { rules: [ rules.yaml ] }
receivers: [ { name: hook, webhook: { url: %q, secret: whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE= } } ]
`, u.in, u.calls.URL))
	u.process = start(t, u.dir, "-c", cfg, "up", "--data", "data", "--port", port)
	if u.kafka, err = kafka.New(kafka.Config{Brokers: []string{broker}}, zerolog.Nop()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.kafka.Close)
	await.Until(t, "events are taken", func() bool {
		status, _ := post("http://"+u.in, `{"kind":"warm up"}`)
		return status == 202
	})
	return u
}

// alerts posts an event and waits for its alert.
func (u *up) alerts(t *testing.T, body string) {
	t.Helper()
	before := u.calls.count()
	if status, text := post("http://"+u.in, body); status != 202 {
		t.Fatalf("POST: %d %s", status, text)
	}
	await.Until(t, "an alert for "+body, func() bool { return u.calls.count() > before })
}

// TestBadInput puts what nobody can read on every topic: each becomes a dead letter with a reason, and the pipeline goes on.
func TestBadInput(t *testing.T) {
	u := startUp(t)
	topics := u.kafka.Topics()
	w := u.kafka.NewWriter()
	defer w.Close()
	unknown, err := newCommand("no-such-action")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []kafka.Message{
		{Topic: topics.Events, Value: []byte("no JSON at all")},
		{Topic: topics.Events, Value: []byte(`[1,2]`)},
		{Topic: topics.Remediate, Value: []byte(`{"id":`)},
		{Topic: topics.Remediate, Value: unknown},
	} {
		if err := w.Publish(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	if status, _ := post("http://"+u.in, `{"kind":"big","x":"`+strings.Repeat("x", 9<<20)+`"}`); status != 400 {
		t.Errorf("a record of 9 MiB: %d, want 400", status)
	}
	u.alerts(t, `{"kind":"login_failed"}`)
	reasons := map[string]string{}
	await.Until(t, "five dead letters", func() bool {
		err := u.kafka.ReadAll(t.Context(), topics.DeadLetter, func(_ context.Context, m kafka.Message) error {
			reasons[m.Header("stage")+" "+m.Header("topic")+" "+string(m.Value[:min(len(m.Value), 10)])] = m.Header("reason")
			return nil
		})
		return err == nil && len(reasons) >= 5
	})
	for what, reason := range reasons {
		if reason == "" {
			t.Errorf("%s: a dead letter without a reason", what)
		}
		t.Logf("%s: %s", what, reason)
	}
}

// TestCommandsTellOfAnAlert asks the ledger of a running riposte, as a person does.
func TestCommandsTellOfAnAlert(t *testing.T) {
	u := startUp(t)
	u.alerts(t, `{"kind":"login_failed"}`)
	ask := func(code int, want string, args ...string) string {
		t.Helper()
		var out strings.Builder
		args = append(args, "--data", u.dir+"/data")
		if got := Main(t.Context(), args, Streams{Out: &out, Err: &out}); got != code || !strings.Contains(out.String(), want) {
			t.Errorf("riposte %v: exit %d, %d expected, with %q in:\n%s", args, got, code, want, out.String())
		}
		return out.String()
	}
	var listed []struct{ Command struct{ ID string } }
	await.Until(t, "the command has ended", func() bool {
		return json.Unmarshal([]byte(ask(0, "[", "commands", "--state", "verified", "--json")), &listed) == nil && len(listed) == 1
	})
	id := listed[0].Command.ID
	ask(0, "attempts  1", "commands", id[:8])
	ask(1, "what was sent is sent", "undo", id)
	ask(1, "not in a state that allows it: it is verified", "approve", id)
	ask(0, "no commands", "blocks")
	ask(2, "pending, approval, running", "commands", "--state", "done")
}

// newCommand is the message of a command that asks for an action.
func newCommand(action string) ([]byte, error) {
	target := schemas.Target{Type: "thing", ID: "x"}
	cmd := schemas.Command{
		ID: schemas.CommandID("r", "s", "e", target), Rule: "r", RuleHash: "h", Step: "s", Lane: schemas.LaneRemediate, Action: action, Target: target,
		Severity: "low", Event: []byte(`{}`), EventUID: "e", EventTime: time.Now().UTC(), Created: time.Now().UTC(),
	}
	var b strings.Builder
	err := newEncoder(&b).Encode(cmd)
	return []byte(b.String()), err
}

// TestRulesFollowTheirFile changes the rules of a running router: a set with an error is refused and told, the old one stays; a sound one is
// taken.
func TestRulesFollowTheirFile(t *testing.T) {
	u := startUp(t)
	write(t, u.dir, "rules.yaml", strings.ReplaceAll(upRules, "unmapped.kind ==", "unmaped.kind =="))
	await.Until(t, "the refusal in the log", func() bool { return strings.Contains(u.Log.String(), "changed rules refused") })
	if !strings.Contains(u.Log.String(), "rules.yaml:5:7: ") {
		t.Error("the log does not name the place of the error")
	}
	u.alerts(t, `{"kind":"login_failed"}`)
	write(t, u.dir, "rules.yaml", strings.ReplaceAll(upRules, "login_failed", "door_open"))
	await.Until(t, "the change in the log", func() bool { return strings.Contains(u.Log.String(), "changed rules taken") })
	u.alerts(t, `{"kind":"door_open"}`)
	before := u.calls.count()
	u.alerts(t, `[{"kind":"login_failed"},{"kind":"door_open"}]`)
	if n := u.calls.count() - before; n != 1 {
		t.Errorf("%d alerts, want one: the old rule is gone", n)
	}
}

// TestInterrupt ends a busy riposte as Ctrl-C does.
func TestInterrupt(t *testing.T) {
	u := startUp(t)
	for range 20 {
		if status, text := post("http://"+u.in, `{"kind":"login_failed"}`); status != 202 {
			t.Fatalf("POST: %d %s", status, text)
		}
	}
	if code, took := u.Interrupt(t); code != 0 || took > 10*time.Second {
		t.Errorf("ended with %d after %s", code, took)
	}
}

// TestDemo plays the demonstration: it exits 0 only if every expected response came and no other.
func TestDemo(t *testing.T) {
	p := start(t, t.TempDir(), "demo")
	if err := p.Wait(); err != nil {
		t.Fatalf("riposte demo: %v", err)
	}
	for _, want := range []string{"simulated AWS", "in_force until", "undone by engineer", "responses; from publish to response"} {
		if !strings.Contains(p.Log.String(), want) {
			t.Errorf("the story does not say %q", want)
		}
	}
}
