package invoke

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/actiontest"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const (
	commandID = "0123456789abcdef0123456789abcdef"
	apiKey    = "k3y-of-ours"
	secret    = "s3cr3t-of-ours"
)

// command is one for an action that invokes something, about an instance.
func command(action string, with map[string]any) schemas.Command {
	return schemas.Command{
		ID: commandID, Rule: "a-rule", Severity: "high", Lane: schemas.LaneRemediate, Action: action, With: with,
		Target:   schemas.Target{Type: "resource", Account: "123456789012", Region: "eu-central-1", ID: "i-0123456789abcdef0"},
		EventUID: "e-1", EventTime: time.Now().Add(-time.Hour), Created: time.Unix(1772801999, 0).UTC(), Event: json.RawMessage(`{ "class_uid": 6003, "message": "a < b" }`),
	}
}

// made makes an action by name.
func made(t *testing.T, name string, d Deps) consumers.Action {
	t.Helper()
	d.Now = time.Now
	for _, target := range Targets() {
		if target.Spec.Name == name {
			a, err := target.New(d)
			if err != nil {
				t.Fatal(err)
			}
			return a
		}
	}
	t.Fatalf("no action %s", name)
	return nil
}

// node reads a section of the configuration.
func node(t *testing.T, text string) config.Node {
	t.Helper()
	n, err := config.Parse("riposte.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// A ticketing system takes tickets, once a key, from who has a token of its authorisation server.
type ticketing struct {
	mu      sync.Mutex
	tickets map[string]string // by idempotency key
	paths   []string
	tokens  int  // given
	revoked bool // the tokens given so far are no good
	status  int  // what it answers instead
	answer  string
	grant   int // what the authorisation server answers instead
}

func (s *ticketing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	if r.URL.Path == "/token" {
		id, pass, _ := r.BasicAuth()
		w.Header().Set("Content-Type", "application/json")
		if s.grant != 0 || id != "riposte" || pass != secret || !strings.Contains(string(body), "grant_type=client_credentials") || !strings.Contains(string(body), "audience=tickets") {
			w.WriteHeader(max(s.grant, http.StatusUnauthorized))
			fmt.Fprintf(w, `{"error":"invalid_client","error_description":"%s is wrong"}`, pass)
			return
		}
		s.tokens++
		s.revoked = false
		fmt.Fprintf(w, `{"access_token":"token-%d","token_type":"Bearer","expires_in":3600}`, s.tokens)
		return
	}
	if s.revoked || r.Header.Get("Authorization") != fmt.Sprintf("Bearer token-%d", s.tokens) || r.Header.Get("X-Api-Key") != apiKey {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if s.status != 0 {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(s.status)
		return
	}
	s.paths = append(s.paths, r.Method+" "+r.URL.RequestURI())
	s.tickets[r.Header.Get("Idempotency-Key")] = string(body)
	if s.answer != "" {
		fmt.Fprint(w, s.answer)
		return
	}
	fmt.Fprint(w, `{"ticket":"T-1"}`)
}

func (s *ticketing) state() any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return map[string]any{"tickets": s.tickets}
}

func startTicketing(t *testing.T) (*ticketing, Deps) {
	t.Helper()
	s := &ticketing{tickets: map[string]string{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, Deps{Config: node(t, fmt.Sprintf(`
endpoints:
  tickets:
    url: %[1]s/api/v1
    headers: { X-Api-Key: %[2]s }
    oauth: { token_url: %[1]s/token, client_id: riposte, client_secret: %[3]s, scopes: [write], params: { audience: tickets } }
`, server.URL, apiKey, secret))}
}

func ticket(with map[string]any) schemas.Command {
	all := map[string]any{"endpoint": "tickets", "path": "tickets", "query": map[string]any{"silent": true}, "input": map[string]any{"title": "a < b", "n": int64(1 << 53)}}
	for k, v := range with {
		if all[k] = v; v == nil {
			delete(all, k)
		}
	}
	return command("invoke-http", all)
}

// carryOut plans, starts and asks until the end.
func carryOut(t *testing.T, a consumers.Action, cmd schemas.Command) (schemas.Plan, schemas.Outcome, error) {
	t.Helper()
	p, err := a.Plan(t.Context(), cmd)
	if err != nil {
		return p, schemas.Outcome{}, err
	}
	poller, ok := a.(consumers.Poller)
	if !ok {
		t.Fatal("no Poller")
	}
	run, err := poller.Start(t.Context(), cmd, p)
	if err != nil {
		return p, schemas.Outcome{}, err
	}
	p.Run = &run
	for range 20 {
		out, wait, err := poller.Poll(t.Context(), cmd, p)
		if err != nil || wait == 0 {
			return p, out, err
		}
		if out.Message == "" {
			t.Error("nothing is said of what runs")
		}
	}
	t.Fatal("it never ends")
	return p, schemas.Outcome{}, nil
}

func TestHTTPContract(t *testing.T) {
	actiontest.Run(t, func(t *testing.T) actiontest.Subject {
		s, d := startTicketing(t)
		return actiontest.Subject{Action: made(t, "invoke-http", d), Command: ticket(nil), State: s.state, Stateless: true}
	})
}

// What is planned is what is sent, under the command's id, with secrets that stand nowhere; the answer is the outcome's; one token serves many requests.
func TestHTTP(t *testing.T) {
	s, d := startTicketing(t)
	a := made(t, "invoke-http", d)
	p, out, err := carryOut(t, a, ticket(nil))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.tickets[commandID]; got != `{"n":9007199254740992,"title":"a < b"}` || p.Calls[0].Params["body"] != got || s.paths[0] != "POST /api/v1/tickets?silent=true" {
		t.Errorf("%s, %v", got, s.paths)
	}
	if want := `{"run":"POST /api/v1/tickets","status":"accepted","output":{"body":{"ticket":"T-1"},"status":200}}`; string(out.After) != want {
		t.Errorf("%s", out.After)
	}
	if _, _, err := carryOut(t, a, ticket(map[string]any{"input": nil})); err != nil || s.tokens != 1 || s.tickets[commandID] != `{"class_uid":6003,"message":"a < b"}` {
		t.Errorf("%v, %d tokens, %s", err, s.tokens, s.tickets[commandID])
	}
	for _, say := range []string{secret, apiKey, "token-1"} {
		s.answer = `{"echo":"` + say + `"}`
		p, out, err := carryOut(t, a, ticket(nil))
		text, _ := json.Marshal([]any{p, out})
		if err != nil || strings.Contains(string(text), say) || !strings.Contains(string(text), "repeats a secret") {
			t.Errorf("%v, %s", err, text)
		}
	}
	s.answer = ""
	for method, want := range map[string]string{"GET": "GET /api/v1/tickets/1:2", "DELETE": "DELETE /api/v1/tickets/1:2"} {
		if _, _, err := carryOut(t, a, ticket(map[string]any{"method": method, "query": nil, "path": "/tickets/1:2"})); err != nil || s.paths[len(s.paths)-1] != want {
			t.Errorf("%v, %v", err, s.paths)
		}
	}
	s.revoked = true
	if _, _, err := carryOut(t, a, ticket(nil)); err == nil || fault.IsPermanent(err) {
		t.Errorf("revoked: %v", err)
	}
	if _, _, err := carryOut(t, a, ticket(nil)); err != nil || s.tokens != 2 {
		t.Errorf("another token: %v, %d", err, s.tokens)
	}
}

func TestHTTPAnswers(t *testing.T) {
	s, d := startTicketing(t)
	a := made(t, "invoke-http", d)
	for status, permanent := range map[int]bool{400: true, 403: true, 404: true, 302: true, 429: false, 500: false, 503: false} {
		s.status = status
		if _, _, err := carryOut(t, a, ticket(nil)); err == nil || fault.IsPermanent(err) != permanent || !permanent && fault.Wait(err) != 7*time.Second {
			t.Errorf("%d: %v", status, err)
		}
	}
	for status, permanent := range map[int]bool{400: true, 401: true, 503: false} {
		s.grant = status
		_, _, err := carryOut(t, made(t, "invoke-http", d), ticket(nil))
		if err == nil || fault.IsPermanent(err) != permanent || strings.Contains(err.Error(), secret) || permanent && !strings.Contains(err.Error(), "invalid_client") {
			t.Errorf("token, %d: %v", status, err)
		}
	}
}

func TestHTTPErrors(t *testing.T) {
	_, d := startTicketing(t)
	a := made(t, "invoke-http", d)
	for why, with := range map[string]map[string]any{
		"invoke.endpoints: tickets": {"endpoint": "tikcets"}, "leads elsewhere": {"path": "tickets/../admin"}, `"%2e%2e"`: {"path": "%2e%2e/admin"}, "no ?": {"path": "tickets?x=1"},
		"with.path": {"path": "tickets/\x01"}, "with.method": {"method": "TRACE"}, "unknown field": {"url": "https://elsewhere.example"}, "not both": {"message": "x"},
		"at most 1048576": {"input": map[string]any{"x": strings.Repeat("y", 1<<20)}}, "8192 are taken": {"query": map[string]any{"x": strings.Repeat("y", 9000)}},
	} {
		if p, err := a.Plan(t.Context(), ticket(with)); !fault.IsPermanent(err) || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %+v, %v", why, p, err)
		}
	}
}

func TestConfig(t *testing.T) {
	for why, text := range map[string]string{
		"https expected":           "endpoints: { a: { url: \"http://example.org\" } }",
		"riposte.yaml:1:":          "endpoints: { a: { url: \"ftp://example.org\" } }",
		"client_secret are needed": "endpoints: { a: { url: \"https://example.org\", oauth: { token_url: \"https://example.org\", client_id: x } } }",
		"oauth.token_url":          "endpoints: { a: { url: \"https://example.org\", oauth: { token_url: x, client_id: x, client_secret: x } } }",
		"riposte sets it itself":   "endpoints: { a: { url: \"https://example.org\", headers: { Idempotency-Key: x } } }",
		"control characters":       "endpoints: { a: { url: \"https://example.org\", headers: { X: \"a\\nb\" } } }",
		"its value is empty":       "endpoints: { a: { url: \"https://example.org\", headers: { X: \"\" } } }",
		"timeout":                  "endpoints: { a: { url: \"https://example.org\", timeout: 1h } }",
		"no query":                 "endpoints: { a: { url: \"https://example.org?x=1\" } }",
		"endpoint":                 "endpoint: {}",
		"a name of letters":        "endpoints: { \"a b\": { url: \"https://example.org\" } }",
		"invoke.runbooks: within":  "runbooks: { within: 1h }",
	} {
		if _, err := ReadConfig(node(t, text)); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", why, err)
		}
	}
	c, err := ReadConfig(node(t, "endpoints: { a: { url: \"https://example.org\", headers: { Authorization: \"Bearer x\" } } }"))
	if err != nil || c.Endpoints["a"].Timeout != defaultTimeout || strings.Contains(fmt.Sprintf("%v %+v %#v", c, c, c), "Bearer") {
		t.Errorf("%+v, %v", c, err)
	}
}
