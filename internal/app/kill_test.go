package app

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/consumers/ledger/open"
	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/schemas"
)

// TestKilledTenTimes kills riposte with SIGKILL ten times while events pour in, starts it again each time, and reconciles by id: every
// event that was acknowledged was decided, every command is in the ledger once, and a call was repeated only with the same idempotency key,
// and only if its command was about to call when a kill came: the ledger knows that before the call is made. One worker is about one call, and
// so repeats no more calls than there were kills.
func TestKilledTenTimes(t *testing.T) {
	for _, c := range []struct {
		name                   string
		workers, kills, events int
	}{
		{"one worker", 1, 10, 800},
		{"many workers", 8, 5, 400},
	} {
		if testing.Short() { // what the race detector makes of it takes five times as long
			c.kills, c.events = c.kills*3/10, c.events*3/10
		}
		t.Run(c.name, func(t *testing.T) { killed(t, c.workers, c.kills, c.events) })
	}
}

func killed(t *testing.T, workers, kills, events int) {
	dir := t.TempDir()
	calls := newCalls(t)
	in := freeAddr(t)
	write(t, dir, "rules.yaml", `
id: everything
title: Everything
severity: low
class: base_event
when: unmapped.kind == "torture"
then: [ { alert: { to: hook } } ]
`)
	cfg := write(t, dir, "riposte.yaml", fmt.Sprintf(`
http: { listen: "" }
producers: [ { name: http, format: json, source: { http: { listen: %q } } } ]
router: { rules: [ rules.yaml ], max_rate: 1000000 }
receivers: [ { name: hook, webhook: { url: %q, secret: whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE= } } ]
consumers: { workers: %d }
`, in, calls.URL, workers))
	run := func() *process { return start(t, dir, "-c", cfg, "up", "--data", "data", "--port", "0") }

	p := run()
	done := make(chan struct{})
	var feeding sync.WaitGroup
	feeding.Go(func() {
		defer close(done)
		for i := range events {
			feed(t, "http://"+in+"/", i)
		}
	})
	about := map[string]int{} // how often a kill found a command about to call
	for range kills {
		before := calls.count()
		await.Until(t, "calls go on", func() bool { return calls.count() > before+10 || finished(done) })
		p.Kill()
		n := 0
		for _, e := range inLedger(t, dir, ledger.Filter{States: []schemas.State{schemas.StateRunning}, Limit: events}) {
			if e.Applied {
				n++
				about[e.Command.ID]++
			}
		}
		if n > workers {
			t.Errorf("%d commands were about to call, with %d workers", n, workers)
		}
		p = run()
	}
	feeding.Wait()
	var entries []ledger.Entry
	await.Until(t, "every command is verified", func() bool {
		entries = inLedger(t, dir, ledger.Filter{States: []schemas.State{schemas.StateVerified}, Limit: 10 * events})
		return len(entries) >= events
	})
	if code, took := p.Interrupt(t); code != 0 || took > 10*time.Second {
		t.Errorf("ended with %d after %s", code, took)
	}
	calls.reconcile(t, entries, events, about)
}

// inLedger lists commands.
func inLedger(t *testing.T, dir string, f ledger.Filter) []ledger.Entry {
	l, err := open.Existing(t.Context(), "sqlite://"+dir+"/data/ledger.db")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // only read
	entries, err := l.List(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

// feed sends one event until it is acknowledged.
func feed(t *testing.T, url string, i int) {
	for {
		status, _ := post(url, fmt.Sprintf(`{"kind":"torture","n":%d}`, i), "Idempotency-Key", fmt.Sprintf("torture-%d", i))
		if status == http.StatusAccepted || t.Context().Err() != nil {
			return
		}
		<-time.After(20 * time.Millisecond)
	}
}

func finished(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// calls is a receiver that notes the ids with which it is called.
type calls struct {
	*httptest.Server
	mu   sync.Mutex
	ids  []string
	came chan struct{} // one for each call, as far as somebody listens
}

func newCalls(t testing.TB) *calls {
	c := &calls{came: make(chan struct{}, 1)}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.ids = append(c.ids, r.Header.Get("webhook-id"))
		select {
		case c.came <- struct{}{}:
		default:
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *calls) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.ids)
}

// reconcile holds events, ledger and calls against each other. about says how often a kill found a command about to call.
func (c *calls) reconcile(t *testing.T, entries []ledger.Entry, events int, about map[string]int) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	byEvent := map[string]string{}
	commands := map[string]bool{}
	for _, e := range entries {
		if other, twice := byEvent[e.Command.EventUID]; twice {
			t.Errorf("event %s has commands %s and %s", e.Command.EventUID, other, e.Command.ID)
		}
		byEvent[e.Command.EventUID] = e.Command.ID
		commands[e.Command.ID] = true
	}
	if len(byEvent) != events {
		t.Errorf("%d events led to a command, want %d", len(byEvent), events)
	}
	times := map[string]int{}
	for _, id := range c.ids {
		if !commands[id] {
			t.Errorf("call with id %q, which is no command", id)
		}
		times[id]++
	}
	if len(times) != events {
		t.Errorf("%d commands were called, want %d", len(times), events)
	}
	open := 0
	for id, n := range times {
		open += about[id]
		if n-1 > about[id] {
			t.Errorf("command %s was called %d times; it was about to call when riposte was killed %d times", id, n, about[id])
		}
	}
	t.Logf("%d events, %d commands, %d calls, %d of them repeats; %d were about to be made at a kill", events, len(commands), len(c.ids),
		len(c.ids)-len(times), open)
}
