package web

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// serve runs a server, as every part of riposte that serves HTTP does, and gives a connection to it.
func serve(t *testing.T, l Limits, h http.HandlerFunc) (dial func() net.Conn) {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := Server(h, l)
	served := make(chan error, 1)
	go func() { served <- s.Serve(l.Bounded(ln)) }()
	t.Cleanup(func() {
		_ = s.Close()
		if err := <-served; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return func() net.Conn {
		t.Helper()
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
}

// TestSlowBodies: whoever sends a body byte by byte has as long as the limit says, and then neither the handler nor its place among the connections.
func TestSlowBodies(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	dial := serve(t, Limits{Read: 200 * time.Millisecond, Write: time.Minute, Connections: 1}, func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		if r.Method == http.MethodPost {
			ended <- err
		}
	})
	slow := dial()
	fmt.Fprint(slow, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
			if _, err := slow.Write([]byte("x")); err != nil {
				return
			}
		}
	}()
	if err := <-ended; err == nil {
		t.Error("the body of a slow sender has an end")
	}
	other := dial() // there is one place
	fmt.Fprint(other, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if line, err := bufio.NewReader(other).ReadString('\n'); err != nil || !strings.HasPrefix(line, "HTTP/1.1 200 ") {
		t.Errorf("%q, %v", line, err)
	}
}

// TestSlowReaders: whoever does not read the answer has as long as the limit says.
func TestSlowReaders(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	dial := serve(t, Limits{Read: time.Minute, Write: 200 * time.Millisecond, Connections: 1}, func(w http.ResponseWriter, _ *http.Request) {
		_, err := w.Write(make([]byte, 64<<20)) // more than all buffers between
		ended <- err
	})
	fmt.Fprint(dial(), "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if err := <-ended; err == nil {
		t.Error("an answer that nobody reads was written")
	}
}

// TestTwoLengths: a request that says its length in two ways is refused, or is the last of its connection: what is behind it reaches no handler.
func TestTwoLengths(t *testing.T) {
	t.Parallel()
	for _, head := range []string{
		"Content-Length: 5\r\nTransfer-Encoding: chunked", "Content-Length: 5\r\nContent-Length: 6", "Transfer-Encoding: chunked, chunked", "Transfer-Encoding: xchunked",
		"Content-Length: +5", "Transfer-Encoding : chunked", "Content-Length: 5\r\n Transfer-Encoding: chunked",
	} {
		var hidden atomic.Bool
		dial := serve(t, Limits{Read: time.Second, Write: time.Second, Connections: 8}, func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			hidden.Store(hidden.Load() || r.URL.Path == "/hidden")
		})
		c := dial()
		fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\n%s\r\n\r\n0\r\n\r\nGET /hidden HTTP/1.1\r\nHost: x\r\n\r\n", head)
		if _, err := io.Copy(io.Discard, c); err != nil && !strings.Contains(err.Error(), "reset") {
			t.Error(err)
		}
		if hidden.Load() {
			t.Errorf("%q: the request behind it was served", head)
		}
	}
}
