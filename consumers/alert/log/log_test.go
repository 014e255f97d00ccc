package log

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/consumers/actiontest"
	"github.com/riposte-security/riposte/schemas"
)

func command() schemas.Command {
	return schemas.Command{
		ID: "c1", Rule: "console-login-without-mfa", RuleTitle: "Console login without MFA", Lane: schemas.LaneAlert, Action: "log", Severity: "high",
		Target: schemas.Target{Type: "event", ID: "e-1"}, EventUID: "e-1", EventTime: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		Event: json.RawMessage(`{"class_uid":3002,"activity_name":"Logon","user":{"name":"bob\nforged"},"src_endpoint":{"ip":"192.0.2.7"},"cloud":{"account":{"uid":"111122223333"}}}`),
	}
}

func TestConformance(t *testing.T) {
	actiontest.Run(t, func(*testing.T) actiontest.Subject {
		var b bytes.Buffer
		return actiontest.Subject{Action: New(zerolog.New(&b)), Command: command(), Stateless: true, State: func() any {
			seen := map[string]bool{} // a repeated line names the same command
			for line := range strings.Lines(b.String()) {
				seen[line] = true
			}
			return seen
		}}
	})
}

// TestLine: an alert is one line, whatever its texts and whatever the log level.
func TestLine(t *testing.T) {
	var b bytes.Buffer
	r := New(zerolog.New(&b).Level(zerolog.ErrorLevel))
	cmd := command()
	cmd.Severity = "informational"
	if err := r.Apply(t.Context(), cmd, schemas.Plan{}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "\n"); n != 1 {
		t.Fatalf("%d lines: %q", n, b.String())
	}
	var got map[string]any
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"level": "info", "alert": "Console login without MFA", "severity": "informational", "rule": "console-login-without-mfa", "target": "event:::e-1",
		"event": "e-1", "event_time": "2026-01-01T00:00:00Z", "command": "c1", "account": "111122223333", "message": "Logon by bob forged from 192.0.2.7",
	} {
		if got[key] != want {
			t.Errorf("%s = %v, want %s", key, got[key], want)
		}
	}
	if _, there := got["region"]; there {
		t.Error("an empty region is shown")
	}
}

func TestLevel(t *testing.T) {
	for severity, want := range map[string]string{"critical": "error", "high": "error", "medium": "warn", "low": "warn", "informational": "info", "": "info"} {
		if got := level(severity); got != want {
			t.Errorf("level(%q) = %s, want %s", severity, got, want)
		}
	}
}
