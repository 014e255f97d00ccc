package consumers

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// A fate kills a worker at its nth step, before the step or after it (the answer is lost). From then on nothing that it does has an effect.
type fate struct {
	mu    sync.Mutex
	steps int
	at    int
	after bool
	dead  bool
}

func (f *fate) step(do func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.dead && f.steps == f.at && !f.after {
		f.dead = true
	}
	if f.dead {
		return fault.Permanent(workError("killed"))
	}
	err := do()
	if f.steps == f.at && f.after {
		f.dead = true
		return fault.Permanent(workError("killed"))
	}
	f.steps++
	return err
}

type mortalLedger struct {
	ledger.Ledger
	fate *fate
}

func (m mortalLedger) Save(ctx context.Context, now time.Time, e ledger.Entry, publish ...ledger.Message) error {
	return m.fate.step(func() error { return m.Ledger.Save(ctx, now, e, publish...) })
}

type mortalAction struct {
	*world
	fate *fate
}

func (m mortalAction) Plan(ctx context.Context, cmd schemas.Command) (p schemas.Plan, err error) {
	err = m.fate.step(func() error { p, err = m.world.Plan(ctx, cmd); return err })
	return p, err
}

func (m mortalAction) Apply(ctx context.Context, cmd schemas.Command, p schemas.Plan) error {
	return m.fate.step(func() error { return m.world.Apply(ctx, cmd, p) })
}

func (m mortalAction) Verify(ctx context.Context, cmd schemas.Command, p schemas.Plan) (o schemas.Outcome, err error) {
	err = m.fate.step(func() error { o, err = m.world.Verify(ctx, cmd, p); return err })
	return o, err
}

func (m mortalAction) Undo(ctx context.Context, cmd schemas.Command, p schemas.Plan, force bool) error {
	return m.fate.step(func() error { return m.world.Undo(ctx, cmd, p, force) })
}

// TestAnotherWorkerTakesOver kills a worker before and after every step that it takes, and lets another one find what it left.
func TestAnotherWorkerTakesOver(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		for at := 0; ; at++ {
			if at > 50 {
				t.Fatal("the worker takes more steps than it should")
			}
			f := &fate{at: at, after: after}
			t.Run(fmt.Sprintf("step %d after %v", at, after), func(t *testing.T) { takeOver(t, f) })
			if !f.dead {
				break
			}
		}
	}
}

// takeOver leads two commands on one target, of which one has a time and the other is undone, through a worker that dies and one that does not.
func takeOver(t *testing.T, f *fate) {
	b := newBench(t, enforcing())
	b.world.value["x"] = "bad"
	doomed := b.service(enforcing(), mortalLedger{b.ledger, f}, mortalAction{b.world, f})
	doomed.d.Owner = "doomed"

	timed := b.command(1, block(time.Hour))
	lasting := b.command(2, func(c *schemas.Command) { c.With = map[string]any{"value": "better"}; c.Target.ID = "y" })
	b.enters(timed, lasting)
	both := func() {
		rounds(t, doomed, b.ledger, b.clock)
		b.clock.Add(b.cfg.Lease)
		b.round()
	}
	both()
	b.state(timed, schemas.StateInForce, "")
	b.state(lasting, schemas.StateVerified, "")
	if b.world.value["x"] != "good" || b.world.value["y"] != "better" {
		t.Fatalf("the world is %v", b.world.value)
	}
	if n := len(b.world.writes); n > 3 || (n == 3 && !f.dead) {
		t.Errorf("%d writes: %v", n, b.world.writes)
	}
	for _, cmd := range []schemas.Command{timed, lasting} {
		want := `"bad"`
		if cmd.Target.ID == "y" {
			want = `""`
		}
		if p := b.get(cmd).Plan; string(p.Before) != want {
			t.Errorf("the pre-image is %s; %s expected: it was planned over its own effect", p.Before, want)
		}
	}

	requestUndo(b, lasting, false)
	both()
	b.state(lasting, schemas.StateUndone, "")
	b.clock.Add(time.Hour)
	both()
	b.state(timed, schemas.StateExpired, "")
	if b.world.value["x"] != "bad" || b.world.value["y"] != "" {
		t.Fatalf("the world is %v", b.world.value)
	}
	if got := strings.Join(b.published(), " "); got != "in_force verified undone expired" && got != "verified in_force undone expired" {
		t.Errorf("outcomes: %s", got)
	}
}
