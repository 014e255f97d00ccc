//go:build integration

package integration

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// hookKey signs what the webhook sends; hookSecret is how the configuration has it.
const (
	hookKey    = "0123456789abcdef0123456789abcdef"
	hookSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
)

// A hook is a receiver of alerts that notes every call.
type hook struct {
	*httptest.Server
	mu    sync.Mutex
	calls []call
}

// A call is one request, as it came.
type call struct {
	at     time.Time
	id     string
	header http.Header
	body   []byte
	event  struct {
		Kind string `json:"kind"`
		N    int    `json:"n"`
		Sent int64  `json:"sent"` // nanoseconds
	}
}

func newHook(t *testing.T) *hook {
	h := &hook{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := call{at: time.Now(), id: r.Header.Get("webhook-id"), header: r.Header.Clone()}
		c.body, _ = io.ReadAll(r.Body)
		var sent struct {
			Event struct {
				Unmapped json.RawMessage `json:"unmapped"`
			} `json:"event"`
		}
		if json.Unmarshal(c.body, &sent) == nil && sent.Event.Unmapped != nil {
			_ = json.Unmarshal(sent.Event.Unmapped, &c.event)
		}
		h.mu.Lock()
		defer h.mu.Unlock()
		h.calls = append(h.calls, c)
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(h.Close)
	return h
}

// of returns the calls about events of a kind.
func (h *hook) of(kind string) []call {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []call
	for _, c := range h.calls {
		if c.event.Kind == kind {
			out = append(out, c)
		}
	}
	return out
}

// signed checks the signature of Standard Webhooks by computing it anew.
func (c call) signed() bool {
	mac := hmac.New(sha256.New, []byte(hookKey))
	_, _ = io.WriteString(mac, c.id+"."+c.header.Get("webhook-timestamp")+"."+string(c.body))
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	return slices.Contains(strings.Fields(c.header.Get("webhook-signature")), want)
}
