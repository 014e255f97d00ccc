package issue

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/riposte-security/riposte/consumers/actiontest"
	"github.com/riposte-security/riposte/internal/callout"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const token = "canary-token-4711"

func now() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

func command(id string, edit ...func(*schemas.Command)) schemas.Command {
	c := schemas.Command{
		ID: id, Rule: "riposte-code", RuleTitle: "Code is out of date", Lane: schemas.LaneAlert, Action: "tracker",
		Severity: "medium", Target: schemas.Target{Type: "event", ID: "e-1"}, EventUID: "e-1", EventTime: now(),
		Event: json.RawMessage(`{"class_uid":2004,"message":"m"}`),
	}
	for _, f := range edit {
		f(&c)
	}
	return c
}

func aboutCode(patch string) func(*schemas.Command) {
	return func(c *schemas.Command) {
		b, _ := json.Marshal(map[string]any{"class_uid": 2004, "unmapped": map[string]any{"riposte": map[string]any{"notice": map[string]any{
			"kind": "code", "subject": "prod aws_s3_bucket.logs", "tool": "terraform", "where": "prod.tfstate", "address": "aws_s3_bucket.logs", "patch": patch,
		}}}})
		c.Event = b
	}
}

// A tracker keeps issues as GitHub and GitLab do.
type tracker struct {
	t       *testing.T
	forge   Forge
	mu      sync.Mutex
	issues  []map[string]any // oldest first
	answers []func(http.ResponseWriter)
}

func (f *tracker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.answers) > 0 {
		answer := f.answers[0]
		f.answers = f.answers[1:]
		answer(w)
		return
	}
	want := map[string]string{"github": "/repos/acme/infra/issues", "gitlab": "/api/v4/projects/acme%2Finfra/issues"}[f.forge.Kind]
	if r.URL.EscapedPath() != want {
		f.t.Errorf("%s asked; %s expected", r.URL.EscapedPath(), want)
	}
	if r.Header.Get("Authorization") != "Bearer "+token && r.Header.Get("PRIVATE-TOKEN") != token {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if r.Method == http.MethodGet {
		page, _ := strconv.Atoi(r.URL.Query().Get("page"))
		list := []map[string]any{}
		for i := len(f.issues) - 1 - (page-1)*perPage; i >= 0 && len(list) < perPage; i-- {
			list = append(list, f.issues[i])
		}
		if err := json.NewEncoder(w).Encode(list); err != nil {
			f.t.Error(err)
		}
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		f.t.Error(err)
	}
	issue := map[string]any{}
	if err := json.Unmarshal(body, &issue); err != nil {
		f.t.Error(err)
	}
	issue["state"], issue[f.forge.number], issue[f.forge.page] = f.forge.open, len(f.issues)+1, "https://forge/"+strconv.Itoa(len(f.issues)+1)
	f.issues = append(f.issues, issue)
	w.WriteHeader(http.StatusCreated)
}

func (f *tracker) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.issues)
}

func (f *tracker) state() any {
	f.mu.Lock()
	defer f.mu.Unlock()
	texts := map[string]int{}
	for _, i := range f.issues {
		texts[i[f.forge.text].(string)]++
	}
	return maps.Clone(texts)
}

func start(t *testing.T, forge Forge, answers ...func(http.ResponseWriter)) (*tracker, *Receiver) {
	t.Helper()
	f := &tracker{t: t, forge: forge, answers: answers}
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	conf := Defaults()
	conf.URL, conf.Project, conf.Token, conf.Labels = s.URL, "acme/infra", token, []string{"security"}
	r, err := New(forge, conf, callout.Policy{}, now)
	if err != nil {
		t.Fatal(err)
	}
	return f, r
}

func both(t *testing.T, run func(t *testing.T, forge Forge)) {
	t.Helper()
	for _, f := range []Forge{GitHub(), GitLab()} {
		t.Run(f.Kind, func(t *testing.T) { run(t, f) })
	}
}

func TestContract(t *testing.T) {
	both(t, func(t *testing.T, forge Forge) {
		actiontest.Run(t, func(t *testing.T) actiontest.Subject {
			t.Helper()
			f, r := start(t, forge)
			return actiontest.Subject{Action: r, Command: command("c1"), State: f.state, Stateless: true}
		})
	})
}

// send carries a command out, and returns what it came to.
func send(t *testing.T, r *Receiver, cmd schemas.Command) string {
	t.Helper()
	p, err := r.Plan(t.Context(), cmd)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Apply(t.Context(), cmd, p); err != nil {
		t.Fatal(err)
	}
	out, err := r.Verify(t.Context(), cmd, p)
	if err != nil {
		t.Fatal(err)
	}
	return out.Message
}

func TestOneIssueForEachThing(t *testing.T) {
	both(t, func(t *testing.T, forge Forge) {
		f, r := start(t, forge)
		for i := range 150 { // more than a page of others lies before ours
			send(t, r, command("other-"+strconv.Itoa(i)))
		}
		first := send(t, r, command("c1", aboutCode("x = 1")))
		second := send(t, r, command("c2", aboutCode("x = 1")))
		if f.count() != 151 || first != "issue 151 of acme/infra: https://forge/151" || second != first+" (was open already)" {
			t.Errorf("%d issues; %s; %s", f.count(), first, second)
		}
		f.mu.Lock()
		f.issues[150]["state"] = "closed"
		f.mu.Unlock()
		if send(t, r, command("c1", aboutCode("x = 1"))); f.count() != 151 {
			t.Error("a command opened its issue twice, though it was closed since")
		}
		if third := send(t, r, command("c3", aboutCode("x = 1"))); f.count() != 152 || strings.Contains(third, "already") {
			t.Errorf("an issue that is closed keeps another from being opened: %s", third)
		}
	})
}

func TestText(t *testing.T) {
	both(t, func(t *testing.T, forge Forge) {
		f, r := start(t, forge)
		send(t, r, command("c1", aboutCode("a = \"```\"\n@everybody"), func(c *schemas.Command) { c.RuleTitle = "``` @everybody <img src=x>" }))
		text := f.issues[0][forge.text].(string)
		for _, want := range []string{"````hcl\na = \"```\"\n@everybody\n````\n", "Proposed change of `aws_s3_bucket.logs` in `prod.tfstate`:", "````text\n``` @everybody <img src=x>"} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		}
		labels, _ := json.Marshal(f.issues[0]["labels"])
		if want := map[string]string{"github": `["riposte","security"]`, "gitlab": `"riposte,security"`}[forge.Kind]; string(labels) != want {
			t.Errorf("labels %s", labels)
		}
	})
}

func TestAnswers(t *testing.T) {
	both(t, func(t *testing.T, forge Forge) {
		status := func(code int, headers ...string) func(http.ResponseWriter) {
			return func(w http.ResponseWriter) {
				for i := 0; i < len(headers); i += 2 {
					w.Header().Set(headers[i], headers[i+1])
				}
				w.WriteHeader(code)
			}
		}
		for name, tt := range map[string]struct {
			answer    func(http.ResponseWriter)
			permanent bool
			wait      time.Duration
		}{
			"not found":        {status(404), true, 0},
			"forbidden":        {status(403), true, 0},
			"too often":        {status(403, "Retry-After", "30"), false, 30 * time.Second},
			"used up":          {status(403, "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", strconv.FormatInt(now().Unix()+90, 10)), false, 90 * time.Second},
			"too many":         {status(429, "Retry-After", "7"), false, 7 * time.Second},
			"down":             {status(503), false, 0},
			"no list":          {func(w http.ResponseWriter) { _, _ = io.WriteString(w, `{"message":"x"}`) }, false, 0},
			"moved":            {status(301, "Location", "http://127.0.0.1:1/"), true, 0},
			"something else":   {status(200), false, 0},
			"without an issue": {status(204), false, 0},
		} {
			t.Run(name, func(t *testing.T) {
				_, r := start(t, forge, tt.answer)
				cmd := command("c1")
				p, err := r.Plan(t.Context(), cmd)
				if err != nil {
					t.Fatal(err)
				}
				err = r.Apply(t.Context(), cmd, p)
				if err == nil || fault.IsPermanent(err) != tt.permanent || fault.Wait(err) != tt.wait {
					t.Fatalf("error %v, permanent %t, wait %s", err, fault.IsPermanent(err), fault.Wait(err))
				}
				plan, _ := json.Marshal(p)
				if strings.Contains(err.Error()+string(plan), token) {
					t.Error("the token is in an error or a plan")
				}
			})
		}
	})
}

func TestConfig(t *testing.T) {
	good := Config{Project: "acme/infra", Token: token, Timeout: time.Second}
	for name, edit := range map[string]func(*Config){
		"no project": func(c *Config) { c.Project = "" }, "a path": func(c *Config) { c.Project = "acme/../x/y" }, "no token": func(c *Config) { c.Token = "" },
		"a line break": func(c *Config) { c.Token = "a\nb" }, "http": func(c *Config) { c.URL = "http://forge.example" }, "hours": func(c *Config) { c.Timeout = time.Hour },
	} {
		both(t, func(t *testing.T, forge Forge) {
			bad := good
			edit(&bad)
			if _, err := New(forge, bad, callout.Policy{}, now); (err == nil) != (name == "a path" && forge.Kind == "gitlab") {
				t.Errorf("%s: error %v", name, err)
			} else if err != nil && strings.Contains(err.Error(), "canary") {
				t.Errorf("%s: the token is in the error", name)
			}
		})
	}
	if _, err := New(GitLab(), Config{Project: "4711", Token: token, Timeout: time.Second}, callout.Policy{}, now); err != nil {
		t.Error(err)
	}
}
