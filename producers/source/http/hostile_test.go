package http

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
)

const standardSecret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

func standardSignature(t *testing.T, secret, id, at, body string) string {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	h := hmac.New(sha256.New, key)
	h.Write([]byte(id + "." + at + "." + body))
	return "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// TestStandardWebhooks: what is signed and young is taken, once.
func TestStandardWebhooks(t *testing.T) {
	p := &pipeline{}
	s := build(t, "standard: { secrets: [ whsec_YW5vdGhlciBzZWNyZXQgb2Ygb3Vycw==, "+standardSecret+" ] }")
	now := time.Unix(1_800_000_000, 0)
	s.Standard.now = func() time.Time { return now }
	at := start(t, s, p)
	stamp := func(d time.Duration) string { return strconv.FormatInt(now.Add(d).Unix(), 10) }
	const body = `{"a":1}`
	sign := func(id, at string) string { return standardSignature(t, standardSecret, id, at, body) }
	for _, c := range []struct {
		name, id, at, signature, body string
		status                        int
		said                          string
	}{
		{"signed", "m1", stamp(0), sign("m1", stamp(0)), body, 202, ""},
		{"again", "m1", stamp(0), sign("m1", stamp(0)), body, 200, "taken before"},
		{"again, signed anew", "m1", stamp(time.Second), sign("m1", stamp(time.Second)), body, 200, "taken before"},
		{"under another id", "m2", stamp(0), sign("m1", stamp(0)), body, 401, "none of a secret"},
		{"at another time", "m1", stamp(time.Second), sign("m1", stamp(0)), body, 401, "none of a secret"},
		{"another body", "m3", stamp(0), sign("m3", stamp(0)), `{"a":2}`, 401, "none of a secret"},
		{"old", "m4", stamp(-6 * time.Minute), sign("m4", stamp(-6*time.Minute)), body, 401, "off; at most 5m0s"},
		{"of the future", "m5", stamp(6 * time.Minute), sign("m5", stamp(6*time.Minute)), body, 401, "off; at most 5m0s"},
		{"somewhat old", "m6", stamp(-4 * time.Minute), sign("m6", stamp(-4*time.Minute)), body, 202, ""},
		{"one of several signatures", "m7", stamp(0), "v1a,xx v1,AAAA " + sign("m7", stamp(0)), body, 202, ""},
		{"no id", "", stamp(0), sign("", stamp(0)), body, 401, "webhook-id"},
		{"an id with a dot", "a.1", stamp(0), sign("a.1", stamp(0)), body, 401, "webhook-id"},
		{"no time", "m8", "", sign("m8", ""), body, 401, "webhook-timestamp"},
		{"no signature", "m8", stamp(0), "", body, 401, "none of a secret"},
	} {
		status, text := send(t, at+"/webhook", c.body, "webhook-id", c.id, "webhook-timestamp", c.at, "webhook-signature", c.signature)
		if status != c.status || !strings.Contains(text, c.said) {
			t.Errorf("%s: %d %s", c.name, status, text)
		}
	}
	if n := len(p.data()); n != 3 {
		t.Errorf("%d records", n)
	}
	for _, bad := range []string{"secrets: []", "secrets: [ whsec_YQ== ]", "secrets: [ '!' ]", "secrets: [ " + standardSecret + " ], within: 2h"} {
		if err := refusedConfig(t, "standard: { "+bad+" }"); err == nil || strings.Contains(err.Error(), "whsec_M") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestSeenForgets(t *testing.T) {
	t.Parallel()
	s, now := newSeen(3), time.Unix(0, 0)
	for i := range 5 {
		s.add(fmt.Sprint(i), now, now.Add(time.Minute))
	}
	if s.has("1", now) || !s.has("2", now) || !s.has("4", now) || len(s.until) != 3 {
		t.Errorf("%v", s.until)
	}
	if later := now.Add(time.Hour); s.has("4", later) {
		t.Error("it remembers for ever")
	} else if s.add("5", later, later.Add(time.Minute)); len(s.until) != 1 || len(s.order) != 1 {
		t.Errorf("%v", s.until)
	}
}

// TestAnnouncedBodiesTakeNoMemory: two hundred senders whom nobody knows announce ten megabytes each and send a few bytes. Others are served as if they were
// not there.
func TestAnnouncedBodiesTakeNoMemory(t *testing.T) {
	p := &pipeline{}
	at, _ := serve(t, "github: { secrets: ["+secret+"] }", p)
	addr := strings.TrimPrefix(at, "http://")
	for i := range 200 {
		c := dial(t, addr)
		path, header := "/github", "X-Hub-Signature-256: sha256=00\r\n"
		if i%2 == 0 {
			path, header = "/", "" // without a token: refused before anything is read
		}
		fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: 10000000\r\n\r\n{\"a\":", path, header)
	}
	large := `{"x":"` + strings.Repeat("x", 900<<10) + `"}`
	if status, text := send(t, at+"/", large, "Authorization", "Bearer "+token); status != 202 {
		t.Errorf("with a token: %d %s", status, text)
	}
	if status, text := send(t, at+"/github", large, "X-Hub-Signature-256", mac(secret, large), "X-GitHub-Event", "e", "X-GitHub-Delivery", "d"); status != 202 {
		t.Errorf("signed: %d %s", status, text)
	}
}

// TestLobbyIsBounded: what senders whom nobody knows do send takes no more than their share, and is given back.
func TestLobbyIsBounded(t *testing.T) {
	s := build(t, "github: { secrets: ["+secret+"] }")
	at := start(t, s, &pipeline{})
	if !s.lobby.TryAcquire(lobby - chunk) { // others are there
		t.Fatal("it is taken")
	}
	body := `{"x":"` + strings.Repeat("x", 2*chunk) + `"}`
	header := []string{"X-Hub-Signature-256", mac(secret, body), "X-GitHub-Event", "e", "X-GitHub-Delivery", "d"}
	if status, text := send(t, at+"/github", body, header...); status != 503 || !strings.Contains(text, "too much is waiting") {
		t.Errorf("%d %s", status, text)
	}
	if status, text := send(t, at+"/", body, "Authorization", "Bearer "+token); status != 202 {
		t.Errorf("with a token: %d %s", status, text)
	}
	s.lobby.Release(lobby - chunk)
	if status, text := send(t, at+"/github", body, header...); status != 202 {
		t.Errorf("%d %s", status, text)
	}
	if !s.lobby.TryAcquire(lobby) {
		t.Error("not all of it was given back")
	}
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestSmuggling: a request whose length two readers could understand differently is refused, the connection closed, and what was hidden behind it is never
// read as a request.
func TestSmuggling(t *testing.T) {
	p := &pipeline{}
	at, _ := serve(t, "", p)
	addr := strings.TrimPrefix(at, "http://")
	hidden := "POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + "\r\nContent-Length: 14\r\n\r\n{\"smuggled\":1}"
	for name, head := range map[string]string{
		"two lengths":              "Content-Length: 7\r\nContent-Length: 0\r\n",
		"two lengths in one":       "Content-Length: 7, 0\r\n",
		"a signed length":          "Content-Length: +7\r\n",
		"a negative length":        "Content-Length: -7\r\n",
		"a length in hex":          "Content-Length: 0x7\r\n",
		"chunked twice":            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
		"an unknown encoding":      "Transfer-Encoding: xchunked\r\n",
		"identity and chunked":     "Transfer-Encoding: identity, chunked\r\n",
		"chunked with a tab":       "Transfer-Encoding:\vchunked\r\n",
		"a blank before the colon": "Content-Length : 7\r\n",
		"a bare CR":                "X: a\rContent-Length: 7\r\n",
		"two hosts":                "Host: y\r\nContent-Length: 7\r\n",
	} {
		c := dial(t, addr)
		fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n%s\r\n{\"a\":1}%s", token, head, hidden)
		statuses := answers(t, c)
		if len(statuses) != 1 || statuses[0] != http.StatusBadRequest && statuses[0] != http.StatusNotImplemented {
			t.Errorf("%s: answers %v", name, statuses)
		}
	}
	// With both, chunked alone counts (RFC 9112, 6.3), and the connection is closed: nothing behind it is a request.
	c := dial(t, addr)
	fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n{\"a\":1}\r\n0\r\n\r\n%s", token, hidden)
	if statuses := answers(t, c); len(statuses) != 1 {
		t.Errorf("a length and chunks: answers %v", statuses)
	}
	for _, r := range p.data() {
		if strings.Contains(r, "smuggled") {
			t.Error("a hidden request was taken")
		}
	}
}

// answers reads what comes until the connection is closed.
func answers(t *testing.T, c net.Conn) (statuses []int) {
	t.Helper()
	r := bufio.NewReader(c)
	for {
		res, err := http.ReadResponse(r, nil)
		if err != nil {
			if !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) && !strings.Contains(err.Error(), "reset") {
				t.Error(err)
			}
			return statuses
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		statuses = append(statuses, res.StatusCode)
	}
}

// TestSlowSenders: who never comes to the end of a request's head is cut off, while others are served.
func TestSlowSenders(t *testing.T) {
	t.Parallel()
	p := &pipeline{}
	at, _ := serve(t, "", p)
	var slow []net.Conn
	for range 50 {
		c := dial(t, strings.TrimPrefix(at, "http://"))
		fmt.Fprint(c, "POST / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
		slow = append(slow, c)
	}
	if status, text := send(t, at+"/", `{"a":1}`, "Authorization", "Bearer "+token); status != 202 {
		t.Errorf("%d %s", status, text)
	}
	for _, c := range slow {
		if _, err := io.Copy(io.Discard, c); err != nil && !strings.Contains(err.Error(), "reset") { // ends when the server closes it
			t.Error(err)
		}
	}
}

func refusedConfig(t *testing.T, conf string) error {
	t.Helper()
	n, err := config.Parse("t.yaml", []byte(conf))
	if err != nil {
		t.Fatal(err)
	}
	_, err = New(n, producers.SourceDeps{Name: "p"})
	return err
}
