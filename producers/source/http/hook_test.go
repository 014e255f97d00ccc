package http

import (
	"bytes"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
)

const secret = "a secret of some length"

// send posts to an endpoint of its own.
func send(t *testing.T, url, body string, header ...string) (int, string) {
	t.Helper()
	return sendFrom(t, url, strings.NewReader(body), header...)
}

func sendFrom(t *testing.T, url string, body io.Reader, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func mac(key, body string) string {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(body))
	return "sha256=" + hex.EncodeToString(h.Sum(nil))
}

func TestGitHub(t *testing.T) {
	p := &pipeline{}
	at, _ := serve(t, "github: { secrets: [another secret of ours, "+secret+"] }", p)
	body := `{"action":"added","repository":{"full_name":"o/r"}}`
	form := "payload=" + url.QueryEscape(body)
	for _, c := range []struct {
		name, body, signature, event string
		status                       int
	}{
		{"signed", body, mac(secret, body), "member", 202},
		{"form", form, mac(secret, form), "member", 202},
		{"signed by another", body, mac("somebody else's", body), "member", 401},
		{"changed", body + " ", mac(secret, body), "member", 401},
		{"unsigned", body, "", "member", 401},
		{"old signature", body, "sha1=" + strings.Repeat("0", 40), "member", 401},
		{"no hex", body, "sha256=xyz", "member", 401},
		{"no event", body, mac(secret, body), "", 400},
		{"no JSON", "{", mac(secret, "{"), "member", 400},
	} {
		header := []string{"X-Hub-Signature-256", c.signature, "X-GitHub-Event", c.event, "X-GitHub-Delivery", "guid-1", "X-GitHub-Hook-ID", "42", "Content-Type", "application/json"}
		if c.name == "form" {
			header[9] = "application/x-www-form-urlencoded"
		}
		if status, text := send(t, at+"/github", c.body, header...); status != c.status {
			t.Errorf("%s: %d %s", c.name, status, text)
		}
	}
	if diff := cmp.Diff([]string{body, body}, p.data()); diff != "" {
		t.Fatal(diff)
	}
	a := p.records[0].Attrs
	if a[producers.AttrID] != "guid-1" || a[producers.AttrSource] != "github" || a["github-event"] != "member" || a["github-hook"] != "42" || a["github-delivery"] != "guid-1" {
		t.Error(a)
	}
	if status, _ := send(t, at+"/falco", "{}"); status != 404 {
		t.Error("an endpoint that is not set up answers", status)
	}
}

func TestFalco(t *testing.T) {
	p := &pipeline{}
	at, _ := serve(t, "falco: {}", p)
	alert := `{"uuid":"u-1","rule":"Shell","priority":"Notice","time":"2026-03-09T12:00:00Z","output_fields":{"proc.name":"sh"}}`
	for _, c := range []struct {
		name, body, token string
		status            int
	}{
		{"alert", alert, token, 202}, {"without uuid", `{"rule":"r","priority":"Error"}`, token, 202}, {"no token", alert, "x", 401},
		{"no alert", `{"n":1}`, token, 400}, {"no JSON", "{", token, 400}, {"array", "[]", token, 400},
	} {
		if status, text := send(t, at+"/falco", c.body, "Authorization", "Bearer "+c.token); status != c.status {
			t.Errorf("%s: %d %s", c.name, status, text)
		}
	}
	if len(p.records) != 2 || p.records[0].Attrs[producers.AttrID] != "u-1" || p.records[1].Attrs[producers.AttrID] != "" {
		t.Error(p.records)
	}
}

// TestOversizedHooks sends more than max_body: what is authentic becomes a dead letter, and nothing else does.
func TestOversizedHooks(t *testing.T) {
	p := &pipeline{}
	at, _ := serve(t, "max_body: 2048\ngithub: { secrets: ["+secret+"] }\nfalco: {}\nsns: { topics: ['arn:aws:sns:eu-west-1:111122223333:t'] }", p)
	body := `{"a":"` + strings.Repeat("x", 100_000) + `"}`
	for _, c := range []struct {
		name, path, header, value string
		letters                   int
	}{
		{"signed", "/github", "X-Hub-Signature-256", mac(secret, body), 1},
		{"signed by another", "/github", "X-Hub-Signature-256", mac("somebody else's", body), 0},
		{"unsigned", "/github", "X", "x", 0},
		{"falco", "/falco", "Authorization", "Bearer " + token, 1},
		{"no token", "/falco", "Authorization", "Bearer x", 0},
		{"sns", "/sns", "X", "x", 0},
	} {
		for _, chunked := range []bool{false, true} {
			before := len(p.data())
			var in io.Reader = strings.NewReader(body)
			if chunked {
				in = io.MultiReader(in)
			}
			if status, text := sendFrom(t, at+c.path, in, c.header, c.value); status != 413 || len(p.data())-before != c.letters {
				t.Errorf("%s: %d %s, %d dead letters", c.name, status, text, len(p.data())-before)
			}
		}
	}
}

// TestWebhooksAlone listens where others can reach it: without tokens, nothing but webhooks is taken.
func TestWebhooksAlone(t *testing.T) {
	for conf, want := range map[string]string{
		"listen: 0.0.0.0:1\ngithub: { secrets: [" + secret + "] }":            "",
		"listen: 0.0.0.0:1\ngithub: { secrets: [" + secret + "] }\nfalco: {}": "tokens",
		"listen: 0.0.0.0:1": "tokens", "github: {}": "secrets", "github: { secrets: [x] }": "16", "sns: {}": "topics", "sns: { topics: [x] }": "arn",
		"sns: { topics: ['arn:aws:sns:evil.example/:1:t'] }": "arn",
		"falco: { path: /v1/records }":                       "taken", "falco: { path: x }": "path", "falco: { path: '/{x}' }": "path",
		"falco: { path: /x }\ngithub: { path: /x, secrets: [" + secret + "] }": "taken",
	} {
		n, err := config.Parse("t.yaml", []byte(conf))
		if err != nil {
			t.Fatal(err)
		}
		src, err := New(n, producers.SourceDeps{Name: "p", Log: zerolog.Nop()})
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", conf, err)
			} else if src.(*source).authorized(&http.Request{}) { //nolint:forcetypeassert // it is
				t.Errorf("%s: records are taken from anybody", conf)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", conf, err)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Error("a secret is printed")
		}
	}
}

const topic = "arn:aws:sns:eu-west-1:111122223333:trail"

// amazon stands for SNS: it signs, hands out its certificate, and notes what is confirmed.
type amazon struct {
	key   *rsa.PrivateKey
	cert  []byte
	mu    sync.Mutex
	asked []string
}

func newAmazon(t *testing.T, until time.Time) *amazon {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "sns.amazonaws.com"}, NotBefore: time.Unix(0, 0), NotAfter: until,
	}, &x509.Certificate{}, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &amazon{key: key, cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})}
}

// RoundTrip implements http.RoundTripper.
func (a *amazon) RoundTrip(r *http.Request) (*http.Response, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, r.URL.String())
	resp := &http.Response{StatusCode: 200, Status: "200 OK", Body: io.NopCloser(bytes.NewReader(a.cert))}
	if strings.Contains(r.URL.Path, "missing") {
		resp.StatusCode, resp.Status = 404, "404 Not Found"
	}
	return resp, nil
}

// sign returns a message as SNS posts it; its string to sign is made here anew, after the documentation.
func (a *amazon) sign(t *testing.T, version string, m map[string]string) string {
	t.Helper()
	if m["SigningCertURL"] == "" {
		m["SigningCertURL"] = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem"
	}
	m["SignatureVersion"] = version
	var b strings.Builder
	for _, k := range []string{"Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"} {
		if v, ok := m[k]; ok {
			b.WriteString(k + "\n" + v + "\n")
		}
	}
	sum, hash := sha1.Sum([]byte(b.String())), crypto.SHA1
	digest := sum[:]
	if version == "2" {
		sum := sha256.Sum256([]byte(b.String()))
		digest, hash = sum[:], crypto.SHA256
	}
	signature, err := rsa.SignPKCS1v15(rand.Reader, a.key, hash, digest)
	if err != nil {
		t.Fatal(err)
	}
	m["Signature"] = base64.StdEncoding.EncodeToString(signature)
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func notification(more ...string) map[string]string {
	m := map[string]string{"Type": "Notification", "MessageId": "m-1", "TopicArn": topic, "Message": "{\"n\":1}\n{\"n\":2}", "Timestamp": "2026-03-09T12:00:00.000Z"}
	for i := 0; i+1 < len(more); i += 2 {
		m[more[i]] = more[i+1]
	}
	return m
}

func serveSNS(t *testing.T, a *amazon, p *pipeline) string {
	t.Helper()
	n, err := config.Parse("t.yaml", []byte("sns: { topics: ['"+topic+"'] }"))
	if err != nil {
		t.Fatal(err)
	}
	src, err := New(n, producers.SourceDeps{Name: "p", Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	s := src.(*source) //nolint:forcetypeassert // it is
	s.SNS.client.Transport = a
	return start(t, s, p)
}

func TestSNS(t *testing.T) {
	a, other, p := newAmazon(t, time.Now().Add(time.Hour)), newAmazon(t, time.Now().Add(time.Hour)), &pipeline{}
	at := serveSNS(t, a, p) + "/sns"
	good := a.sign(t, "1", notification())
	subscribe := notification("Type", "SubscriptionConfirmation", "Token", "t", "SubscribeURL", "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t")
	elsewhere := notification("Type", "SubscriptionConfirmation", "Token", "t", "SubscribeURL", "https://sns.eu-west-1.amazonaws.com.evil.example/")
	for _, c := range []struct {
		name, body string
		status     int
	}{
		{"version 1", good, 202},
		{"version 2", a.sign(t, "2", notification("MessageId", "m-2", "Subject", "s", "Message", `{"n":3}`)), 202},
		{"changed", strings.Replace(good, `"m-1"`, `"m-3"`, 1), 403},
		{"a message put before the signed one", strings.Replace(good, `{"Message"`, `{"Message":"{\"n\":\"evil\"}","Message"`, 1), 202},
		{"a message put behind the signed one", strings.TrimSuffix(good, "}") + `,"message":"{\"n\":\"evil\"}"}`, 403},
		{"signed by another", other.sign(t, "1", notification()), 403},
		{"version 3", strings.Replace(good, `"SignatureVersion":"1"`, `"SignatureVersion":"3"`, 1), 403},
		{"without signature", strings.Replace(good, `"Signature":"`, `"NoSignature":"`, 1), 403},
		{"another topic", a.sign(t, "1", notification("TopicArn", topic+"2")), 403},
		{"certificate from elsewhere", other.sign(t, "1", notification("SigningCertURL", "https://sns.evil.example/c.pem")), 403},
		{"certificate from a bucket", other.sign(t, "1", notification("SigningCertURL", "https://s3.eu-west-1.amazonaws.com/sns/c.pem")), 403},
		{"certificate over http", other.sign(t, "1", notification("SigningCertURL", "http://sns.eu-west-1.amazonaws.com/c.pem")), 403},
		{"certificate of a user", other.sign(t, "1", notification("SigningCertURL", "https://sns.eu-west-1.amazonaws.com@evil.example/c.pem")), 403},
		{"certificate is no file", other.sign(t, "1", notification("SigningCertURL", "https://sns.eu-west-1.amazonaws.com/?Action=x")), 403},
		{"certificate is missing", a.sign(t, "1", notification("SigningCertURL", "https://sns.eu-west-1.amazonaws.com/missing.pem")), 503},
		{"of another type", a.sign(t, "1", notification("Type", "Other")), 403},
		{"no JSON", "{", 400},
		{"subscription", a.sign(t, "1", subscribe), 200},
		{"subscription elsewhere", a.sign(t, "1", elsewhere), 403},
		{"cancelled", a.sign(t, "1", notification("Type", "UnsubscribeConfirmation", "Token", "t", "SubscribeURL", "https://sns.eu-west-1.amazonaws.com/?again")), 200},
	} {
		if status, text := send(t, at, c.body); status != c.status {
			t.Errorf("%s: %d %s", c.name, status, text)
		}
	}
	if status, _ := send(t, at, `{"n":1}`, "X-Amz-Sns-Rawdelivery", "true"); status != 403 {
		t.Error("a raw message is taken", status)
	}
	if diff := cmp.Diff([]string{`{"n":1}`, `{"n":2}`, `{"n":3}`, `{"n":1}`, `{"n":2}`}, p.data()); diff != "" {
		t.Error(diff)
	}
	var ids []string
	for _, r := range p.records {
		ids = append(ids, r.Attrs[producers.AttrID])
	}
	if diff := cmp.Diff([]string{"m-1", "m-1#2", "m-2", "m-1", "m-1#2"}, ids); diff != "" || p.records[0].Attrs[producers.AttrSource] != topic {
		t.Error(diff, p.records[0].Attrs)
	}
	want := []string{ // the certificate once
		"https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem", "https://sns.eu-west-1.amazonaws.com/missing.pem", subscribe["SubscribeURL"],
	}
	if diff := cmp.Diff(want, a.asked); diff != "" {
		t.Error(diff)
	}
}

func TestSNSCertificateExpired(t *testing.T) {
	a := newAmazon(t, time.Now().Add(-time.Hour))
	if status, text := send(t, serveSNS(t, a, &pipeline{})+"/sns", a.sign(t, "2", notification())); status != 403 {
		t.Error(status, text)
	}
}
