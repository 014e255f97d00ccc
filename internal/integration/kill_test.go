//go:build integration

package integration

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/schemas"
)

// feeder publishes events until it is stopped: most for the webhook, some about buckets.
type feeder struct {
	d       *deployment
	records []map[string]any // about buckets
	stop    chan struct{}
	done    chan error
	alerts  int // how many events for the webhook were acknowledged
	buckets int // how many of the records were
}

func (f *feeder) run() {
	tick := time.NewTicker(80 * time.Millisecond)
	defer tick.Stop()
	for i := 0; ; i++ {
		var batch []string
		for range 4 {
			batch = append(batch, fmt.Sprintf(`{"kind":"torture","n":%d}`, f.alerts+len(batch)))
		}
		err := f.send("custom", strings.Join(batch, "\n"))
		f.alerts += len(batch)
		if err == nil && i%5 == 0 && f.buckets < len(f.records) {
			var text []byte
			if text, err = json.Marshal(f.records[f.buckets]); err == nil {
				err = f.send("trail", string(text))
			}
			f.buckets++
		}
		if err != nil {
			f.done <- err
			return
		}
		select {
		case <-tick.C:
		case <-f.stop:
			f.done <- nil
			return
		}
	}
}

// send posts records once: the producer and Kafka stay up, so anything but an acknowledgement is an error.
func (f *feeder) send(producer, body string) error {
	req, err := http.NewRequestWithContext(f.d.t.Context(), http.MethodPost, "http://"+f.d.addr[producer]+"/v1/records", strings.NewReader(body))
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // only its status is wanted
	if res.StatusCode != http.StatusAccepted {
		return fmt.Errorf("producer %s: %s", producer, res.Status)
	}
	return nil
}

// killedTenTimes kills the router and consumers with SIGKILL ten times in all while events pour in, starts them again each time, and
// reconciles by id: every event that was acknowledged was decided, every command is in the ledger once and came to its end, and a call was
// repeated only with the same idempotency key. A kill of the consumer of alerts can cut off the answers of as many calls as it has workers,
// so that is the bound.
func killedTenTimes(t *testing.T, d *deployment) {
	const workers, alertKills = 4, 4
	f := &feeder{d: d, stop: make(chan struct{}), done: make(chan error, 1)}
	buckets := map[string]string{} // by event
	for range 60 {
		bucket, record, event := seed(t, d.api, "torture")
		f.records, buckets[event] = append(f.records, record), bucket
	}
	d.mu.Lock()
	dead := len(d.dead)
	d.mu.Unlock()
	go f.run()
	kills := 0
	for round := range alertKills {
		victims := []string{"alert", "route", fmt.Sprintf("remediate-%d", round%2+1)}
		if round == alertKills-1 {
			victims = victims[:1]
		}
		before := len(d.hook.of("torture"))
		await.Until(t, "calls go on", func() bool { return len(d.hook.of("torture")) > before+20 })
		for _, name := range victims {
			d.procs[name].Kill()
			kills++
		}
		for _, name := range victims {
			d.start(name)
		}
	}
	before := len(d.hook.of("torture"))
	await.Until(t, "calls go on after the last kill", func() bool { return len(d.hook.of("torture")) > before+20 })
	close(f.stop)
	if err := <-f.done; err != nil {
		t.Fatal(err)
	}
	f.reconcile(t, buckets, kills, alertKills*workers)
	d.mu.Lock()
	defer d.mu.Unlock()
	if n := len(d.dead) - dead; n != 0 {
		t.Errorf("%d dead letters, the last: %s", n, d.dead[len(d.dead)-1].Headers)
	}
}

// reconcile holds events, ledger, calls and buckets against each other.
func (f *feeder) reconcile(t *testing.T, buckets map[string]string, kills, mayRepeat int) {
	var commands map[string]int // n of the event, by command
	verified := []schemas.State{schemas.StateVerified}
	await.Until(t, "every alert is verified", func() bool {
		commands = map[string]int{}
		for _, e := range f.d.list(t, ledger.Filter{Rule: "it-webhook", States: verified}) {
			var event struct {
				Kind string `json:"kind"`
				N    int    `json:"n"`
			}
			unmapped(t, e, &event)
			if event.Kind == "torture" {
				commands[e.Command.ID] = event.N
			}
		}
		return len(commands) >= f.alerts
	}, func() string { return fmt.Sprintf("%d of %d", len(commands), f.alerts) })
	events := map[int]string{}
	for id, n := range commands {
		if other, twice := events[n]; twice {
			t.Errorf("event %d has commands %s and %s", n, other, id)
		}
		events[n] = id
	}
	if len(events) != f.alerts {
		t.Errorf("%d events led to a command, want %d", len(events), f.alerts)
	}
	calls := f.d.hook.of("torture")
	times := map[string]int{}
	for _, c := range calls {
		if n, ok := commands[c.id]; !ok || n != c.event.N {
			t.Errorf("call with id %q, which is no command of event %d", c.id, c.event.N)
		}
		times[c.id]++
	}
	repeats := len(calls) - len(times)
	if len(times) != f.alerts {
		t.Errorf("%d commands were called, want %d", len(times), f.alerts)
	}
	if repeats > mayRepeat {
		t.Errorf("%d calls were repeated, at most %d expected", repeats, mayRepeat)
	}
	f.remedied(t, buckets)
	t.Logf("%d kills, %d events for the webhook, %d calls, %d of them repeats (at most %d), %d buckets", kills, f.alerts, len(calls), repeats, mayRepeat, f.buckets)
}

// remedied checks that every bucket is encrypted, by one command.
func (f *feeder) remedied(t *testing.T, buckets map[string]string) {
	for _, record := range f.records[:f.buckets] {
		event := record["eventID"].(string)
		f.d.await(t, bucketRule, event, schemas.StateVerified)
		if got, _ := f.d.api.encryption(t, buckets[event]); got != "aws:kms" {
			t.Errorf("bucket %s is encrypted by %q", buckets[event], got)
		}
	}
}
