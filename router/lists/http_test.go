package lists

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/fault"
)

// A server serves one list, and can be told to do otherwise.
type server struct {
	*httptest.Server
	mu       sync.Mutex
	body     string
	etag     string
	do       http.HandlerFunc // instead
	requests []*http.Request
}

func serve(t *testing.T) *server {
	s := &server{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		s.mu.Lock()
		s.requests = append(s.requests, req)
		do, body, etag := s.do, s.body, s.etag
		s.mu.Unlock()
		if do != nil {
			do(w, req)
			return
		}
		if etag != "" && req.Header.Get("If-None-Match") == etag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		if etag != "" {
			w.Header().Set("ETag", etag)
		}
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *server) set(body, etag string, do http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.body, s.etag, s.do = body, etag, do
}

func (s *server) last() (*http.Request, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.requests) == 0 {
		return nil, 0
	}
	return s.requests[len(s.requests)-1], len(s.requests)
}

// an http list that a test asks by hand: no timer is waited for.
func httpList(t *testing.T, text, dir string) (*rig, func() error) {
	t.Helper()
	conf, err := read(t, text)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{logs: &lines{}}
	log := zerolog.New(r.logs)
	if r.Manager, err = New(conf, Deps{Log: &log, Dir: dir}); err != nil {
		t.Fatal(err)
	}
	l := r.order[0]
	p := newRemote(l.name, *l.conf.http, dir, log, time.Now)
	return r, func() error {
		_, err := l.once(t.Context(), p, l)
		return err
	}
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	s, dir := serve(t), t.TempDir()
	conf := `lists: { l: { kind: ip, from: { http: { url: "` + s.URL + `/l?key=s3cret", headers: { X-Key: "s3cret" }, max_bytes: 1000, timeout: 1s } } } }`
	r, ask := httpList(t, conf, dir)
	s.set("192.0.2.1\n", `"one"`, nil)
	must := func(want string, values ...string) {
		t.Helper()
		err := ask()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Fatalf("error %v, want %q", err, want)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") || r.logs.count("s3cret") > 0 {
			t.Errorf("a secret is told: %v", err)
		}
		for _, v := range values {
			if !r.has("l", v) {
				t.Errorf("%s is not in force", v)
			}
		}
	}
	must("", "192.0.2.1")
	if req, _ := s.last(); req.Header.Get("X-Key") != "s3cret" || req.Header.Get("If-None-Match") != "" {
		t.Error(req.Header)
	}
	must("", "192.0.2.1") // 304
	if req, _ := s.last(); req.Header.Get("If-None-Match") != `"one"` {
		t.Error(req.Header)
	}

	// Whatever a server may do wrong: the last good copy stays.
	s.set("", "", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusInternalServerError) })
	must("500 Internal Server Error", "192.0.2.1")
	s.set("", "", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = w.Write([]byte("192.0.2.9\n"))
	})
	must("unexpected EOF", "192.0.2.1")
	s.set(strings.Repeat("192.0.2.9\n", 200), "", nil)
	must("larger than 1000 bytes", "192.0.2.1")
	s.set(strings.Repeat("<p>oops</p>\n", 20), `"bad"`, nil)
	must("20 of 20 entries are not of the kind ip", "192.0.2.1")
	must("still has the copy that was refused", "192.0.2.1")
	s.set("", "", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("# nothing\n")) })
	must("no entries", "192.0.2.1")
	ended := make(chan struct{})
	s.set("", "", func(_ http.ResponseWriter, req *http.Request) {
		select {
		case <-req.Context().Done():
		case <-ended:
		}
	})
	must("timeout", "192.0.2.1") // after a second
	close(ended)
	if r.has("l", "192.0.2.9") {
		t.Error("something bad is in force")
	}
}

// TestHTTPAfterRestart: the copy is there again though the server is not, is asked for with its ETag when it is back, and is not used for another address.
func TestHTTPAfterRestart(t *testing.T) {
	t.Parallel()
	s, dir := serve(t), t.TempDir()
	conf := func(path string) string {
		return `lists: { l: { from: { http: { url: "` + s.URL + path + `" } }, refresh: 10s } }`
	}
	s.set("bad.example\n", `"one"`, nil)
	r := start(t, conf("/l"), rigOptions{dir: dir})
	if !r.has("l", "www.bad.example") {
		t.Fatal("not loaded")
	}
	r.stop()
	s.set("", "", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	// What a process that was killed has left is swept up.
	left := filepath.Join(dir, "l.123.part")
	other := filepath.Join(dir, "l.m.123.part")
	for _, file := range []string{left, other} {
		if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r = start(t, conf("/l"), rigOptions{dir: dir})
	if !r.has("l", "bad.example") {
		t.Fatal("the copy on disk is not in force")
	}
	if _, err := os.Stat(left); !os.IsNotExist(err) {
		t.Error("a part is left")
	}
	if _, err := os.Stat(other); err != nil {
		t.Error("another list's part is gone")
	}
	await.Until(t, "the server was asked with the ETag of the copy", func() bool {
		req, _ := s.last()
		return req.Header.Get("If-None-Match") == `"one"`
	})
	r.stop()

	r, ask := httpList(t, conf("/other"), dir)
	if err := ask(); err == nil || r.has("l", "bad.example") {
		t.Error("the copy of another address was used", err)
	}
}

// TestDamagedCopyOnDisk is not used, and the server is asked at once.
func TestDamagedCopyOnDisk(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(dir string) error{
		"copy": func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "l.copy"), []byte("evil.example\n"), 0o600)
		},
		"meta": func(dir string) error { return os.WriteFile(filepath.Join(dir, "l.json"), []byte("{"), 0o600) },
		"gone": func(dir string) error { return os.Remove(filepath.Join(dir, "l.copy")) },
	} {
		s, dir := serve(t), t.TempDir()
		s.set("bad.example\n", `"one"`, nil)
		conf := `lists: { l: { from: { http: { url: "` + s.URL + `" } } } }`
		_, ask := httpList(t, conf, dir)
		if err := ask(); err != nil {
			t.Fatal(err)
		}
		if err := damage(dir); err != nil {
			t.Fatal(err)
		}
		r, ask := httpList(t, conf, dir)
		if err := ask(); err != nil || !r.has("l", "bad.example") || r.has("l", "evil.example") || r.logs.count("the copy on disk cannot be used") != 1 {
			t.Errorf("%s: %v", name, err)
		}
		if req, _ := s.last(); req.Header.Get("If-None-Match") != "" {
			t.Errorf("%s: asked for what has changed since a copy that is not there", name)
		}
	}
}

// TestConditions: what a server has said of its copy, it is asked about: by ETag, by date, or by both; also after a restart, and not after it has
// said nothing. What it has not changed is not read again.
func TestConditions(t *testing.T) {
	t.Parallel()
	const date, later = "Wed, 25 Feb 2026 06:13:20 GMT", "Thu, 26 Feb 2026 06:13:20 GMT"
	for name, said := range map[string]http.Header{
		"etag": {"Etag": {`"one"`}}, "weak etag": {"Etag": {`W/"one"`}}, "date": {"Last-Modified": {date}}, "both": {"Etag": {`"one"`}, "Last-Modified": {date}}, "nothing": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, dir := serve(t), t.TempDir()
			conf := `lists: { l: { from: { http: { url: "` + s.URL + `" } } } }`
			sends := func(body string, said http.Header) {
				s.set("", "", func(w http.ResponseWriter, req *http.Request) {
					maps.Copy(w.Header(), said)
					asked := req.Header.Get("If-None-Match") + req.Header.Get("If-Modified-Since")
					if asked != "" && asked == said.Get("ETag")+said.Get("Last-Modified") {
						w.WriteHeader(http.StatusNotModified)
						return
					}
					_, _ = w.Write([]byte(body))
				})
			}
			sends("bad.example\n", said)
			r, ask := httpList(t, conf, dir)
			asks := func(in string, read int) {
				t.Helper()
				if err := ask(); err != nil || !r.has("l", in) || r.logs.count("list in force") != read {
					t.Fatalf("%v; in force: %v, read %d times", err, r.has("l", in), r.logs.count("list in force"))
				}
			}
			conditions := func(want http.Header) {
				t.Helper()
				req, _ := s.last()
				if got := req.Header.Get("If-None-Match"); got != want.Get("ETag") {
					t.Errorf("If-None-Match: %q", got)
				}
				if got := req.Header.Get("If-Modified-Since"); got != want.Get("Last-Modified") {
					t.Errorf("If-Modified-Since: %q", got)
				}
			}
			asks("bad.example", 1)
			conditions(nil)
			asks("bad.example", 1)
			conditions(said)
			r, ask = httpList(t, conf, dir) // a new process, which has the copy on disk
			asks("bad.example", 1)
			conditions(said)
			sends("worse.example\n", http.Header{"Last-Modified": {later}})
			asks("worse.example", 2)
			conditions(said)
			asks("worse.example", 2)
			conditions(http.Header{"Last-Modified": {later}})
		})
	}
}

// TestServerWithoutConditions sends the same each time: it is read once.
func TestServerWithoutConditions(t *testing.T) {
	t.Parallel()
	s := serve(t)
	s.set("bad.example\n", "", nil)
	r, ask := httpList(t, `lists: { l: { from: { http: { url: "`+s.URL+`/l.txt" } } } }`, t.TempDir())
	for range 3 {
		if err := ask(); err != nil {
			t.Fatal(err)
		}
	}
	if n := r.logs.count("list in force"); n != 1 {
		t.Errorf("read %d times", n)
	}
}

func TestRedirects(t *testing.T) {
	t.Parallel()
	other := serve(t)
	other.set("bad.example\n", "", nil)
	s := serve(t)
	s.set("", "", func(w http.ResponseWriter, req *http.Request) {
		http.Redirect(w, req, other.URL+"/l", http.StatusFound)
	})
	r, ask := httpList(t, `lists: { l: { from: { http: { url: "`+s.URL+`", headers: { X-Key: secret, Authorization: secret } } } } }`, "")
	if err := ask(); err != nil || !r.has("l", "bad.example") {
		t.Fatal(err)
	}
	if req, _ := other.last(); req.Header.Get("X-Key") != "" || req.Header.Get("Authorization") != "" {
		t.Error("headers went to another host:", req.Header)
	}
	s.set("", "", func(w http.ResponseWriter, req *http.Request) { http.Redirect(w, req, s.URL, http.StatusFound) })
	if err := ask(); err == nil || !strings.Contains(err.Error(), "more than 5 redirects") {
		t.Error(err)
	}
	s.set("", "", func(w http.ResponseWriter, req *http.Request) {
		http.Redirect(w, req, "http://169.254.169.254/latest", http.StatusFound)
	})
	if err := ask(); err == nil || !strings.Contains(err.Error(), "that of a metadata service, which is never called") {
		t.Error(err)
	}
}

// TestRetryAfter is honoured, and otherwise a failure is tried again soon.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	f := &follower{refresh: time.Hour}
	for n, want := range map[int]time.Duration{1: 5 * time.Second, 2: 10 * time.Second, 5: 80 * time.Second, 50: time.Hour} {
		if got := f.retryAfter(n); got != want {
			t.Errorf("after %d failures %s", n, got)
		}
	}
	s := serve(t)
	s.set("", "", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "77")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	_, ask := httpList(t, `lists: { l: { from: { http: { url: "`+s.URL+`" } } } }`, "")
	if err := ask(); fault.Wait(err) != 77*time.Second {
		t.Error(err)
	}
}

// TestUnreachable: nothing answers, and Run ends all the same when it is told to.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	s := serve(t)
	url := s.URL
	s.Close()
	r := start(t, `lists: { l: { from: { http: { url: "`+url+`" } } } }`, rigOptions{dir: t.TempDir()})
	if missing := r.Wait(t.Context(), time.Minute); fmt.Sprint(missing) != "[l]" || r.has("l", "x") {
		t.Error(missing)
	}
	if r.value(t, "riposte_list_loaded", "l") != 0 || r.value(t, "riposte_list_refreshes_total", "l", "failed") < 1 {
		t.Error("metrics")
	}
}
