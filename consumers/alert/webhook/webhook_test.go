package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/riposte-security/riposte/consumers/actiontest"
	"github.com/riposte-security/riposte/internal/callout"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

func now() time.Time { return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC) }

func command() schemas.Command {
	return schemas.Command{
		ID: "0123456789abcdef0123456789abcdef", Rule: "vpc-created", RuleTitle: "A VPC was created", Lane: schemas.LaneAlert, Action: "hook",
		Severity: "medium", Target: schemas.Target{Type: "event", ID: "e-1"}, EventUID: "e-1", EventTime: now(),
		Event: json.RawMessage(`{"class_uid":6003,"api":{"operation":"CreateVpc","service":{"name":"ec2.amazonaws.com"}}}`),
	}
}

// hook is a receiver of webhooks that gives the answers it is told, and remembers what came.
type hook struct {
	mu      sync.Mutex
	answers []func(http.ResponseWriter)
	calls   []*http.Request
	bodies  []string
	byKey   map[string]int // bodies by idempotency key: what a receiver that deduplicates would keep
}

func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, r)
	h.bodies = append(h.bodies, string(body))
	if len(h.answers) > 0 {
		answer := h.answers[0]
		h.answers = h.answers[1:]
		answer(w)
		return
	}
	h.byKey[r.Header.Get("Idempotency-Key")+" "+string(body)] = 1
	w.WriteHeader(http.StatusAccepted)
}

func (h *hook) state() any {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.byKey)
}

// seen returns the requests that came, and their bodies.
func (h *hook) seen() ([]*http.Request, []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.calls, h.bodies
}

func start(t *testing.T, answers ...func(http.ResponseWriter)) (*hook, *httptest.Server) {
	t.Helper()
	h := &hook{answers: answers, byKey: map[string]int{}}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return h, s
}

func receiver(t *testing.T, url string, edit ...func(*Config)) *Receiver {
	t.Helper()
	conf := Defaults()
	conf.URL, conf.Secret = url+"/T0/B0/path-secret", secret
	for _, e := range edit {
		e(&conf)
	}
	r, err := New(conf, callout.Policy{}, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.client.CloseIdleConnections)
	return r
}

func send(t *testing.T, r *Receiver) error {
	t.Helper()
	p, err := r.Plan(t.Context(), command())
	if err != nil {
		t.Fatal(err)
	}
	return r.Apply(t.Context(), command(), p)
}

func TestConformance(t *testing.T) {
	actiontest.Run(t, func(t *testing.T) actiontest.Subject {
		h, s := start(t)
		return actiontest.Subject{Action: receiver(t, s.URL), Command: command(), State: h.state, Stateless: true}
	})
}

// TestSignature computes the signature anew from what arrived, as a receiver does.
func TestSignature(t *testing.T) {
	h, s := start(t)
	old := "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat("o", 24)))
	r := receiver(t, s.URL, func(c *Config) { c.PreviousSecret = old })
	if err := send(t, r); err != nil {
		t.Fatal(err)
	}
	calls, bodies := h.seen()
	req, body := calls[0], bodies[0]
	if id := req.Header.Get("webhook-id"); id != command().ID || req.Header.Get("Idempotency-Key") != id {
		t.Errorf("webhook-id %q, Idempotency-Key %q: the command's id expected", id, req.Header.Get("Idempotency-Key"))
	}
	if ts := req.Header.Get("webhook-timestamp"); ts != "1767225600" {
		t.Errorf("webhook-timestamp %q", ts)
	}
	var want []string
	for _, s := range []string{secret, old} {
		key, err := base64.StdEncoding.DecodeString(s[len("whsec_"):])
		if err != nil {
			t.Fatal(err)
		}
		mac := hmac.New(sha256.New, key)
		_, _ = io.WriteString(mac, req.Header.Get("webhook-id")+"."+req.Header.Get("webhook-timestamp")+"."+body)
		want = append(want, "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	}
	if got := req.Header.Get("webhook-signature"); got != strings.Join(want, " ") {
		t.Errorf("webhook-signature %q, want %q", got, want)
	}
	var sent map[string]any
	if err := json.Unmarshal([]byte(body), &sent); err != nil || sent["title"] != "A VPC was created" || sent["command_id"] != command().ID {
		t.Errorf("body %s (%v)", body, err)
	}
}

// TestSignatureVector holds sign against values computed with another implementation (Python's hmac).
func TestSignatureVector(t *testing.T) {
	for _, c := range []struct{ key, id, timestamp, body, want string }{
		{"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", `{"test": 2432232314}`, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
		{"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "0123456789abcdef0123456789abcdef", "1767225600", `{"title":"a"}`, "KRvFJHr4V2wsqjVzuA1/YWlIxhpiTJh8OdKuP4Mz73w="},
	} {
		key, err := base64.StdEncoding.DecodeString(c.key)
		if err != nil {
			t.Fatal(err)
		}
		if got := sign([][]byte{key}, c.id, c.timestamp, []byte(c.body)); got != "v1,"+c.want {
			t.Errorf("sign(%s) = %s, want v1,%s", c.id, got, c.want)
		}
	}
}

// hangUp closes the connection instead of answering.
func hangUp(w http.ResponseWriter) {
	if h, ok := w.(http.Hijacker); ok {
		if conn, _, err := h.Hijack(); err == nil {
			_ = conn.Close()
		}
	}
}

func TestAnswers(t *testing.T) {
	status := func(code int, retryAfter string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			if retryAfter != "" {
				w.Header().Set("Retry-After", retryAfter)
			}
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(code)
			_, _ = io.WriteString(w, strings.Repeat("x", 1<<20))
		}
	}
	for _, c := range []struct {
		name      string
		answer    func(http.ResponseWriter)
		ok        bool
		permanent bool
		wait      time.Duration
	}{
		{"200", status(200, ""), true, false, 0},
		{"299", status(299, ""), true, false, 0},
		{"request timeout", status(408, ""), false, false, 0},
		{"too early", status(425, ""), false, false, 0},
		{"too many, seconds", status(429, "7"), false, false, 7 * time.Second},
		{"too many, date", status(429, "Thu, 01 Jan 2026 00:01:30 GMT"), false, false, 90 * time.Second},
		{"too many, in the past", status(429, "Thu, 01 Jan 2015 00:01:30 GMT"), false, false, 0},
		{"too many, nonsense", status(429, "-1 soon"), false, false, 0},
		{"unavailable, for ever", status(503, "4000000000"), false, false, fault.MaxWait},
		{"server error", status(500, ""), false, false, 0},
		{"bad request", status(400, "7"), false, true, 0},
		{"unauthorised", status(401, ""), false, true, 0},
		{"gone", status(410, ""), false, true, 0},
		{"redirect", status(307, ""), false, true, 0},
		{"hangs up", hangUp, false, false, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, s := start(t, c.answer)
			err := send(t, receiver(t, s.URL))
			if calls, _ := h.seen(); len(calls) != 1 {
				t.Errorf("%d requests, one expected", len(calls))
			}
			if c.ok != (err == nil) || fault.IsPermanent(err) != c.permanent || fault.Wait(err) != c.wait {
				t.Fatalf("error %v, permanent %t, wait %s; expected ok %t, permanent %t, wait %s", err, fault.IsPermanent(err), fault.Wait(err), c.ok, c.permanent, c.wait)
			}
			if err != nil && strings.Contains(err.Error(), "path-secret") {
				t.Errorf("the error holds the path of the URL: %v", err)
			}
		})
	}
}

// TestRetry: a second try after a failure is the same request.
func TestRetry(t *testing.T) {
	h, s := start(t, func(w http.ResponseWriter) { w.WriteHeader(http.StatusServiceUnavailable) })
	r := receiver(t, s.URL)
	if err := send(t, r); err == nil || fault.IsPermanent(err) {
		t.Fatalf("first try: %v", err)
	}
	if err := send(t, r); err != nil {
		t.Fatalf("second try: %v", err)
	}
	calls, bodies := h.seen()
	if bodies[0] != bodies[1] || calls[0].Header.Get("Idempotency-Key") != calls[1].Header.Get("Idempotency-Key") {
		t.Error("the two tries differ in body or key")
	}
}

func TestNobodyThere(t *testing.T) {
	_, s := start(t)
	s.Close()
	err := send(t, receiver(t, s.URL))
	if err == nil || fault.IsPermanent(err) || strings.Contains(err.Error(), "path-secret") {
		t.Errorf("error %v: one to retry, without the path, expected", err)
	}
}

func TestTimeout(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}))
	defer s.Close()
	defer close(release)
	r := receiver(t, s.URL)
	r.conf.Timeout = 50 * time.Millisecond
	if err := send(t, r); err == nil || fault.IsPermanent(err) {
		t.Errorf("error %v: one to retry expected", err)
	}
}

func TestCertificateIsVerified(t *testing.T) {
	h := &hook{byKey: map[string]int{}}
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	err := send(t, receiver(t, s.URL))
	if calls, _ := h.seen(); err == nil || len(calls) != 0 {
		t.Errorf("an unknown certificate was taken: %v, %d requests", err, len(calls))
	}
}

func TestHeadersAndEvent(t *testing.T) {
	h, s := start(t)
	r := receiver(t, s.URL, func(c *Config) {
		c.Headers, c.IncludeEvent = map[string]string{"Authorization": "Bearer b"}, true
		c.Secret, c.Unsigned = "", true
	})
	if err := send(t, r); err != nil {
		t.Fatal(err)
	}
	calls, bodies := h.seen()
	if a := calls[0].Header.Get("Authorization"); a != "Bearer b" {
		t.Errorf("Authorization %q", a)
	}
	if v, there := calls[0].Header["Webhook-Signature"]; there {
		t.Errorf("signed all the same: %v", v)
	}
	if !strings.Contains(bodies[0], `"event":{"class_uid":6003`) {
		t.Errorf("no event in %s", bodies[0])
	}
	p, err := r.Plan(t.Context(), command())
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(p)
	if err != nil || strings.Contains(string(text), "Bearer") || strings.Contains(string(text), "path-secret") {
		t.Errorf("the plan holds a secret: %s (%v)", text, err)
	}
}

func TestForeignPlan(t *testing.T) {
	_, s := start(t)
	r := receiver(t, s.URL)
	for _, p := range []schemas.Plan{{}, {Calls: []schemas.Call{{}}}} {
		if err := r.Apply(t.Context(), command(), p); !fault.IsPermanent(err) {
			t.Errorf("plan %+v: %v", p, err)
		}
	}
	bad := command()
	bad.Event = json.RawMessage(`{`)
	r.conf.IncludeEvent = true
	if _, err := r.Plan(t.Context(), bad); !fault.IsPermanent(err) {
		t.Errorf("an event that is not JSON: %v", err)
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*Config)
		want string // part of the error; "" for none
	}{
		{"as it is", func(*Config) {}, ""},
		{"no url", func(c *Config) { c.URL = "" }, "url"},
		{"http elsewhere", func(c *Config) { c.URL = "http://example.com/x" }, "plain_http"},
		{"http allowed", func(c *Config) { c.URL, c.PlainHTTP = "http://example.com/x", true }, ""},
		{"http on this machine", func(c *Config) { c.URL = "http://127.0.0.1:1/x" }, ""},
		{"another scheme", func(c *Config) { c.URL = "file:///etc/passwd" }, "url"},
		{"password in url", func(c *Config) { c.URL = "https://u:geheim@example.com/" }, "headers"},
		{"no secret", func(c *Config) { c.Secret = "" }, "unsigned"},
		{"unsigned", func(c *Config) { c.Secret, c.Unsigned = "", true }, ""},
		{"secret and unsigned", func(c *Config) { c.Unsigned = true }, "exclude"},
		{"secret without prefix", func(c *Config) { c.Secret = "geheim" }, "whsec_"},
		{"secret too short", func(c *Config) { c.Secret = "whsec_Z2VoZWlt" }, "24"},
		{"bad second secret", func(c *Config) { c.PreviousSecret = "geheim" }, "previous_secret"},
		{"timeout", func(c *Config) { c.Timeout = time.Hour }, "timeout"},
		{"header name", func(c *Config) { c.Headers = map[string]string{"a b": "c"} }, "header"},
		{"header value", func(c *Config) { c.Headers = map[string]string{"a": "geheim\r\nx: y"} }, "control"},
		{"own header", func(c *Config) { c.Headers = map[string]string{"Webhook-Id": "c"} }, "itself"},
	} {
		t.Run(c.name, func(t *testing.T) {
			conf := Defaults()
			conf.URL, conf.Secret = "https://example.com/hook", secret
			c.edit(&conf)
			_, err := New(conf, callout.Policy{}, now)
			switch {
			case (c.want == "") != (err == nil), err != nil && !strings.Contains(err.Error(), c.want):
				t.Errorf("error %v, want %q", err, c.want)
			case err != nil && strings.Contains(err.Error(), "geheim"):
				t.Errorf("the error holds a secret: %v", err)
			}
		})
	}
}
