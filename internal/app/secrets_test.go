package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/await"
)

// TestSecretsStayHidden runs the pipeline with a canary for every secret and the most talkative log, through success, failure, refusal and dead letters,
// and looks for the canaries in all that came of it: log, ledger, topics, archive, and what the command line prints.
func TestSecretsStayHidden(t *testing.T) {
	dir := t.TempDir()
	var good, failed atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasPrefix(r.URL.Path, "/good"):
			good.Add(1)
		case strings.HasPrefix(r.URL.Path, "/token"):
			w.WriteHeader(http.StatusUnauthorized)
		default:
			failed.Add(1)
			w.WriteHeader(http.StatusForbidden) // for good
		}
	}))
	t.Cleanup(server.Close)
	routerKey, routerPublic := newPair(t, dir, "router")
	annKey, ann := newPair(t, dir, "ann")
	canary := func(name string) string { return "canary-" + name + "-0123456789abcdef0123456789abcdef" }
	canaries := []string{}
	secret := func(name string) string {
		c := canary(name)
		canaries = append(canaries, c)
		file := write(t, dir, name+".secret", c+"\n")
		return "${file:" + file + "}"
	}
	for _, file := range []string{routerKey, annKey} { // the middle of their PEM
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		canaries = append(canaries, strings.Split(string(text), "\n")[1])
	}
	const hookSecret = "Y2FuYXJ5LWhvb2stMDEyMzQ1Njc4OWFiY2RlZg=="
	canaries = append(canaries, hookSecret, "canary-hook-")
	write(t, dir, "rules.yaml", `
id: all
title: All
severity: low
when: unmapped.kind == "all"
then:
  - alert: { to: hook }
  - alert: { to: bad }
  - invoke: { to: http, approval: waived, name: good, with: { endpoint: good } }
  - invoke: { to: http, approval: waived, name: bad, with: { endpoint: bad } }
  - invoke: { to: http, approval: waived, name: login, with: { endpoint: login } }
  - invoke: { to: http, name: asks, with: { endpoint: good } }
`)
	in, listen, broker := freeAddr(t), freeAddr(t), freeAddr(t)
	_, port, err := net.SplitHostPort(broker)
	if err != nil {
		t.Fatal(err)
	}
	producerToken, apiToken := secret("producer"), secret("api")
	text := fmt.Sprintf(`
log: { level: trace, format: json }
http: { listen: %q, token: %q }
producers: [ { name: http, format: json, source: { http: { listen: %q, tokens: [ %q ] } } } ]
router: { rules: [ rules.yaml ], signing_key: "${file:%s}" }
consumers: { mode: enforce, trusted_keys: [ %q ], operator_keys: [ %q ], approval: { url: "http://127.0.0.1:1", secret: %q } }
operator: { signing_key: "${file:%s}" }
archive: { to: %q, key: { file: %q } }
receivers:
  - { name: hook, webhook: { url: "%[13]s/good/%[12]s", secret: "whsec_%[14]s", headers: { X-Key: "%[15]s" } } }
  - { name: bad, webhook: { url: "%[13]s/bad/%[12]s", secret: "whsec_%[14]s" } }
invoke:
  endpoints:
    good: { url: "%[13]s/good", headers: { X-Key: "%[16]s" } }
    bad: { url: "%[13]s/bad", headers: { Authorization: "Bearer %[17]s" } }
    login: { url: "%[13]s/bad", oauth: { token_url: "%[13]s/token", client_id: riposte, client_secret: "%[18]s" } }
`, listen, apiToken, in, producerToken, routerKey, routerPublic, ann, secret("approval"), annKey, filepath.Join(dir, "archive"), routerKey,
		secret("path"), server.URL, hookSecret, secret("header"), secret("endpoint"), secret("bearer"), secret("oauth"))
	cfg := write(t, dir, "riposte.yaml", text)
	p := start(t, dir, "-c", cfg, "up", "--data", "data", "--port", port)
	await.Until(t, "the event is taken", func() bool {
		status, _ := post("http://"+in, `{"kind":"all"}`, "Authorization", "Bearer "+canary("producer"))
		return status == http.StatusAccepted
	})
	post("http://"+in, `{"kind":"all"}`, "Authorization", "Bearer "+canary("producer")+"x")
	post("http://"+in, `{"broken`, "Authorization", "Bearer "+canary("producer"))
	post("http://"+listen+"/api/stop", "", "Authorization", "Bearer "+canary("api")+"x")
	var said strings.Builder
	ask := func(args ...string) string {
		var out strings.Builder
		Main(t.Context(), append([]string{"-c", cfg}, args...), Streams{In: strings.NewReader(""), Out: &out, Err: &out})
		said.WriteString(out.String())
		return out.String()
	}
	data := filepath.Join(dir, "data")
	var entries []ledger.Entry
	await.Until(t, "every command has ended or waits", func() bool {
		entries = nil
		if json.Unmarshal([]byte(ask("commands", "--json", "--data", data)), &entries) != nil || len(entries) < 6 {
			return false
		}
		states := map[string]int{}
		for _, e := range entries {
			states[string(e.State)]++
		}
		return states["failed"] >= 2 && states["approval"] >= 1 && good.Load() >= 2 && failed.Load() >= 2
	})
	for _, e := range entries {
		ask("commands", e.Command.ID, "--data", data)
		ask("approve", e.Command.ID, "--data", data)
	}
	ask("stop", "--data", data)
	ask("config", "check")
	ask("list", "receivers")
	other := write(t, dir, "other.yaml", text+fmt.Sprintf("kafka: { brokers: [ %q ] }\n", broker))
	for _, args := range [][]string{{"deadletter", "list", "--json"}, {"deadletter", "list"}, {"kafka", "acls", "--json"}} {
		var out strings.Builder
		Main(t.Context(), append([]string{"-c", other}, args...), Streams{In: strings.NewReader(""), Out: &out, Err: &out})
		said.WriteString(out.String())
	}
	// Mistakes in the very places where secrets stand.
	for _, change := range []string{"whsec_", "X-Key", "client_secret", "tokens", "signing_key"} {
		broken := write(t, dir, "broken.yaml", strings.Replace(text, change, "x y z"+change, 1))
		var out strings.Builder
		if Main(t.Context(), []string{"-c", broken, "config", "check"}, Streams{In: strings.NewReader(""), Out: &out, Err: &out}) == 0 {
			t.Errorf("a mistake at %s is no error", change)
		}
		said.WriteString(out.String())
	}
	p.Interrupt(t)

	hidden := func(where string, text []byte) {
		for _, c := range canaries {
			if bytes.Contains(text, []byte(c)) {
				t.Errorf("%s shows the secret %.24s…", where, c)
			}
		}
	}
	hidden("the log", []byte(p.Log.String()))
	hidden("the command line", []byte(said.String()))
	files := 0
	for _, root := range []string{data, filepath.Join(dir, "archive")} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			files++
			hidden(path, text)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if len(canaries) < 10 || files < 5 {
		t.Errorf("%d canaries in %d files: too few to mean anything", len(canaries), files)
	}
	t.Logf("%d canaries, none in %d files, %d bytes of log and %d of output", len(canaries), files, len(p.Log.String()), said.Len())
}
