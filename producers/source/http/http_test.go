package http

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
)

const token = "correct-horse-battery"

// pipeline stands for the loop and Kafka: a record that says "bad" is a dead letter.
type pipeline struct {
	mu      sync.Mutex
	records []producers.Record
	calls   int
	hold    chan struct{} // emit waits until it is closed
	held    atomic.Int64  // records that wait so
	err     error
}

func (p *pipeline) emit(ctx context.Context, batch []producers.Record) error {
	if p.hold != nil {
		p.held.Add(int64(len(batch)))
		select {
		case <-p.hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	p.records = append(p.records, batch...)
	for i, r := range batch {
		if why := r.Attrs[producers.AttrProblem]; why != "" {
			tell(ctx, i, errors.New(why))
		} else if bytes.Contains(r.Data, []byte("bad")) {
			tell(ctx, i, errors.New("not for us"))
		}
	}
	return p.err
}

func (p *pipeline) data() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []string
	for _, r := range p.records {
		all = append(all, string(r.Data))
	}
	return all
}

// serve starts a source on a port of its own.
func serve(t *testing.T, conf string, p *pipeline) (url string, stop func() error) {
	t.Helper()
	return startStop(t, build(t, conf), p)
}

func build(t *testing.T, conf string) *source {
	t.Helper()
	n, err := config.Parse("t.yaml", []byte("tokens: ["+token+"]\n"+conf))
	if err != nil {
		t.Fatal(err)
	}
	src, err := New(n, producers.SourceDeps{Name: "p", Log: zerolog.Nop()})
	if err != nil {
		t.Fatal(err)
	}
	s, ok := src.(*source)
	if !ok {
		t.Fatal("another type")
	}
	return s
}

func start(t *testing.T, s *source, p *pipeline) (url string) {
	t.Helper()
	url, _ = startStop(t, s, p)
	return url
}

func startStop(t *testing.T, s *source, p *pipeline) (url string, stop func() error) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // in a test
	if err != nil {
		t.Fatal(err)
	}
	s.listen = func(context.Context, string, string) (net.Listener, error) { return ln, nil }
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, p.emit) }()
	var once sync.Once
	stop = func() (err error) {
		once.Do(func() { cancel(); err = <-done })
		return err
	}
	t.Cleanup(func() { _ = stop() })
	return "http://" + ln.Addr().String(), stop
}

func post(t *testing.T, url string, body io.Reader, header ...string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/records", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
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
	return resp.StatusCode, strings.TrimSpace(string(text)), resp.Header
}

func zip(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, s)
	_ = w.Close()
	return b.String()
}

func TestBodies(t *testing.T) {
	bomb := zip(`{"a":"` + strings.Repeat("x", 3000) + `"}`)
	nested := `{"awslogs":{"data":"` + base64.StdEncoding.EncodeToString([]byte(bomb)) + `"}}`
	for _, c := range []struct {
		name, body string
		header     []string
		status     int
		answer     string
		want       []string
	}{
		{"one", `{"a":1}`, nil, 202, `{"accepted":1,"rejected":0}`, []string{`{"a":1}`}},
		{"array", `[{"a":1},{"a":2}]`, nil, 202, `{"accepted":2,"rejected":0}`, []string{`{"a":1}`, `{"a":2}`}},
		{"lines", "{\"a\":1}\n{\"a\":2}\n", nil, 202, `{"accepted":2,"rejected":0}`, []string{`{"a":1}`, `{"a":2}`}},
		{"gzip", zip(`{"a":1}`), []string{"Content-Encoding", "gzip"}, 202, `{"accepted":1,"rejected":0}`, []string{`{"a":1}`}},
		{"some bad", "{\"a\":1}\n{\"a\":\"bad\"}\n{\"a\":\n{\"a\":4}\n", nil, 400,
			`{"accepted":2,"rejected":2,"errors":[{"record":2,"reason":"not for us"},{"record":3,"reason":"the line ends in the middle of a JSON value"}]}`,
			[]string{`{"a":1}`, `{"a":"bad"}`, `{"a":`, `{"a":4}`}},
		{"empty", "", nil, 400, `{"accepted":0,"rejected":0,"error":"no record in the request"}`, nil},
		{"large", `{"a":"` + strings.Repeat("x", 3000) + `"}`, nil, 413,
			`{"accepted":0,"rejected":1,"errors":[{"record":1,"reason":"3008 bytes: larger than the largest request (2048)"}]}`, []string{`{"a":"` + strings.Repeat("x", 3000) + `"}`}},
		{"large inside", bomb, nil, 413, fmt.Sprintf(`{"accepted":0,"rejected":1,"errors":[{"record":1,"reason":"%d bytes: after decompression larger than the largest request (2048)"}]}`, len(bomb)), []string{bomb}},
		{"large further inside", nested, nil, 413, "", []string{nested}},
		{"large record", `{"a":"` + strings.Repeat("x", 1500) + `"}`, nil, 400,
			`{"accepted":0,"rejected":1,"errors":[{"record":1,"reason":"1508 bytes: larger than the largest record (1024)"}]}`, []string{`{"a":"` + strings.Repeat("x", 1018)}},
		{"no token", `{}`, []string{"Authorization", "Bearer wrong"}, 401, `{"accepted":0,"rejected":0,"error":"a valid bearer token is required"}`, nil},
		{"structured", `{"specversion":"1.0","id":"7","source":"/s","type":"t","data":{"a":1}}`, []string{"Content-Type", "application/cloudevents+json"}, 202,
			`{"accepted":1,"rejected":0}`, []string{`{"a":1}`}},
		{"batch", `[{"specversion":"1.0","id":"7","source":"/s","type":"t","data_base64":"eyJhIjoxfQ=="},{"id":"8"}]`,
			[]string{"Content-Type", "application/cloudevents-batch+json"}, 400, "", []string{`{"a":1}`, `{"id":"8"}`}},
		{"binary", `{"a":1}`, []string{"Ce-Specversion", "1.0", "Ce-Id", "7", "Ce-Source", "/s", "Ce-Type", "t"}, 202, `{"accepted":1,"rejected":0}`, []string{`{"a":1}`}},
		{"binary without id", `{"a":1}`, []string{"Ce-Specversion", "1.0", "Ce-Source", "/s", "Ce-Type", "t"}, 400,
			`{"accepted":0,"rejected":0,"error":"CloudEvent without id"}`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &pipeline{}
			url, stop := serve(t, "max_body: 2048\nmax_record: 1024", p)
			status, text, _ := post(t, url, strings.NewReader(c.body), c.header...)
			if status != c.status || c.answer != "" && text != c.answer {
				t.Errorf("%d %s", status, text)
			}
			if d := cmp.Diff(c.want, p.data()); d != "" {
				t.Error(d)
			}
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestChunkedTooLarge(t *testing.T) {
	p := &pipeline{}
	url, _ := serve(t, "max_body: 2048", p)
	body := io.MultiReader(strings.NewReader(`{"a":"`), strings.NewReader(strings.Repeat("x", 100_000)), strings.NewReader(`"}`))
	status, text, _ := post(t, url, body)
	if status != 413 || len(p.data()) != 1 {
		t.Fatal(status, text)
	}
	sum := sha256.Sum256([]byte(`{"a":"` + strings.Repeat("x", 100_000) + `"}`))
	r := p.records[0]
	if len(r.Data) != producers.DeadLetterBytes || r.Attrs[producers.AttrLength] != "100008" || r.Attrs[producers.AttrSHA256] != hex.EncodeToString(sum[:]) ||
		!strings.HasPrefix(r.Attrs[producers.AttrProblem], "100008 bytes: larger than") || !strings.HasPrefix(r.Origin, "http:p:") {
		t.Errorf("%d bytes %s %v", len(r.Data), r.Origin, r.Attrs)
	}
}

// TestOversizedAndKafkaAway answers that it is to be sent again: what is too large is not lost either.
func TestOversizedAndKafkaAway(t *testing.T) {
	p := &pipeline{hold: make(chan struct{})}
	url, _ := serve(t, "max_body: 2048\ntimeout: 200ms", p)
	if status, text, _ := post(t, url, strings.NewReader(strings.Repeat("x", 5000))); status != 503 {
		t.Error(status, text)
	}
	close(p.hold)
}

// TestHalfABody says that more would come than does: nothing of it is taken, unless it would have been too large; then it is told of as it came.
func TestHalfABody(t *testing.T) {
	for length, want := range map[int]string{1000: "", 5000: "11 bytes were read"} {
		p := &pipeline{}
		url, _ := serve(t, "max_body: 2048", p)
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n{\"a\":1}\n{\"a", token, length)
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
		answer, err := io.ReadAll(conn)
		if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 4")) {
			t.Errorf("%s %v", answer, err)
		}
		_ = conn.Close()
		got := ""
		for _, r := range p.records {
			got += r.Attrs[producers.AttrProblem]
		}
		if want == "" && got != "" || !strings.Contains(got, want) || len(p.records) > 1 {
			t.Errorf("%d announced: %q, %q", length, got, p.data())
		}
	}
}

func TestIDs(t *testing.T) {
	p := &pipeline{}
	url, _ := serve(t, "", p)
	post(t, url, strings.NewReader(`[{"a":1},{"a":2}]`), "Idempotency-Key", "k-1")
	post(t, url, strings.NewReader(`{"a":3}`), "Ce-Specversion", "1.0", "Ce-Id", "7", "Ce-Source", "/s%20t", "Ce-Type", "t", "Ce-Time", "2026-01-02T03:04:05Z")
	post(t, url, strings.NewReader(`{"a":4}`))
	post(t, url, strings.NewReader(`{"a":4}`))
	var got []string
	for _, r := range p.records {
		got = append(got, strings.TrimSpace(fmt.Sprint(r.Attrs["source"], " ", r.Attrs["id"], " ", r.Attrs["time"], " ", r.Attrs["ce_type"])))
		if r.Attrs[producers.AttrPeer] == "" || r.Received.IsZero() {
			t.Error(r)
		}
	}
	if d := cmp.Diff([]string{"riposte/http/p k-1", "riposte/http/p k-1#2", "/s t 7 2026-01-02T03:04:05Z t", "", ""}, got); d != "" {
		t.Error(d)
	}
	if a, b := p.records[3], p.records[4]; a.Origin == b.Origin {
		t.Error("two requests with one origin")
	}
}

// Many small requests become few calls.
func TestCoalesced(t *testing.T) {
	p := &pipeline{hold: make(chan struct{})}
	s := build(t, "")
	url := start(t, s, p)
	var wg sync.WaitGroup
	const n = 200
	for i := range n {
		wg.Go(func() {
			if status, text, _ := post(t, url, strings.NewReader(fmt.Sprintf(`{"a":%d}`, i))); status != 202 {
				t.Error(status, text)
			}
		})
	}
	await.Until(t, "all requests wait", func() bool { return len(s.queue)+int(p.held.Load()) >= n })
	close(p.hold)
	wg.Wait()
	if len(p.records) != n || p.calls > n/4 {
		t.Errorf("%d records in %d calls", len(p.records), p.calls)
	}
}

func TestKafkaAway(t *testing.T) {
	p := &pipeline{hold: make(chan struct{})}
	url, stop := serve(t, "timeout: 150ms", p)
	for range writers + 3 { // those behind the writers are abandoned
		status, text, header := post(t, url, strings.NewReader(`{"a":1}`))
		if status != 503 || header.Get("Retry-After") == "" {
			t.Error(status, text)
		}
	}
	close(p.hold)
	if status, text, _ := post(t, url, strings.NewReader(`{"a":2}`)); status != 202 {
		t.Error(status, text)
	}
	if got := len(p.data()); got > writers+1 {
		t.Errorf("%d records: abandoned requests were published", got)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestEmitFails(t *testing.T) {
	p := &pipeline{err: errors.New("no")}
	url, stop := serve(t, "", p)
	if status, text, _ := post(t, url, strings.NewReader(`{"a":1}`)); status != 503 {
		t.Error(status, text)
	}
	if err := stop(); !errors.Is(err, p.err) {
		t.Error(err)
	}
}

// A request in course when the source stops is answered.
func TestShutdown(t *testing.T) {
	p := &pipeline{hold: make(chan struct{})}
	url, stop := serve(t, "", p)
	status := make(chan int, 1)
	go func() {
		code, _, _ := post(t, url, strings.NewReader(`{"a":1}`))
		status <- code
	}()
	timer := time.NewTimer(100 * time.Millisecond)
	<-timer.C
	time.AfterFunc(100*time.Millisecond, func() { close(p.hold) })
	if err := stop(); err != nil {
		t.Error(err)
	}
	if code := <-status; code != 202 {
		t.Error(code)
	}
}

func TestHealth(t *testing.T) {
	url, _ := serve(t, "", &pipeline{})
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/healthz", nil)
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != 200 {
		t.Fatal(err, resp)
	}
	_ = resp.Body.Close()
}

func TestSettings(t *testing.T) {
	for conf, want := range map[string]string{
		"listen: 0.0.0.0:80": "tokens", "listen: here": "listen", "tokens: [short]": "16 characters", "max_body: 1": "max_body",
		"max_record: 1": "max_record", "timeout: 1ms": "timeout", "tls_cert: x": "go together", "port: 1": "port",
	} {
		n, err := config.Parse("t.yaml", []byte(conf))
		if err != nil {
			t.Fatal(err)
		}
		_, err = New(n, producers.SourceDeps{Name: "p"})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "short") {
			t.Errorf("%q: %v", conf, err)
		}
	}
	for _, conf := range []string{"{}", "listen: localhost:80", "listen: \"[::1]:80\"", "listen: :80\nopen: true"} {
		n, _ := config.Parse("t.yaml", []byte(conf))
		if _, err := New(n, producers.SourceDeps{Name: "p"}); err != nil {
			t.Errorf("%q: %v", conf, err)
		}
	}
}

// tell reports a refused record as the loop does.
func tell(ctx context.Context, index int, reason error) { producers.Report(ctx, index, reason) }
