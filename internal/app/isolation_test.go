package app

import (
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/ledger"
)

// TestRulesReachNothing: predicates and templates know the event, and neither the environment, nor files, nor the network.
func TestRulesReachNothing(t *testing.T) {
	t.Setenv("CANARY", "canary-in-the-environment")
	dir := t.TempDir()
	const form = "id: a\ntitle: A\nseverity: low\nwhen: >-\n  WHEN\nthen:\n  - invoke:\n      to: step-functions\n      target: unmapped.user\n      with: { state_machine: \"arn:aws:states:us-east-1:123456789012:stateMachine:triage\", input: { x: 'x WITH' } }\n"
	check := func(when, with string) (int, string) {
		var out strings.Builder
		file := write(t, dir, "rule.yaml", strings.Replace(strings.Replace(form, "WHEN", when, 1), "WITH", with, 1))
		code := Main(t.Context(), []string{"rules", "check", file}, Streams{In: strings.NewReader(""), Out: &out, Err: &out})
		return code, out.String()
	}
	if code, said := check(`unmapped.kind == "a"`, "${ unmapped.user }"); code != 0 {
		t.Fatalf("the rule around it: %s", said)
	}
	for _, e := range []string{
		`env("CANARY")`, `getenv("CANARY")`, `os.Getenv("CANARY")`, `$env["CANARY"]`, `environ`, `file("/etc/passwd")`, `readFile("/etc/passwd")`, `include("/etc/passwd")`,
		`http("http://127.0.0.1/")`, `exec("id")`, `system("id")`, `import("os")`, `__proto__`, `lookup("file", "/etc/passwd")`,
	} {
		if code, said := check(e+` == "x"`, ""); code == 0 {
			t.Errorf("when: %s is taken: %s", e, said)
		}
		if code, said := check(`unmapped.kind == "a"`, "${ "+e+" }"); code == 0 {
			t.Errorf("with: %s is taken: %s", e, said)
		}
	}
	// What looks like a template of another language, or of the configuration, is text.
	event := write(t, dir, "event.json", `{"kind":"a","user":"i-0123456789abcdef0"}`)
	write(t, dir, "rule.yaml", strings.Replace(strings.Replace(form, "WHEN", `unmapped.kind == "a"`, 1), "WITH", `{{ env "CANARY" }} $CANARY {{ readFile "/etc/passwd" }}`, 1))
	if said := run(t, 0, "rules", "match", "--rules", dir+"/rule.yaml", "--format", "json", event); strings.Contains(said, os.Getenv("CANARY")) || strings.Contains(said, "root:") {
		t.Error(said)
	}
}

// FuzzTurn: whatever is POSTed to /api/stop, the answer is one, and lanes that do not exist are not turned.
func FuzzTurn(f *testing.F) {
	f.Add(`{"lanes":["block"],"reason":"x","at":"2026-01-01T00:00:00Z"}`)
	f.Add(`[]`)
	f.Fuzz(func(t *testing.T, body string) {
		w := httptest.NewRecorder()
		turnHandler(consumers.ControlStop, func() ledger.Desk { return nil }).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", "/api/stop", strings.NewReader(body)))
		if w.Code != 400 && w.Code != 503 {
			t.Errorf("%d for %q", w.Code, body)
		}
	})
}
