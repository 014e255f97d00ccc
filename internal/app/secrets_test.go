package app

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/kafka"
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
	trusted := write(t, dir, "archive.pub", routerPublic)
	annKey, ann := newPair(t, dir, "ann")
	canary := func(name string) string {
		sum := sha256.Sum256([]byte(name))
		return "canary-" + name + "-" + hex.EncodeToString(sum[:16])
	}
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
producers:
  - { name: http, format: json, source: { http: { listen: %q, tokens: [ %q ], github: { secrets: [ "%[19]s" ] }, standard: { secrets: [ "whsec_%[14]s" ] } } } }
router: { rules: [ rules.yaml ], signing_key: "${file:%[5]s}" }
consumers: { mode: enforce, trusted_keys: [ %q ], operator_keys: [ %q ], approval: { url: "http://127.0.0.1:1", secret: %q } }
operator: { signing_key: "${file:%s}" }
archive: { to: %q, key: { file: %q }, segment: { age: 1s } }
receivers:
  - { name: hook, webhook: { url: "%[13]s/good/%[12]s", secret: "whsec_%[14]s", headers: { X-Key: "%[15]s" } } }
  - { name: bad, webhook: { url: "%[13]s/bad/%[12]s", secret: "whsec_%[14]s" } }
invoke:
  endpoints:
    good: { url: "%[13]s/good", headers: { X-Key: "%[16]s" } }
    bad: { url: "%[13]s/bad", headers: { Authorization: "Bearer %[17]s" } }
    login: { url: "%[13]s/bad", oauth: { token_url: "%[13]s/token", client_id: riposte, client_secret: "%[18]s" } }
`, listen, apiToken, in, producerToken, routerKey, routerPublic, ann, secret("approval"), annKey, filepath.Join(dir, "archive"), routerKey,
		secret("path"), server.URL, hookSecret, secret("header"), secret("endpoint"), secret("bearer"), secret("oauth"), secret("github"))
	cfg := write(t, dir, "riposte.yaml", text)
	p := start(t, dir, "-c", cfg, "up", "--data", "data", "--port", port)
	await.Until(t, "the event is taken", func() bool {
		status, _ := post("http://"+in, `{"kind":"all"}`, "Authorization", "Bearer "+canary("producer"))
		return status == http.StatusAccepted
	})
	post("http://"+in, `{"kind":"all"}`, "Authorization", "Bearer "+canary("producer")+"x")
	post("http://"+in, `{"broken`, "Authorization", "Bearer "+canary("producer"))
	post("http://"+in+"/github", `{"kind":"all"}`, "X-Hub-Signature-256", "sha256=00", "X-GitHub-Event", "push", "X-GitHub-Delivery", "1")
	post("http://"+in+"/webhook", `{"kind":"all"}`, "webhook-id", "1", "webhook-timestamp", "1", "webhook-signature", "v1,AAAA")
	post("http://"+listen+"/api/stop", "", "Authorization", "Bearer "+canary("api")+"x")
	var said strings.Builder
	asked := func(cfg string, args ...string) (code int, out string) {
		code, out = command(t, append([]string{"-c", cfg}, args...)...)
		said.WriteString(out)
		return code, out
	}
	ask := func(args ...string) string {
		_, out := asked(cfg, args...)
		return out
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
		ask("commands", e.Command.ID, "--json", "--data", data)
		ask("approve", e.Command.ID, "--data", data)
	}
	ask("stop", "--data", data)
	ask("config", "check")
	ask("list", "receivers")
	other := write(t, dir, "other.yaml", text+fmt.Sprintf("kafka: { brokers: [ %q ] }\n", broker))
	var letters []string
	for _, args := range [][]string{{"deadletter", "list", "--json"}, {"deadletter", "list"}, {"kafka", "acls", "--json"}} {
		_, out := asked(other, args...)
		for line := range strings.Lines(out) {
			var l struct{ ID string }
			if json.Unmarshal([]byte(line), &l) == nil && l.ID != "" {
				letters = append(letters, l.ID)
			}
		}
	}
	if len(letters) < 2 {
		t.Errorf("%d dead letters", len(letters))
	}
	for _, id := range letters {
		if code, out := asked(other, "deadletter", "show", id); code != 0 {
			t.Errorf("deadletter show: %d, %s", code, out)
		}
	}
	kept := filepath.Join(dir, "archive")
	await.Until(t, "outcomes and commands are archived", func() bool {
		all, err := filepath.Glob(filepath.Join(kept, "segments", "*", "*", "*.ndjson.zst"))
		return err == nil && len(all) >= 4
	})
	for _, e := range entries {
		for _, more := range [][]string{nil, {"--json"}} {
			await.Until(t, "the story of "+e.Command.ID, func() bool {
				code, _ := asked(cfg, append([]string{"audit", "show", "--key", trusted, "--data", data, e.Command.ID}, more...)...)
				return code == 0
			})
		}
	}
	if !strings.Contains(said.String(), "outcome  verified") {
		t.Error("audit show tells of nothing that was verified")
	}
	topics, messages := onTopics(t, broker)
	metrics := fetched(t, "http://"+listen+"/metrics", canary("api"))
	// Mistakes in the very places where secrets stand.
	for _, change := range []string{"whsec_", "X-Key", "client_secret", "tokens", "signing_key"} {
		broken := write(t, dir, "broken.yaml", strings.Replace(text, change, "x y z"+change, 1))
		if code, _ := asked(broken, "config", "check"); code == 0 {
			t.Errorf("a mistake at %s is no error", change)
		}
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
	hidden("the topics", topics)
	hidden("the metrics", metrics)
	if messages < 10 || !bytes.Contains(topics, []byte(`"kind":"all"`)) || !bytes.Contains(metrics, []byte("riposte_router_events_total")) {
		t.Errorf("%d messages on the topics, %d bytes of metrics", messages, len(metrics))
	}
	files, packed := 0, 0
	var archived []byte
	for _, root := range []string{data, kept} {
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
			if plain := unpacked(t, path, text); plain != nil {
				packed++
				hidden(path, plain)
				archived = append(archived, plain...)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if len(canaries) < 10 || files < 5 || packed < 6 || !bytes.Contains(archived, []byte(`"kind":"all"`)) || !bytes.Contains(archived, []byte(`\"state\":\"verified\"`)) {
		t.Errorf("%d canaries in %d files, %d of them compressed: too few to mean anything", len(canaries), files, packed)
	}
	t.Logf("%d canaries, none in %d files, %d bytes of log and %d of output", len(canaries), files, len(p.Log.String()), said.Len())
}

// onTopics reads all that is on riposte's topics, keys and headers as well.
func onTopics(t *testing.T, broker string) (all []byte, messages int) {
	t.Helper()
	k, err := kafka.New(kafka.Config{Brokers: []string{broker}}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	for _, topic := range k.Topics().All() {
		err := k.ReadAll(t.Context(), topic, func(_ context.Context, m kafka.Message) error {
			messages++
			all = append(append(append(all, m.Key...), m.Value...), '\n')
			for _, h := range m.Headers {
				all = append(append(append(all, h.Key...), h.Value...), '\n')
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	return all, messages
}

// fetched is what a page answers whoever has the token.
func fetched(t *testing.T, url, token string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// unpacked is what a compressed file holds; nil of any other.
func unpacked(t *testing.T, path string, text []byte) []byte {
	t.Helper()
	switch {
	case strings.HasSuffix(path, ".ndjson.zst"):
		r, err := zstd.NewReader(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		plain, err := io.ReadAll(r)
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
		return plain
	case strings.HasSuffix(path, ".parquet"):
		f, err := parquet.OpenFile(bytes.NewReader(text), int64(len(text)))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		var plain []byte
		for _, group := range f.RowGroups() {
			rows := group.Rows()
			buffer := make([]parquet.Row, 16)
			for {
				n, err := rows.ReadRows(buffer)
				for _, row := range buffer[:n] {
					for _, v := range row {
						plain = append(append(plain, v.Bytes()...), '\n')
					}
				}
				if err != nil {
					break
				}
			}
			if err := rows.Close(); err != nil {
				t.Error(err)
			}
		}
		return plain
	}
	return nil
}
