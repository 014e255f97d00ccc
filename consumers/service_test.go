package consumers

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/consumers/ledger/sqlite"
	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/schemas"
)

// start runs the service until the test, or the function that it returns, ends it.
func (b *bench) start() (stop func()) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	ended := false
	stop = func() {
		if ended {
			return
		}
		ended = true
		cancel()
		timer := time.NewTimer(await.Long)
		defer timer.Stop()
		select {
		case err := <-done:
			if err != nil {
				b.t.Errorf("Run: %v", err)
			}
		case <-timer.C:
			b.t.Error("Run did not end")
		}
	}
	b.t.Cleanup(stop)
	return stop
}

func (b *bench) eventually(what string, holds func() bool) {
	b.t.Helper()
	await.Until(b.t, what, holds)
}

func (b *bench) await(c <-chan struct{}) {
	b.t.Helper()
	b.eventually("a signal", func() bool {
		select {
		case <-c:
			return true
		default:
			return false
		}
	})
}

func message(t *testing.T, cmd schemas.Command) kafka.Message {
	t.Helper()
	v, err := json.Marshal(cmd)
	if err != nil {
		t.Fatal(err)
	}
	return kafka.Message{Topic: "riposte." + string(cmd.Lane), Partition: 3, Offset: 42, Key: []byte(cmd.Target.Key()), Value: v}
}

func (b *bench) send(lane schemas.Lane, msgs ...kafka.Message) {
	b.t.Helper()
	if err := b.enter(b.t.Context(), lane, msgs); err != nil {
		b.t.Fatal(err)
	}
}

func TestIngest(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	good := b.command(1)
	unknown := b.command(2, func(c *schemas.Command) { c.Action = "nobody" })
	strayed := b.command(3, block(time.Hour))
	shed := b.command(4, func(c *schemas.Command) {
		c.Action = "nobody"
		c.Shed = &schemas.Shed{Count: 9, EventUIDs: []string{"a"}, Topic: "riposte.events", First: 1, Last: 9}
	})
	broken := kafka.Message{Topic: "riposte.remediate", Partition: 3, Offset: 41, Key: []byte("k"), Value: []byte("not json \xff"), Headers: []kafka.Header{{Key: "h", Value: []byte("\xff")}}}
	b.send(schemas.LaneRemediate, broken, message(t, good), message(t, unknown), message(t, strayed), message(t, shed), message(t, good))
	b.round()
	b.state(good, schemas.StateVerified, "")
	b.state(shed, schemas.StateRefused, ledger.ShedReason)
	if es, err := b.ledger.List(t.Context(), ledger.Filter{}); err != nil || len(es) != 2 {
		t.Errorf("%d entries, error %v; 2 expected", len(es), err)
	}
	if d := cmp.Diff([]string{"refused", "verified"}, b.published()); d != "" {
		t.Errorf("outcomes (-want +got):\n%s", d)
	}
	letters := b.broker.on("riposte.deadletter")
	if len(letters) != 3 {
		t.Fatalf("%d dead letters, 3 expected", len(letters))
	}
	for i, want := range []string{"", `unknown action "nobody"`, "a command of lane block"} {
		if got := letters[i].Header(kafka.HeaderReason); !strings.Contains(got, want) || got == "" {
			t.Errorf("reason %q; …%s… expected", got, want)
		}
	}
	if string(letters[0].Value) != string(broken.Value) || string(letters[0].Key) != "k" {
		t.Errorf("the dead letter holds %q under %q", letters[0].Value, letters[0].Key)
	}
	for h, want := range map[string]string{kafka.HeaderStage: "consumer", kafka.HeaderTopic: "riposte.remediate", kafka.HeaderPartition: "3", kafka.HeaderOffset: "41", kafka.HeaderAttempts: "1"} {
		if got := letters[0].Header(h); got != want {
			t.Errorf("header %s is %q; %q expected", h, got, want)
		}
	}
}

func TestRunCarriesOutWhatComes(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	stop := b.start()
	var cmds []schemas.Command
	var batch []kafka.Message
	for i := range 50 {
		c := b.command(i, func(c *schemas.Command) { c.Target.ID = fmt.Sprint("t", i%10) })
		cmds = append(cmds, c)
		batch = append(batch, message(t, c))
	}
	// All three lanes listen on the one feed: only the remediate lane accepts the batch, so enter it directly.
	b.send(schemas.LaneRemediate, batch...)
	b.eventually("fifty outcomes", func() bool { return len(b.broker.on("riposte.outcomes")) == len(cmds) })
	stop()
	verified := 0
	for _, c := range cmds {
		if e := b.get(c); e.State == schemas.StateVerified {
			verified++
		} else if e.State != schemas.StateUnchanged {
			t.Errorf("%s is %s", c.EventUID, e.State)
		}
	}
	if verified != 10 {
		t.Errorf("%d verified; one for each of 10 targets expected", verified)
	}
	if ms, err := b.ledger.Outbox(t.Context(), b.clock.Now().Add(time.Hour), 10, time.Second); err != nil || len(ms) != 0 {
		t.Errorf("%d messages left in the outbox, error %v", len(ms), err)
	}
}

// TestEndingGivesBack: what does not finish in time is due at once for the next start, and the try does not count.
func TestEndingGivesBack(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	began := make(chan struct{})
	slow := slowAction{b.world, began}
	b.d.Actions[Name{schemas.LaneRemediate, "set"}] = slow
	cmd := b.command(1)
	stop := b.start()
	b.send(schemas.LaneRemediate, message(t, cmd))
	b.await(began)
	stop()
	e := b.state(cmd, schemas.StateRetrying, "goes on at the next start")
	if e.Attempts != 0 || e.Due.After(b.clock.Now()) || !e.Applied {
		t.Errorf("entry %+v", e)
	}
	b.d.Actions[Name{schemas.LaneRemediate, "set"}] = b.world
	b.round()
	b.state(cmd, schemas.StateVerified, "")
}

// A slowAction never finishes Apply by itself.
type slowAction struct {
	*world
	began chan struct{}
}

func (s slowAction) Apply(ctx context.Context, _ schemas.Command, _ schemas.Plan) error {
	close(s.began)
	<-ctx.Done()
	return ctx.Err()
}

// TestLeaseIsKept: while an action takes longer than a lease, nobody else gets its command; once the lease is lost, the action is told to stop.
func TestLeaseIsKept(t *testing.T) {
	t.Parallel()
	cfg := enforcing()
	cfg.Lease = time.Second
	b := newBench(t, cfg)
	began := make(chan struct{})
	b.d.Actions[Name{schemas.LaneRemediate, "set"}] = slowAction{b.world, began}
	b.d.Now = time.Now
	cmd := b.command(1, func(c *schemas.Command) { c.EventTime = time.Now() })
	b.enters(cmd)
	es, err := b.ledger.Claim(t.Context(), time.Now(), ledger.Claim{Owner: "bench", Lanes: schemas.Lanes(), N: 1, Lease: cfg.Lease})
	if err != nil || len(es) != 1 {
		t.Fatalf("%d claimed, error %v", len(es), err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.work(t.Context(), es[0], func() {})
	}()
	b.await(began)
	b.eventually("the lease grows", func() bool { return b.get(cmd).Due.After(es[0].Due.Add(time.Second / 2)) })
	if again, err := b.ledger.Claim(t.Context(), es[0].Due.Add(time.Millisecond), ledger.Claim{Owner: "thief", Lanes: schemas.Lanes(), N: 1, Lease: cfg.Lease}); err != nil || len(again) != 0 {
		t.Fatalf("%d claimed after the first lease, error %v", len(again), err)
	}
	if again, err := b.ledger.Claim(t.Context(), time.Now().Add(time.Hour), ledger.Claim{Owner: "thief", Lanes: schemas.Lanes(), N: 1, Lease: time.Hour}); err != nil || len(again) != 1 {
		t.Fatalf("%d claimed long after, error %v", len(again), err)
	}
	b.await(done)
	if e := b.get(cmd); e.State != schemas.StateRunning {
		t.Errorf("the loser wrote %s over the thief's lease", e.State)
	}
}

func TestOwnLeasesAreTakenUpAtStart(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	b.d.OwnerRestarts = true
	cmd := b.command(1)
	b.enters(cmd)
	if _, err := b.ledger.Claim(t.Context(), b.clock.Now(), ledger.Claim{Owner: b.d.Owner, Lanes: schemas.Lanes(), N: 1, Lease: time.Hour}); err != nil {
		t.Fatal(err)
	}
	b.start()
	b.eventually("verified", func() bool { return b.get(cmd).State == schemas.StateVerified })
}

// TestLedgerAway: commands wait in the handler until the ledger is back, and the offset with them.
func TestLedgerAway(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	l := &lame{Ledger: b.ledger, fails: 3}
	s := b.service(enforcing(), l, b.world)
	cmd := b.command(1)
	if err := s.enter(t.Context(), schemas.LaneRemediate, []kafka.Message{message(t, cmd)}); err != nil {
		t.Fatal(err)
	}
	if l.fails != 0 {
		t.Errorf("%d failures left", l.fails)
	}
	b.get(cmd)
}

type lame struct {
	ledger.Ledger
	fails int
}

func (l *lame) Enter(ctx context.Context, now time.Time, cmds []schemas.Command, publish ...ledger.Message) (int, error) {
	if l.fails > 0 {
		l.fails--
		return 0, errAway
	}
	return l.Ledger.Enter(ctx, now, cmds, publish...)
}

func TestOutcomeTooLargeBecomesADeadLetter(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	b.broker.reject = func(m kafka.Message) error {
		if m.Topic == "riposte.outcomes" {
			return kafka.ErrTooLarge
		}
		return nil
	}
	b.enters(b.command(1))
	b.round()
	if d := cmp.Diff([]string{}, b.published()); d != "" {
		t.Errorf("outcomes (-want +got):\n%s", d)
	}
	letters := b.broker.on("riposte.deadletter")
	if len(letters) != 1 || !strings.Contains(letters[0].Header(kafka.HeaderReason), "too large") {
		t.Errorf("dead letters: %+v", letters)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	for name, edit := range map[string]func(*Config, *Deps, *[]schemas.Lane){
		"no owner":        func(_ *Config, d *Deps, _ *[]schemas.Lane) { d.Owner = "" },
		"no ledger":       func(_ *Config, d *Deps, _ *[]schemas.Lane) { d.Ledger = nil },
		"unknown lane":    func(_ *Config, _ *Deps, l *[]schemas.Lane) { *l = []schemas.Lane{"fast"} },
		"retention":       func(c *Config, _ *Deps, _ *[]schemas.Lane) { c.Retention = 30 * 24 * time.Hour },
		"bad mode":        func(c *Config, _ *Deps, _ *[]schemas.Lane) { c.Mode = "maybe" },
		"bad account":     func(c *Config, _ *Deps, _ *[]schemas.Lane) { c.Accounts = map[string]ModeConfig{"12": {"enforce"}} },
		"action's mode":   func(c *Config, _ *Deps, _ *[]schemas.Lane) { c.Actions = map[string]ActionConfig{"set": {}} },
		"bad lane":        func(c *Config, _ *Deps, _ *[]schemas.Lane) { c.Lanes = map[schemas.Lane]LaneConfig{"x": {}} },
		"no workers":      func(c *Config, _ *Deps, _ *[]schemas.Lane) { c.Workers = -1 },
		"no attempts":     func(c *Config, _ *Deps, _ *[]schemas.Lane) { c.Attempts = 0 },
		"lease":           func(c *Config, _ *Deps, _ *[]schemas.Lane) { c.Lease = 0 },
		"backoff":         func(c *Config, _ *Deps, _ *[]schemas.Lane) { c.Backoff.Max = 0 },
		"metrics twice":   func(_ *Config, d *Deps, _ *[]schemas.Lane) { d.Registerer = b.registered() },
		"negative within": func(c *Config, _ *Deps, _ *[]schemas.Lane) { c.RespondWithin = -1 },
	} {
		cfg, d, lanes := enforcing(), b.d, schemas.Lanes()
		edit(&cfg, &d, &lanes)
		if _, err := New(cfg, lanes, d); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// registered returns a registry in which the metrics are already.
func (b *bench) registered() prometheus.Registerer {
	b.t.Helper()
	r := prometheus.NewRegistry()
	if _, err := newMetrics(r); err != nil {
		b.t.Fatal(err)
	}
	return r
}

// TestNothingIsLostOverRestarts runs the service on one file, again and again, and ends it in mid-flow.
func TestNothingIsLostOverRestarts(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ledger.db")
	cfg := enforcing()
	cfg.Loop.Times, cfg.Budgets = 0, nil // one rule acts on few targets again and again here
	b := newBench(t, cfg)
	var cmds []schemas.Command
	var batch []kafka.Message
	for i := range 60 {
		cmds = append(cmds, b.command(i, func(c *schemas.Command) {
			c.Target.ID = fmt.Sprint("t", i%6)
			c.With = map[string]any{"value": fmt.Sprint(i)}
		}))
		batch = append(batch, message(t, cmds[i]))
	}
	for i := range 4 {
		l, err := sqlite.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		b.ledger, b.Service = l, b.service(cfg, l, b.world)
		b.d.OwnerRestarts = true
		stop := b.start()
		b.send(schemas.LaneRemediate, batch...)
		b.eventually("some done", func() bool {
			d, err := l.Depth(t.Context())
			return err == nil && d[schemas.LaneRemediate][schemas.StatePending] <= int64(45-15*i)
		})
		stop()
		if i == 3 {
			for _, c := range cmds {
				b.state(c, schemas.StateVerified, "")
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 6 {
		if got, want := b.world.value[fmt.Sprint("t", i)], fmt.Sprint(54+i); got != want {
			t.Errorf("t%d is %s; %s, the last of its commands, expected", i, got, want)
		}
	}
	if n := len(b.world.writes); n != 60 {
		t.Errorf("%d writes; 60 expected", n)
	}
	if n := len(b.broker.on("riposte.outcomes")); n != 60 {
		t.Errorf("%d outcomes; 60 expected", n)
	}
}
