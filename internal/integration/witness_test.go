//go:build integration

package integration

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/riposte-security/riposte/internal/cloud"
)

// A witness stands between one process and the AWS API, notes every call, and can hold up those that change something.
type witness struct {
	*httptest.Server
	gate *gate

	mu   sync.Mutex
	seen []sighting
}

// A sighting is one call as it went over the wire. One whose client did not wait for the answer is cut; a held one may never have reached AWS.
type sighting struct {
	at        time.Time // when it was let through to AWS
	operation string
	command   bool // it was made for a command
	code      string
	cut       bool
}

// newWitness starts a witness before an AWS API; it ends with the test.
func newWitness(t *testing.T, endpoint string, g *gate) *witness {
	t.Helper()
	to, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	w := &witness{gate: g}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host // S3 finds the bucket by it
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) {}, // the client has gone
	}
	w.Server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		s := sighting{operation: operationOf(r)}
		_, s.command = cloud.CommandIn(r.UserAgent())
		body, _ := io.ReadAll(r.Body) // all of it, or the server does not see the client go
		r.Body = io.NopCloser(bytes.NewReader(body))
		if s.changes() && !g.pass(r) {
			s.cut = true
			w.note(s)
			return
		}
		s.at = time.Now()
		answer := &listener{ResponseWriter: rw}
		proxy.ServeHTTP(answer, r)
		s.cut = r.Context().Err() != nil
		if strings.Contains(answer.text.String(), "WAFOptimisticLockException") {
			s.code = "WAFOptimisticLockException"
		}
		w.note(s)
	}))
	t.Cleanup(w.Close)
	return w
}

func operationOf(r *http.Request) string {
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		return target[strings.LastIndex(target, ".")+1:]
	}
	if r.URL.Query().Has("encryption") {
		return map[string]string{http.MethodGet: "GetBucketEncryption", http.MethodPut: "PutBucketEncryption"}[r.Method]
	}
	return r.Method
}

func (s sighting) changes() bool {
	return s.operation == "UpdateIPSet" || s.operation == "PutBucketEncryption"
}

// note keeps a sighting.
func (w *witness) note(s sighting) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = append(w.seen, s)
}

// of returns the sightings that are as asked.
func (w *witness) of(is func(sighting) bool) []sighting {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []sighting
	for _, s := range w.seen {
		if is(s) {
			out = append(out, s)
		}
	}
	return out
}

// A listener keeps the beginning of an answer.
type listener struct {
	http.ResponseWriter
	text bytes.Buffer
}

// Write is an io.Writer's.
func (l *listener) Write(p []byte) (int, error) {
	if l.text.Len() < 4<<10 {
		l.text.Write(p)
	}
	return l.ResponseWriter.Write(p)
}

// A gate lets calls that change something through, or so many of them and no more until it is opened. It is that of all witnesses.
type gate struct {
	mu     sync.Mutex
	left   int           // of those that may pass; negative: all
	opened chan struct{} // closed when all may
	held   int           // how many wait now
}

func newGate() *gate { return &gate{left: -1, opened: make(chan struct{})} }

// shut lets n more calls through.
func (g *gate) shut(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.left, g.opened = n, make(chan struct{})
}

// open lets everything through.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.left >= 0 {
		g.left = -1
		close(g.opened)
	}
}

// waiting is how many calls wait now.
func (g *gate) waiting() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.held
}

// pass waits until a call may pass, and tells whether its client waited for that.
func (g *gate) pass(r *http.Request) bool {
	g.mu.Lock()
	opened := g.opened
	switch {
	case g.left < 0:
		g.mu.Unlock()
		return true
	case g.left > 0:
		g.left--
		g.mu.Unlock()
		return true
	}
	g.held++
	g.mu.Unlock()
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.held--
	}()
	select {
	case <-opened:
		return true
	case <-r.Context().Done():
		return false
	}
}
