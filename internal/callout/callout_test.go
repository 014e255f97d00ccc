package callout_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/riposte-security/riposte/internal/callout"
)

// TestOneRequestIsMadeOnce: where the other side has taken a request and breaks off before it answers, nobody makes the request again but who counts it.
func TestOneRequestIsMadeOnce(t *testing.T) {
	t.Parallel()
	var calls, mute atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.Header.Get("Idempotency-Key") != "k" {
			t.Errorf("the key is %q", r.Header.Get("Idempotency-Key"))
		}
		calls.Add(1)
		if mute.Load() == 0 {
			return
		}
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		_ = c.Close()
	}))
	defer server.Close()
	client := callout.Client(callout.Policy{}.Named())
	defer client.CloseIdleConnections()
	call := func() error {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		callout.Idempotent(req, "k")
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		_, _ = io.Copy(io.Discard, res.Body)
		return res.Body.Close()
	}
	if err := call(); err != nil { // from here on there is a connection that was used, which is when net/http would try again
		t.Fatal(err)
	}
	mute.Store(1)
	if err := call(); err == nil {
		t.Error("no error, and no answer")
	}
	if n := calls.Load(); n != 2 {
		t.Errorf("%d calls were made for two", n)
	}
}
