package web

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// TestRate: a sender has as many requests as it may send in a second, and then as many as time gives it; others are not held up by it.
func TestRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const perSecond = 10
		h := Server(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusAccepted) }), Limits{Rate: perSecond}).Handler
		taken := func(addr string, n int) (taken int) {
			for range n {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
				r.RemoteAddr = addr
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				switch {
				case w.Code == http.StatusAccepted:
					taken++
				case w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "1":
					t.Fatal(w.Code, w.Header())
				}
			}
			return taken
		}
		for _, c := range []struct {
			addr     string
			expected int
		}{
			{"198.51.100.1:1000", perSecond},
			{"198.51.100.1:2000", 0}, // another connection
			{"[::ffff:198.51.100.1]:2000", 0},
			{"198.51.100.2:1000", perSecond},
			{"[2001:db8::1]:1", perSecond},
			{"[2001:db8::2]:1", 0}, // of the same network
			{"[2001:db8:0:1::1]:1", perSecond},
			{"nowhere", perSecond},
		} {
			if n := taken(c.addr, 25); n != c.expected {
				t.Errorf("%s: %d taken, %d expected", c.addr, n, c.expected)
			}
		}
		time.Sleep(500 * time.Millisecond) //nolint:forbidigo // of the bubble's clock
		if n := taken("198.51.100.1:3000", 25); n != perSecond/2 {
			t.Errorf("%d taken after half a second", n)
		}
	})
}
