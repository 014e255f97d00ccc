package invoke

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/riposte-security/riposte/consumers/remediate/invoke/runbook"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/schemas"
)

// TestMain lets this program be the processes around a runbook, as riposte is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == runbook.Hidden {
		os.Exit(runbook.Child(os.Args[2:]))
	}
	os.Exit(m.Run())
}

func mustDuration(t *testing.T, s string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestRunbook: the state of a command is what its runbook's end means.
func TestRunbook(t *testing.T) {
	dir := t.TempDir()
	for at := dir; len(at) > len(os.TempDir()); at = filepath.Dir(at) { // the user has to get there
		if err := os.Chmod(at, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	user := ""
	if os.Geteuid() == 0 {
		user = "user: nobody"
	}
	within := func(limit string) Deps {
		return Deps{Config: node(t, fmt.Sprintf("runbooks:\n  folder: %q\n  within: %s\n  %s\n", dir, limit, user))}
	}
	for name, tt := range map[string]struct {
		script    string
		after     string
		permanent bool
		why       string
	}{
		"well":   {`read event; echo "{\"id\":\"$RIPOSTE_COMMAND\",\"got\":$event}"`, `"output":{"exit":0,"stdout":{"id":"` + commandID + `","got":{"class_uid":6003,"message":"a < b"}}}`, false, ""},
		"text":   {"echo plain", `"stdout":"plain\n"`, false, ""},
		"later":  {"exit 75", "", false, "another try later"},
		"badly":  {"for i in 1 2 3 4 5 6 7; do echo line $i >&2; done; exit 2", "", true, "ended with 2: line 3\nline 4"},
		"killed": {"kill -9 $$", "", true, "died by a signal (killed)"},
		"hangs":  {"sleep 60", "", true, "had not ended within 1s"},
		"loud":   {"exec head -c 3000000 /dev/zero", "", true, "printed too much"},
		"gone":   {"", "", true, "there is none"},
	} {
		t.Run(name, func(t *testing.T) {
			if name != "gone" {
				if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/bash\n"+tt.script+"\n"), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			d := within("1m") // whatever ends by itself has time for it, on a busy machine as well
			if name == "hangs" {
				d = within("1s")
			}
			_, out, err := carryOut(t, made(t, "invoke-runbook", d), command("invoke-runbook", map[string]any{"runbook": name}))
			if tt.why == "" && (err != nil || !strings.Contains(string(out.After), tt.after)) {
				t.Errorf("%v, %s", err, out.After)
			}
			if tt.why != "" && (err == nil || fault.IsPermanent(err) != tt.permanent || !strings.Contains(err.Error(), tt.why)) {
				t.Errorf("%v", err)
			}
		})
	}
}

// topics keeps what is published.
type topics struct {
	sent []kafka.Message
	err  error
}

func (p *topics) Publish(_ context.Context, msgs ...kafka.Message) error {
	p.sent = append(p.sent, msgs...)
	return p.err
}

func TestPublish(t *testing.T) {
	w := &topics{}
	a := made(t, "invoke-publish", Deps{Writer: w, Prefix: "it"})
	if _, out, err := carryOut(t, a, command("invoke-publish", map[string]any{"topic": "responses", "input": map[string]any{"n": int64(1)}})); err != nil || !strings.Contains(string(out.After), "published") {
		t.Fatalf("%+v, %v", out, err)
	}
	m := w.sent[0]
	if m.Topic != "responses" || string(m.Value) != `{"n":1}` || string(m.Key) != "resource:123456789012:eu-central-1:i-0123456789abcdef0" || m.Header(schemas.HeaderID) != commandID || m.Header(schemas.HeaderCause) != commandID {
		t.Errorf("%+v", m)
	}
	if _, err := a.Plan(t.Context(), command("invoke-publish", map[string]any{"topic": "it.events"})); !fault.IsPermanent(err) {
		t.Errorf("%v", err)
	}
	w.err = errors.New("away")
	if _, _, err := carryOut(t, a, command("invoke-publish", map[string]any{"topic": "responses"})); err == nil || fault.IsPermanent(err) {
		t.Errorf("%v", err)
	}
}
