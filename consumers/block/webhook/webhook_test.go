package webhook

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/actiontest"
	"github.com/riposte-security/riposte/internal/callout"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const token = "Bearer s3cr3t-t0ken"

// edr is a system that blocks hosts: POST or DELETE /hosts/NAME, GET /hosts/NAME.
type edr struct {
	mu      sync.Mutex
	blocked map[string]bool
	keys    map[string]int
	bodies  []string
	status  int // what it answers instead of doing anything; 0 to do it
	retry   string
	late    int // so many status reads after a change show the old state
	lag     int // that are left
	old     map[string]bool
}

func (e *edr) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil || r.Header.Get("Authorization") != token {
		http.Error(w, "no: "+r.Header.Get("Authorization"), http.StatusUnauthorized)
		return
	}
	if e.status != 0 {
		if e.retry != "" {
			w.Header().Set("Retry-After", e.retry)
		}
		http.Error(w, "no", e.status)
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/hosts/")
	if r.Method == http.MethodGet {
		is := e.blocked[name]
		if e.lag > 0 {
			e.lag--
			is = e.old[name]
		}
		_, _ = fmt.Fprintf(w, `{"data":{"contained":%v}}`, is)
		return
	}
	e.old, e.lag = maps.Clone(e.blocked), e.late
	e.bodies = append(e.bodies, string(body))
	e.keys[r.Header.Get("Idempotency-Key")]++
	var sent struct{ Operation string }
	switch {
	case r.Method == http.MethodDelete || json.Unmarshal(body, &sent) == nil && sent.Operation == opUnblock:
		delete(e.blocked, name)
	default:
		e.blocked[name] = true
	}
}

func (e *edr) state() any {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.blocked)
}

func start(t *testing.T) (*edr, *httptest.Server) {
	t.Helper()
	e := &edr{blocked: map[string]bool{}, keys: map[string]int{}}
	s := httptest.NewServer(e)
	t.Cleanup(s.Close)
	return e, s
}

func action() consumers.Action {
	return New(Deps{Client: callout.Client(callout.Policy{}.Named()), Now: time.Now, Getenv: environment()})
}

func environment() func(string) string {
	return func(name string) string {
		return map[string]string{
			"RIPOSTE_WEBHOOK_EDR": token, "RIPOSTE_WEBHOOK_EDR_HOSTS": "127.0.0.1 edr.example", "RIPOSTE_WEBHOOK_BAD": "a\nb",
			"RIPOSTE_WEBHOOK_ANY": token, "RIPOSTE_WEBHOOK_OTHER": token, "RIPOSTE_WEBHOOK_OTHER_HOSTS": "edr.example.org",
		}[name]
	}
}

func command(url string, with map[string]any) schemas.Command {
	all := map[string]any{"url": url + "/hosts/{{path .Target.ID}}", "secret_headers": map[string]any{"Authorization": "RIPOSTE_WEBHOOK_EDR"}}
	maps.Copy(all, with)
	for k, v := range all {
		if v == nil {
			delete(all, k)
		}
	}
	return schemas.Command{ID: "c1", Rule: "r", RuleTitle: `A "title"`, Severity: "high", Target: schemas.Target{Type: "resource", ID: "ws-17"}, With: all,
		For: schemas.Duration(4 * time.Hour), Event: json.RawMessage(`{"device":{"hostname":"ws\"17"}}`)}
}

func withStatus(url string) map[string]any {
	return map[string]any{"status_url": url + "/hosts/{{path .Target.ID}}", "status_field": "data.contained"}
}

func TestContract(t *testing.T) {
	t.Run("believed", func(t *testing.T) {
		actiontest.Run(t, func(t *testing.T) actiontest.Subject {
			e, s := start(t)
			return actiontest.Subject{Action: action(), Command: command(s.URL, nil), State: e.state, Stateless: true}
		})
	})
	t.Run("asked", func(t *testing.T) {
		actiontest.Run(t, func(t *testing.T) actiontest.Subject {
			e, s := start(t)
			return actiontest.Subject{Action: action(), Command: command(s.URL, withStatus(s.URL)), State: e.state}
		})
	})
}

// What is planned is what is sent; block and unblock have keys of their own, and a repeat has the same. The secret is sent and stands nowhere.
func TestRequests(t *testing.T) {
	e, s := start(t)
	a, cmd := action(), command(s.URL, map[string]any{"body": `{"operation":{{json .Operation}},"host":{{json (event "device.hostname")}},"seconds":{{.Seconds}},"why":{{json .RuleTitle}}}`})
	p := actiontest.CarryOut(t, a, cmd)
	if err := a.Apply(t.Context(), cmd, p); err != nil {
		t.Fatal(err)
	}
	if err := a.(consumers.Undoer).Undo(t.Context(), cmd, p, false); err != nil {
		t.Fatal(err)
	}
	if e.keys["c1"] != 2 || e.keys["c1-undo"] != 1 || len(e.keys) != 2 {
		t.Errorf("%v", e.keys)
	}
	if want := `{"operation":"block","host":"ws\"17","seconds":14400,"why":"A \"title\""}`; e.bodies[0] != want || p.Calls[0].Params["body"] != want {
		t.Errorf("%s\n%v", e.bodies[0], p.Calls[0].Params)
	}
	if !strings.Contains(e.bodies[2], `"unblock"`) || len(e.blocked) != 0 {
		t.Errorf("%s, %v", e.bodies[2], e.blocked)
	}
	text, err := json.Marshal(p)
	if err != nil || strings.Contains(string(text), "s3cr3t") || !strings.Contains(string(text), "RIPOSTE_WEBHOOK_EDR") {
		t.Errorf("%s, %v", text, err)
	}
	e.status = http.StatusUnauthorized
	if err := a.Apply(t.Context(), cmd, p); !fault.IsPermanent(err) || strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("%v", err)
	}
}

func TestDefaultBody(t *testing.T) {
	e, s := start(t)
	actiontest.CarryOut(t, action(), command(s.URL, nil))
	want := `{"id":"c1","operation":"block","target":{"type":"resource","id":"ws-17"},"for_seconds":14400,"rule":"r","rule_title":"A \"title\"","severity":"high"}`
	if e.bodies[0] != want {
		t.Errorf("%s", e.bodies[0])
	}
}

// Where the other side can be asked, it is: what is blocked already stays so, and what is unblocked already is left alone.
func TestAsked(t *testing.T) {
	e, s := start(t)
	with := withStatus(s.URL)
	with["unblock_method"] = "DELETE"
	a, cmd := action(), command(s.URL, with)
	e.blocked["ws-17"] = true
	if p, err := a.Plan(t.Context(), cmd); err != nil || !p.Empty() || !strings.Contains(p.Summary, "blocked already") {
		t.Errorf("%+v, %v", p, err)
	}
	delete(e.blocked, "ws-17")
	p := actiontest.CarryOut(t, a, cmd)
	delete(e.blocked, "ws-17") // somebody unblocks it there
	if err := a.(consumers.Undoer).Undo(t.Context(), cmd, p, false); err != nil || e.keys["c1-undo"] != 0 {
		t.Errorf("%v, %v", err, e.keys)
	}
	e.late = 2
	actiontest.CarryOut(t, a, cmd)
	if out, err := a.Verify(t.Context(), cmd, p); err != nil || out.State != schemas.StateVerified {
		t.Errorf("%+v, %v", out, err)
	}
	if err := a.(consumers.Undoer).Undo(t.Context(), cmd, p, false); err != nil || e.blocked["ws-17"] {
		t.Errorf("%v, %v", err, e.blocked)
	}
}

// A status that never says yes ends in an error that is worth another try.
func TestNeverInEffect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := &http.Client{Transport: answer(func(r *http.Request) *http.Response {
			return &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(`{"data":{"contained":false}}`)), Request: r, Header: http.Header{}}
		})}
		a := New(Deps{Client: client, Now: time.Now, Getenv: environment()})
		cmd := command("https://edr.example", withStatus("https://edr.example"))
		p := actiontest.CarryOut(t, a, cmd)
		if _, err := a.Verify(t.Context(), cmd, p); err == nil || fault.IsPermanent(err) || !strings.Contains(err.Error(), "target ws-17") {
			t.Errorf("%v", err)
		}
	})
}

type answer func(*http.Request) *http.Response

func (a answer) RoundTrip(r *http.Request) (*http.Response, error) { return a(r), nil }

func TestAnswers(t *testing.T) {
	for status, permanent := range map[int]bool{400: true, 401: true, 404: true, 409: true, 302: true, 408: false, 429: false, 500: false, 503: false} {
		e, s := start(t)
		a, cmd := action(), command(s.URL, nil)
		p, err := a.Plan(t.Context(), cmd)
		if err != nil {
			t.Fatal(err)
		}
		e.status, e.retry = status, "7"
		err = a.Apply(t.Context(), cmd, p)
		if err == nil || fault.IsPermanent(err) != permanent || !permanent && fault.Wait(err) != 7*time.Second {
			t.Errorf("%d: %v, wait %s", status, err, fault.Wait(err))
		}
	}
	e, s := start(t)
	a, cmd := action(), command(s.URL, map[string]any{"unblock_method": "DELETE"})
	p := actiontest.CarryOut(t, a, cmd)
	e.status = http.StatusNotFound
	if err := a.(consumers.Undoer).Undo(t.Context(), cmd, p, false); err != nil {
		t.Errorf("DELETE of what is gone: %v", err)
	}
	s.Close()
	if err := a.Apply(t.Context(), cmd, p); err == nil || fault.IsPermanent(err) || strings.Contains(err.Error(), "/hosts") {
		t.Errorf("nobody there: %v", err)
	}
}

func TestErrors(t *testing.T) {
	const u = "https://edr.example"
	for name, tt := range map[string]struct {
		with map[string]any
		want string
	}{
		"no url":               {map[string]any{"url": nil}, "with.u"},
		"plain http":           {map[string]any{"url": "http://edr.example/x"}, "plain_http"},
		"a template for host":  {map[string]any{"url": "https://{{.Target.ID}}/x"}, "no place for a template"},
		"part of the host":     {map[string]any{"url": "https://edr.{{.Target.ID}}/x"}, "no place for a template"},
		"a bad template":       {map[string]any{"url": u + "/{{.Target"}, "with.url"},
		"no such field":        {map[string]any{"body": "{{.Secret}}"}, "with.body"},
		"no JSON":              {map[string]any{"body": `{"host":{{.Target.ID}}}`}, "no JSON"},
		"a bad unblock body":   {map[string]any{"unblock_body": "x"}, "no JSON"},
		"a method":             {map[string]any{"method": "GET"}, "with.method"},
		"a timeout":            {map[string]any{"timeout": "5m"}, "with.timeout"},
		"a header of ours":     {map[string]any{"headers": map[string]any{"Idempotency-Key": "x"}}, "riposte sets it itself"},
		"a header with a line": {map[string]any{"headers": map[string]any{"X": "a\r\nb"}}, "control characters"},
		"another secret":       {map[string]any{"secret_headers": map[string]any{"X": "AWS_SECRET_ACCESS_KEY"}}, "begins with RIPOSTE_WEBHOOK_"},
		"an unset secret":      {map[string]any{"secret_headers": map[string]any{"X": "RIPOSTE_WEBHOOK_NONE"}}, "RIPOSTE_WEBHOOK_NONE is not set"},
		"a bad secret":         {map[string]any{"secret_headers": map[string]any{"X": "RIPOSTE_WEBHOOK_BAD"}}, "control characters"},
		"a secret for nobody":  {map[string]any{"secret_headers": map[string]any{"X": "RIPOSTE_WEBHOOK_ANY"}}, "RIPOSTE_WEBHOOK_ANY_HOSTS, which says where"},
		"for somebody else":    {map[string]any{"secret_headers": map[string]any{"X": "RIPOSTE_WEBHOOK_OTHER"}}, "does not name edr.example"},
		"to elsewhere":         {map[string]any{"url": "https://evil.example/x"}, "does not name evil.example"},
		"to elsewhere later":   {map[string]any{"unblock_url": "https://edr.example@evil.example/x"}, "with.unblock_url"},
		"asking elsewhere":     {map[string]any{"status_url": "https://evil.example/{{path .Target.ID}}"}, "does not name evil.example"},
		"unknown setting":      {map[string]any{"token": "x"}, "unknown field"},
		"a content type":       {map[string]any{"content_type": "a\nb"}, "with.content_type"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := action().Plan(t.Context(), command(u, tt.with)); !fault.IsPermanent(err) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v", err)
			}
		})
	}
	for id, tt := range map[string]struct {
		with map[string]any
		ok   bool
	}{
		"10.0.0.1": {nil, false}, "203.0.113.7": {nil, true}, "10.0.0.2": {map[string]any{"private": true}, true}, "10.0.0.3": {map[string]any{"private": true, "never": "10.0.0.0/24"}, false},
		"203.0.113.8": {map[string]any{"never": []any{"203.0.113.8"}}, false}, "ws-17": {nil, true},
	} {
		cmd := command(u, tt.with)
		cmd.Target.ID = id
		if _, err := action().Plan(t.Context(), cmd); (err == nil) != tt.ok || err != nil && !fault.IsPermanent(err) {
			t.Errorf("%s: %v", id, err)
		}
	}
	cmd := command(u, map[string]any{"body": `{{range $i, $e := .Target.ID}}{{end}}` + `"` + strings.Repeat("{{event \"x\"}}", 1000) + `"`})
	cmd.Event = json.RawMessage(`{"x":"` + strings.Repeat("y", 2000) + `"}`)
	if _, err := action().Plan(t.Context(), cmd); !fault.IsPermanent(err) {
		t.Errorf("a body that grows: %v", err)
	}
}

func TestCanonical(t *testing.T) {
	for raw, want := range map[string]string{
		"203.0.113.7/32": "ip:::203.0.113.7", "2001:DB8::1": "ip:::2001:db8::1", "203.0.113.9/24": "ip:::203.0.113.0/24",
		" ws-17 ": "resource:111122223333::ws-17", "arn:aws:ec2:eu-west-1:444455556666:instance/i-1": "resource:444455556666::arn:aws:ec2:eu-west-1:444455556666:instance/i-1",
		"": "", "a\nb": "", strings.Repeat("x", longestTarget+1): "",
	} {
		got, err := Spec().Canonical(raw, "111122223333", "eu-west-1")
		if (err == nil) != (want != "") || err == nil && got.Key() != want {
			t.Errorf("%q: %+v, %v", raw, got, err)
		}
	}
}

func TestInspect(t *testing.T) {
	e, s := start(t)
	i, ok := action().(consumers.Inspector)
	if !ok {
		t.Fatal("no Inspector")
	}
	one, two := command(s.URL, withStatus(s.URL)), command(s.URL, withStatus(s.URL))
	two.ID, two.Target.ID = "c2", "ws-18"
	e.blocked["ws-17"] = true
	missing, others, err := i.Inspect(t.Context(), []schemas.Command{one, two})
	if err != nil || len(missing) != 1 || missing[0] != "c2" || len(others) != 0 || i.Enforcer(one) == "" || i.Enforcer(one) != i.Enforcer(two) {
		t.Errorf("%v, %v, %v", missing, others, err)
	}
	if missing, _, err := i.Inspect(t.Context(), []schemas.Command{command(s.URL, nil)}); err != nil || len(missing) != 0 || i.Enforcer(one) == i.Enforcer(command(s.URL, nil)) {
		t.Errorf("nobody to ask: %v, %v", missing, err)
	}
	e.status = http.StatusServiceUnavailable
	if _, _, err := i.Inspect(t.Context(), []schemas.Command{one}); err == nil || fault.IsPermanent(err) {
		t.Errorf("away: %v", err)
	}
	if _, _, err := i.Inspect(t.Context(), nil); !fault.IsPermanent(err) {
		t.Error(err)
	}
}
