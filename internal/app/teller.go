package app

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/consumers/ledger/open"
	"github.com/riposte-security/riposte/examples/attack"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/schemas"
)

// A teller plays the records of the attack and tells what became of each.
type teller struct {
	out     io.Writer
	stack   *stack
	records string // folder into which the records are written, where the producers look
	files   []attack.File
	names   *strings.Replacer // recorded names → those of what is there
	within  time.Duration     // how long responses may take, all together
	desk    ledger.Desk

	mu        sync.Mutex
	published map[string]time.Time // uid of an event → when the broker had it
	latencies []time.Duration
	told      map[string]bool // ids of commands
}

// tell plays the story and returns an error unless it went as expected.
func (t *teller) tell(ctx context.Context) error {
	t.published, t.told = map[string]time.Time{}, map[string]bool{}
	expected, err := attack.Expected()
	if err != nil {
		return err
	}
	url, err := t.stack.ledgerURL(t.stack.cfg, t.stack.data)
	if err != nil {
		return err
	}
	if t.desk, err = open.Wait(ctx, url, t.stack.log); err != nil {
		return err
	}
	defer t.desk.Close() //nolint:errcheck // only read
	var watch sync.WaitGroup
	defer watch.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watch.Go(func() { t.watch(ctx) })
	story, done := context.WithTimeout(ctx, t.within)
	defer done()
	if err := t.play(story); err != nil {
		return err
	}
	missing := 0
	for _, e := range expected {
		for i := range e.Responses {
			e.Responses[i].Target = t.names.Replace(e.Responses[i].Target)
		}
		missing += t.expectation(story, e)
	}
	surplus, err := t.surplus(ctx)
	if err != nil {
		return err
	}
	if err := t.undo(ctx); err != nil {
		return err
	}
	t.summary()
	if missing > 0 || surplus > 0 {
		return fmt.Errorf("demo: %d expected responses did not come, %d came unexpected", missing, surplus)
	}
	return nil
}

// quiet is a file of records that lead to nothing. It is played first: when it is through, every stage has joined, and the times that follow
// are those of a pipeline at work.
const quiet = "config-items.json"

// play writes the records where the producers look for them.
func (t *teller) play(ctx context.Context) error {
	for _, first := range []bool{true, false} {
		for _, f := range t.files {
			if (f.Name == quiet) != first {
				continue
			}
			if err := os.WriteFile(filepath.Join(t.records, f.Name), f.Data, 0o600); err != nil {
				return fmt.Errorf("records: %w", err)
			}
		}
		if first {
			t.settle(ctx)
		}
	}
	return nil
}

// settle waits until the router has decided on every event, one at least. The story goes on without, if that takes too long.
func (t *teller) settle(ctx context.Context) {
	topics := t.stack.kafka.Topics()
	for ctx.Err() == nil {
		lag, err := t.stack.kafka.Lag(ctx, topics.Prefix()+".router", topics.Events)
		left := int64(0)
		for _, n := range lag[topics.Events] {
			left += n
		}
		t.mu.Lock()
		seen := len(t.published)
		t.mu.Unlock()
		if err == nil && left == 0 && seen > 0 {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// watch notes when each event was in Kafka.
func (t *teller) watch(ctx context.Context) {
	err := t.stack.kafka.Tail(ctx, t.stack.kafka.Topics().Events, false, func(_ context.Context, m kafka.Message) error {
		if ev, err := m.Event(); err == nil {
			t.mu.Lock()
			t.published[ev.UID] = m.Time
			t.mu.Unlock()
		}
		return nil
	})
	if err != nil {
		t.stack.log.Warn().Err(err).Msg("the story goes without times of publication")
	}
}

// expectation waits for the responses to one record, tells them, and returns how many did not come.
func (t *teller) expectation(ctx context.Context, e attack.Expectation) (missing int) {
	fmt.Fprintf(t.out, "● %s\n", e.What)
	for i, r := range e.Responses {
		entry, found := t.await(ctx, e, r)
		if i == 0 && found {
			fmt.Fprintf(t.out, "  event    %s %s\n", entry.Command.EventTime.UTC().Format(time.TimeOnly), describe(entry.Command))
		}
		if !found {
			missing++
			fmt.Fprintf(t.out, "  MISSING  rule %s: %s %s on %q was to become %s\n", r.Rule, r.Lane, r.Action, r.Target, r.State)
			continue
		}
		t.response(entry)
	}
	fmt.Fprintln(t.out)
	return missing
}

// describe says what kind of event a command answers.
func describe(cmd schemas.Command) string {
	ev := decodeEvent(cmd.Event)
	switch {
	case ev.API.Operation != "":
		return fmt.Sprintf("%s %s by %s", ev.API.Service.Name, ev.API.Operation, ev.Actor.User.Name)
	case ev.Src.IP != "":
		return fmt.Sprintf("%s → %s:%d", ev.Src.IP, ev.Dst.IP, ev.Dst.Port)
	}
	name := ev.ClassName
	if ev.Unmapped.Kind != "" {
		name += " of kind " + ev.Unmapped.Kind
	}
	return fmt.Sprintf("%s (%s)", name, ev.Metadata.LogName)
}

// response tells one command: rule, plan, calls, what came of it, and how long it took.
func (t *teller) response(e ledger.Entry) {
	t.mu.Lock()
	at, known := t.published[e.Command.EventUID]
	t.mu.Unlock()
	took := ""
	if known {
		d := e.Outcome.Time.Sub(at)
		t.latencies = append(t.latencies, d)
		took = fmt.Sprintf(", %d ms after the event was published", d.Milliseconds())
	}
	cmd := e.Command
	fmt.Fprintf(t.out, "  rule     %s (%s)\n", cmd.Rule, cmd.Severity)
	fmt.Fprintf(t.out, "  command  %s %s %s on %s\n", cmd.ID[:12], cmd.Lane, cmd.Action, cmd.Target.ID)
	if e.Plan != nil && cmd.Lane != schemas.LaneAlert {
		fmt.Fprintf(t.out, "  plan     %s\n", clean(e.Plan.Summary))
		for _, c := range e.Plan.Calls {
			fmt.Fprintf(t.out, "           %s:%s\n", c.Service, c.Operation)
		}
	}
	fmt.Fprintf(t.out, "  done     %s: %s%s\n", stateText(e), clean(e.Outcome.Message), took)
}

// await waits until a command like r, for the event of e, is in the state that r names.
func (t *teller) await(ctx context.Context, e attack.Expectation, r attack.Response) (ledger.Entry, bool) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		entries, err := t.desk.List(ctx, ledger.Filter{Rule: r.Rule, Lanes: []schemas.Lane{r.Lane}, Limit: 1000})
		if err == nil {
			for _, entry := range entries {
				cmd := entry.Command
				if !t.told[cmd.ID] && cmd.Action == r.Action && (e.Event == "" || e.Event == cmd.EventUID) && (r.Target == "" || r.Target == cmd.Target.ID) && entry.State == r.State {
					t.told[cmd.ID] = true
					return entry, true
				}
			}
		}
		select {
		case <-ctx.Done():
			return ledger.Entry{}, false
		case <-tick.C:
		}
	}
}

// surplus counts and tells commands that nobody expected.
func (t *teller) surplus(ctx context.Context) (int, error) {
	entries, err := t.desk.List(ctx, ledger.Filter{Limit: 10_000})
	if err != nil {
		return 0, fmt.Errorf("commands: %w", err)
	}
	n := 0
	for _, e := range entries {
		if !t.told[e.Command.ID] {
			n++
			fmt.Fprintf(t.out, "  UNEXPECTED  rule %s: %s %s on %q is %s\n", e.Command.Rule, e.Command.Lane, e.Command.Action, e.Command.Target.ID, stateText(e))
		}
	}
	return n, nil
}
