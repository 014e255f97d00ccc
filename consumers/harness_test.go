package consumers

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/consumers/guard"
	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/consumers/ledger/sqlite"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/schemas"
)

const trusted = "//producers/test"

// A clock is moved by the test.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// A world is what the fake action acts on: values by target. It is a Sharer, so that commands with a note of their own share an effect.
type world struct {
	mu      sync.Mutex
	value   map[string]string
	history map[string][]string // what each value was changed to, in order
	writes  []string            // "id value" of every call that changed something or would have
	plans   int
	fail    map[string]error // by step: plan apply verify undo
	onCall  func(step string)
}

func newWorld() *world {
	return &world{value: map[string]string{}, history: map[string][]string{}, fail: map[string]error{}}
}

// put changes a value. The caller holds mu.
func (w *world) put(id, value string) {
	if w.value[id] != value {
		w.history[id] = append(w.history[id], value)
	}
	w.value[id] = value
}

func (w *world) enter(ctx context.Context, step string) error {
	if w.onCall != nil {
		w.onCall(step)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return w.fail[step]
}

func (w *world) Plan(ctx context.Context, cmd schemas.Command) (schemas.Plan, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.plans++
	if err := w.enter(ctx, "plan"); err != nil {
		return schemas.Plan{}, err
	}
	want, _ := cmd.With["value"].(string)
	was := w.value[cmd.Target.ID]
	if was == want {
		return schemas.Plan{Summary: "is " + want + " already"}, nil
	}
	before, _ := json.Marshal(was)
	if was == "hopeless" {
		return schemas.Plan{Summary: "it is hopeless", Before: before, Report: true}, nil
	}
	after, _ := json.Marshal(want)
	p := schemas.Plan{Summary: "set " + want, Before: before, After: after,
		Calls: []schemas.Call{{Service: "world", Operation: "Set", Params: map[string]any{"n": 1, "value": want}}}}
	if was == "ask" {
		p.Approval = "the value was ask"
	}
	return p, nil
}

func (w *world) Apply(ctx context.Context, cmd schemas.Command, p schemas.Plan) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.enter(ctx, "apply"); err != nil {
		return err
	}
	var after string
	if err := json.Unmarshal(p.After, &after); err != nil {
		return err
	}
	w.writes = append(w.writes, cmd.ID+" "+after)
	w.put(cmd.Target.ID, after)
	return nil
}

func (w *world) Verify(ctx context.Context, cmd schemas.Command, p schemas.Plan) (schemas.Outcome, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.enter(ctx, "verify"); err != nil {
		return schemas.Outcome{}, err
	}
	got, _ := json.Marshal(w.value[cmd.Target.ID])
	if string(got) != string(p.After) {
		return schemas.Outcome{}, fmt.Errorf("is %s, not %s", got, p.After)
	}
	return schemas.Outcome{After: got}, nil
}

func (w *world) Undo(ctx context.Context, cmd schemas.Command, p schemas.Plan, force bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.enter(ctx, "undo"); err != nil {
		return err
	}
	var before string
	if err := json.Unmarshal(p.Before, &before); err != nil {
		return err
	}
	got, _ := json.Marshal(w.value[cmd.Target.ID])
	if string(got) == string(p.Before) {
		return nil
	}
	if string(got) != string(p.After) && !force {
		return fault.Permanent(fmt.Errorf("it is %s: %w", got, ErrChanged))
	}
	w.put(cmd.Target.ID, before)
	return nil
}

func (w *world) Enforcer(cmd schemas.Command) string { return fmt.Sprint(cmd.With["value"]) }

// An alarm is an action without undo.
type alarm struct {
	mu   sync.Mutex
	sent []string
}

func (a *alarm) Plan(context.Context, schemas.Command) (schemas.Plan, error) {
	return schemas.Plan{Summary: "send", Calls: []schemas.Call{{Service: "bell", Operation: "Ring"}}}, nil
}

func (a *alarm) Apply(_ context.Context, cmd schemas.Command, _ schemas.Plan) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sent = append(a.sent, cmd.ID)
	return nil
}

func (a *alarm) Verify(context.Context, schemas.Command, schemas.Plan) (schemas.Outcome, error) {
	return schemas.Outcome{}, nil
}

// A broker feeds messages and keeps what is published.
type broker struct {
	*kafka.Client
	feed    chan []kafka.Message
	control chan kafka.Message

	mu     sync.Mutex
	sent   []kafka.Message
	done   int // batches whose handler returned nil
	reject func(m kafka.Message) error
}

func newBroker(t *testing.T) *broker {
	t.Helper()
	c, err := kafka.New(kafka.Config{Brokers: []string{"127.0.0.1:1"}}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return &broker{Client: c, feed: make(chan []kafka.Message), control: make(chan kafka.Message)}
}

func (b *broker) Follow(ctx context.Context, _ string, caughtUp func(), fn func(context.Context, kafka.Message) error) error {
	caughtUp()
	for {
		select {
		case <-ctx.Done():
			return nil
		case m := <-b.control:
			if err := fn(ctx, m); err != nil {
				return err
			}
		}
	}
}

func (b *broker) Consume(ctx context.Context, _ kafka.Group, handle kafka.Handler) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case batch := <-b.feed:
			if err := handle(ctx, batch); err != nil {
				return err
			}
			b.mu.Lock()
			b.done++
			b.mu.Unlock()
		}
	}
}

func (b *broker) Publish(_ context.Context, msgs ...kafka.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	var rejected []kafka.Rejection
	for i, m := range msgs {
		if b.reject != nil {
			if err := b.reject(m); err != nil {
				rejected = append(rejected, kafka.Rejection{Index: i, Topic: m.Topic, Err: err})
				continue
			}
		}
		b.sent = append(b.sent, m)
	}
	if rejected != nil {
		return fault.Permanent(&kafka.RejectedError{Rejected: rejected})
	}
	return nil
}

func (b *broker) on(topic string) []kafka.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []kafka.Message
	for _, m := range b.sent {
		if m.Topic == topic {
			out = append(out, m)
		}
	}
	return out
}

// A bench is a service on a ledger of its own.
type bench struct {
	*Service
	t      *testing.T
	clock  *clock
	world  *world
	alarm  *alarm
	broker *broker
	ledger ledger.Ledger
}

func enforcing() Config {
	cfg := Defaults()
	cfg.Mode, cfg.TrustedSources = guard.Enforce, []string{trusted}
	return cfg
}

func newBench(t *testing.T, cfg Config) *bench {
	t.Helper()
	l, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "ledger.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &bench{t: t, clock: newClock(), world: newWorld(), alarm: &alarm{}, broker: newBroker(t), ledger: l}
	b.Service = b.service(cfg, l, b.world)
	return b
}

// service makes another worker on the same ledger.
func (b *bench) service(cfg Config, l ledger.Ledger, a Action) *Service {
	b.t.Helper()
	s, err := New(cfg, schemas.Lanes(), Deps{
		Ledger: l, Broker: b.broker, Writer: b.broker, Owner: "bench", Now: b.clock.Now, Log: zerolog.New(zerolog.NewTestWriter(b.t)),
		Actions: map[Name]Action{{schemas.LaneBlock, "set"}: a, {schemas.LaneRemediate, "set"}: a, {schemas.LaneAlert, "bell"}: b.alarm},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// command makes the nth command; edit may change it.
func (b *bench) command(n int, edit ...func(*schemas.Command)) schemas.Command {
	c := schemas.Command{
		Rule: "a-rule", RuleHash: "cafe", Step: "remediate:set", Lane: schemas.LaneRemediate, Action: "set",
		Target: schemas.Target{Type: "thing", Account: "111122223333", ID: "x"}, With: map[string]any{"value": "good"}, Severity: "high",
		Event: []byte(`{"class_uid":6003}`), EventUID: fmt.Sprintf("event-%d", n), EventTime: b.clock.Now().Add(-time.Second),
		Source: trusted, Created: b.clock.Now(),
	}
	for _, f := range edit {
		f(&c)
	}
	c.ID = schemas.CommandID(c.Rule, c.Step, c.EventUID, c.Target)
	return c
}

func block(d time.Duration) func(*schemas.Command) {
	return func(c *schemas.Command) { c.Lane, c.Step, c.For = schemas.LaneBlock, "block:set", schemas.Duration(d) }
}

func (b *bench) enters(cmds ...schemas.Command) {
	b.t.Helper()
	if _, err := b.ledger.Enter(b.t.Context(), b.clock.Now(), cmds); err != nil {
		b.t.Fatal(err)
	}
}

// round lets the service work on all that is due now, and returns how many entries that were.
func (b *bench) round() int { return rounds(b.t, b.Service, b.ledger, b.clock) }

func rounds(t *testing.T, s *Service, l ledger.Ledger, c *clock) int {
	t.Helper()
	n := 0
	for {
		es, err := l.Claim(t.Context(), c.Now(), ledger.Claim{Owner: s.d.Owner, Lanes: s.lanes, N: 10, Lease: s.cfg.Lease})
		if err != nil {
			t.Fatal(err)
		}
		if len(es) == 0 {
			return n
		}
		for _, e := range es {
			s.work(t.Context(), e, func() {})
		}
		if n += len(es); n > 1000 {
			t.Fatal("it never ends")
		}
	}
}

func (b *bench) get(cmd schemas.Command) ledger.Entry {
	b.t.Helper()
	es, err := b.ledger.List(b.t.Context(), ledger.Filter{IDs: []string{cmd.ID}})
	if err != nil || len(es) != 1 {
		b.t.Fatalf("command %s: %d entries, error %v", cmd.ID, len(es), err)
	}
	return es[0]
}

func (b *bench) state(cmd schemas.Command, want schemas.State, why string) ledger.Entry {
	b.t.Helper()
	e := b.get(cmd)
	if e.State != want || !strings.Contains(e.Outcome.Message+" "+e.Outcome.Error, why) {
		b.t.Fatalf("command %s is %s (%s; %s); %s (…%s…) expected", cmd.EventUID, e.State, e.Outcome.Message, e.Outcome.Error, want, why)
	}
	return e
}

func (b *bench) value(want string) {
	b.t.Helper()
	b.world.mu.Lock()
	defer b.world.mu.Unlock()
	if got := b.world.value["x"]; got != want {
		b.t.Fatalf("the value is %q; %q expected", got, want)
	}
}

// published returns the states that outcome events told of, after publishing what is in the outbox.
func (b *bench) published() []string {
	b.t.Helper()
	for {
		n, err := b.flush(b.t.Context())
		if err != nil {
			b.t.Fatal(err)
		}
		if n == 0 {
			break
		}
	}
	states := []string{}
	for _, m := range b.broker.on(b.broker.Topics().Outcomes) {
		var doc struct {
			StatusCode string `json:"status_code"`
		}
		if err := json.Unmarshal(m.Value, &doc); err != nil {
			b.t.Fatal(err)
		}
		states = append(states, doc.StatusCode)
	}
	return states
}

// errAway is what a dependency says in tests.
const errAway = workError("away")
