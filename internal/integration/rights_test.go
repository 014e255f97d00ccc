//go:build integration

package integration

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/internal/servers"
	"github.com/riposte-security/riposte/internal/testcert"
	"github.com/riposte-security/riposte/internal/testproc"
)

const rightsRules = `
id: one
title: One
severity: low
when: unmapped.kind == "one"
then:
  - alert: { to: hook }
  - invoke: { to: http, approval: waived, with: { endpoint: hook } }
---
id: many
title: Many
severity: low
when: unmapped.kind == "many"
correlate: { type: event_count, group_by: [unmapped.user], within: 5m, at_least: 3 }
then: [ { alert: { to: hook } } ]
`

// TestLeastRights runs every stage as a user of its own, with exactly the ACLs that `riposte kafka acls --apply` makes and over TLS: events become alerts,
// invocations and findings of correlations, and a person lists, replays and stops.
func TestLeastRights(t *testing.T) {
	authority := testcert.New(t)
	users := make([]string, 0, len(kafka.Users()))
	for _, u := range kafka.Users() {
		users = append(users, "riposte-"+string(u))
	}
	b := servers.SecuredKafka(t, authority, users...)
	dir, bin := t.TempDir(), binary(t)
	var alerts, calls atomic.Int32
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/alert") {
			alerts.Add(1)
		} else {
			calls.Add(1)
		}
	}))
	t.Cleanup(hook.Close)
	in := freeAddr(t)
	if err := os.WriteFile(filepath.Join(dir, "rules.yaml"), []byte(rightsRules), 0o600); err != nil {
		t.Fatal(err)
	}
	archived, key, public := filepath.Join(dir, "archive"), filepath.Join(dir, "archive.pem"), filepath.Join(dir, "archive.pub")
	signing, private := testcert.SigningKey(t)
	for path, text := range map[string]string{key: private, public: signing.Public()} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config := func(user string) string {
		path := filepath.Join(dir, user+".yaml")
		text := servers.SecuredUser(b, authority, user) + fmt.Sprintf(`
http: { listen: "" }
ledger: { url: "sqlite://%s/ledger.db" }
producers: [ { name: http, format: json, source: { http: { listen: %q } } } ]
router: { rules: [ rules.yaml ] }
consumers: { mode: enforce }
aws: { own_addresses: { off: true } }
receivers: [ { name: hook, webhook: { url: "%s/alert", secret: whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE= } } ]
invoke: { endpoints: { hook: { url: "%s/call" } } }
archive: { to: %q, key: { file: %q }, segment: { age: 1s } }
`, dir, in, hook.URL, hook.URL, archived, key)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	env := []string{"AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_EC2_METADATA_DISABLED=true"}
	start := func(user string, args ...string) *process {
		t.Helper()
		return testproc.Start(t, user, bin, dir, env, append([]string{"-c", config(user)}, args...)...)
	}
	once := func(user string, args ...string) string {
		t.Helper()
		p := start(user, args...)
		if err := p.Wait(); err != nil {
			t.Fatalf("riposte %v as %s: %v", args, user, err)
		}
		return p.Log.String()
	}
	await.Until(t, "ACLs are made", func() bool {
		return start(servers.SecuredAdmin, "kafka", "acls", "--apply").Wait() == nil
	})
	once("riposte-admin", "kafka", "topics", "--create")
	start("riposte-producer", "produce")
	start("riposte-router", "route")
	start("riposte-alert", "consume", "alert")
	start("riposte-block", "consume", "block")
	start("riposte-remediate", "consume", "remediate")
	start("riposte-archive", "archive")
	await.Until(t, "the event is taken", func() bool {
		status, _ := post(t, "http://"+in, `{"kind":"one"}`)
		return status == http.StatusAccepted
	})
	await.Until(t, "an alert and a call", func() bool { return alerts.Load() == 1 && calls.Load() == 1 })
	for range 3 {
		if status, text := post(t, "http://"+in, `{"kind":"many","user":"bob"}`); status != http.StatusAccepted {
			t.Fatal(status, text)
		}
	}
	await.Until(t, "the correlation's alert", func() bool { return alerts.Load() == 2 })
	if status, _ := post(t, "http://"+in, `{"broken"`); status != http.StatusBadRequest {
		t.Error("a broken record", status)
	}
	await.Until(t, "the dead letter is listed", func() bool { return strings.Contains(once("riposte-operator", "deadletter", "list"), "produce") })
	if said := once("riposte-operator", "deadletter", "replay", "--stage", "produce", "--yes"); !strings.Contains(said, "read again by json") {
		t.Error(said)
	}
	once("riposte-operator", "replay", "riposte.events", "--yes")
	await.Until(t, "events, commands and outcomes are archived, and the archive is whole", func() bool {
		for _, topic := range []string{"riposte.events", "riposte.alert", "riposte.outcomes"} {
			if _, err := os.Stat(filepath.Join(archived, "segments", topic)); err != nil {
				return false
			}
		}
		return start("riposte-archive", "audit", "verify", "--key", public, "--kafka").Wait() == nil
	})
	if said := once("riposte-operator", "stop", "--all"); strings.Contains(said, "Kafka does not know") {
		t.Error(said)
	}
}

// binary builds the binary under test.
func binary(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "riposte")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, ".")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return bin
}

// post sends a body and returns the status, 0 if nobody answered.
func post(t *testing.T, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer res.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err.Error()
	}
	return res.StatusCode, string(text)
}
