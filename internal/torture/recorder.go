package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// An effect is one call that the recorder accepted.
type effect struct {
	id     string // the idempotency key
	rule   string
	about  string // uid of the event
	target string
	seq    int
}

// A recorder is where all effects end: it counts the calls that it accepts, by the idempotency key, and knows nothing of riposte.
type recorder struct {
	server http.Server
	addr   string
	ended  chan error

	busy     sync.Mutex   // held by the one fault that happens to it
	refusing time.Time    // since when it refuses
	slow     atomic.Int64 // how long an answer takes, in nanoseconds
	refuses  atomic.Bool  // says 503, and records nothing
	mute     atomic.Bool  // records, and hangs up without an answer

	mu        sync.Mutex
	effects   []effect
	refused   map[string]int // calls that had no effect, by key
	mayRefuse int            // how many with one key are no storm
	muted     int            // calls whose answer was withheld
	broken    []string       // calls that make no sense
}

func newRecorder(ctx context.Context) (*recorder, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("recorder: %w", err)
	}
	r := &recorder{addr: l.Addr().String(), ended: make(chan error, 1), refused: map[string]int{}}
	r.server = http.Server{Handler: r, ReadHeaderTimeout: 10 * time.Second}
	go func() { r.ended <- r.server.Serve(l) }() // close waits for it
	return r, nil
}

// ServeHTTP takes a call.
func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(io.LimitReader(req.Body, 1<<20))
	id := req.Header.Get("Idempotency-Key")
	if err != nil { // cut off on its way: no effect
		return
	}
	if d := time.Duration(r.slow.Load()); d > 0 {
		select {
		case <-time.After(d):
		case <-req.Context().Done():
		}
	}
	if r.refuses.Load() {
		r.mu.Lock()
		r.refused[id]++
		r.mu.Unlock()
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	mute := r.mute.Load()
	r.note(id, body, mute)
	if mute {
		if h, ok := w.(http.Hijacker); ok {
			if c, _, err := h.Hijack(); err == nil {
				_ = c.Close() // that is what it is about
				return
			}
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

func (r *recorder) note(id string, body []byte, mute bool) {
	var said struct {
		Rule     string              `json:"rule"`
		EventUID string              `json:"event_uid"`
		Target   struct{ ID string } `json:"target"`
		Seq      int                 `json:"seq"`
	}
	err := json.Unmarshal(body, &said)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil || id == "" || said.Rule == "" {
		r.broken = append(r.broken, fmt.Sprintf("key %q: %.200s", id, body))
		return
	}
	if mute {
		r.muted++
	}
	r.effects = append(r.effects, effect{id: id, rule: said.Rule, about: said.EventUID, target: said.Target.ID, seq: said.Seq})
}

// close ends it.
func (r *recorder) close() error {
	_ = r.server.Close() // calls in course are of no interest any more
	if err := <-r.ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("recorder: %w", err)
	}
	return nil
}
