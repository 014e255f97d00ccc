// Package actiontest holds every action to the contract in package consumers: planning changes nothing, applying may be repeated,
// verifying sees the effect, and undoing restores what was there unless somebody else changed it since.
package actiontest

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// patience bounds every call that the suite makes.
const patience = 20 * time.Second

// A Subject is an action together with a fake of what it acts on, in a state in which the command has something to do.
type Subject struct {
	Action  consumers.Action
	Command schemas.Command
	// State returns all of the fake's state that an action could change, in a form that encoding/json can write. For a receiver of alerts
	// that is what arrived, counted by idempotency key.
	State func() any
	// Change changes the target behind the action's back, as another administrator would. It is called after Apply. nil skips the checks
	// of Undo against foreign changes.
	Change func()
	// Stateless says that the effect cannot be read back, as with alerts: the plan after Apply need not be empty.
	Stateless bool
}

// Run holds an action to its contract. fresh returns a new subject, on a fake of its own, each time it is called.
func Run(t *testing.T, fresh func(t *testing.T) Subject) {
	t.Helper()
	t.Run("plan changes nothing", func(t *testing.T) { planReadsOnly(t, fresh(t)) })
	t.Run("plan is stable", func(t *testing.T) { planIsStable(t, fresh(t)) })
	t.Run("apply is idempotent", func(t *testing.T) { applyTwice(t, fresh(t)) })
	t.Run("apply survives the ledger", func(t *testing.T) { applyStored(t, fresh(t)) })
	t.Run("verify sees the effect", func(t *testing.T) { verifySees(t, fresh(t)) })
	t.Run("second plan is empty", func(t *testing.T) { secondPlanEmpty(t, fresh(t)) })
	t.Run("cancelled context", func(t *testing.T) { cancelled(t, fresh(t)) })
	if _, ok := fresh(t).Action.(consumers.Undoer); !ok {
		return
	}
	t.Run("undo restores", func(t *testing.T) { undoRestores(t, fresh(t)) })
	t.Run("undo twice", func(t *testing.T) { undoTwice(t, fresh(t)) })
	t.Run("undo refuses after a foreign change", func(t *testing.T) { undoRefuses(t, fresh(t)) })
	t.Run("undo by force", func(t *testing.T) { undoForce(t, fresh(t)) })
}

func planReadsOnly(t *testing.T, s Subject) {
	before := state(t, s)
	p := plan(t, s)
	if p.Empty() {
		t.Fatal("the plan is empty: a subject must need the action")
	}
	if p.Summary == "" {
		t.Error("the plan has no summary")
	}
	for i, c := range p.Calls {
		if c.Service == "" || c.Operation == "" {
			t.Errorf("call %d has no service or no operation: %+v", i, c)
		}
	}
	same(t, "Plan changed the target", before, state(t, s))
}

// planIsStable: an approval binds to the hash of a plan, so two plans over the same state must have the same hash.
func planIsStable(t *testing.T, s Subject) {
	first, err := plan(t, s).Hash()
	if err != nil {
		t.Fatal(err)
	}
	second, err := plan(t, s).Hash()
	if err != nil {
		t.Fatal(err)
	}
	if first != second {
		t.Errorf("two plans over one state differ in hash: %s and %s", first, second)
	}
}

func applyTwice(t *testing.T, s Subject) {
	before := state(t, s)
	p := plan(t, s)
	apply(t, s, p)
	once := state(t, s)
	if cmp.Equal(before, once) {
		t.Error("Apply changed nothing")
	}
	apply(t, s, p)
	same(t, "a second Apply of the same plan changed the target again", once, state(t, s))
}

// applyStored: after a crash the plan comes out of the ledger, as JSON.
func applyStored(t *testing.T, s Subject) {
	p := plan(t, s)
	apply(t, s, p)
	once := state(t, s)
	stored := roundTrip(t, p)
	apply(t, s, stored)
	same(t, "Apply of the stored plan changed the target again", once, state(t, s))
	if _, err := verify(t, s, stored); err != nil {
		t.Errorf("Verify with the stored plan: %v", err)
	}
}

func verifySees(t *testing.T, s Subject) {
	p := plan(t, s)
	apply(t, s, p)
	after := state(t, s)
	out, err := verify(t, s, p)
	if err != nil {
		t.Fatalf("Verify after Apply: %v", err)
	}
	if len(out.After) > 0 && !json.Valid(out.After) {
		t.Errorf("the outcome's After is not JSON: %s", out.After)
	}
	same(t, "Verify changed the target", after, state(t, s))
}

func secondPlanEmpty(t *testing.T, s Subject) {
	if s.Stateless {
		t.Skip("the effect cannot be read back")
	}
	apply(t, s, plan(t, s))
	if p := plan(t, s); !p.Empty() {
		t.Errorf("the plan after Apply still has calls: %+v", p.Calls)
	}
}

func undoRestores(t *testing.T, s Subject) {
	before := state(t, s)
	p := plan(t, s)
	apply(t, s, p)
	if err := undo(t, s, roundTrip(t, p), false); err != nil {
		t.Fatalf("Undo: %v", err)
	}
	same(t, "Undo did not restore the target", before, state(t, s))
}

func undoTwice(t *testing.T, s Subject) {
	p := plan(t, s)
	apply(t, s, p)
	if err := undo(t, s, p, false); err != nil {
		t.Fatalf("Undo: %v", err)
	}
	once := state(t, s)
	if err := undo(t, s, p, false); err != nil {
		t.Fatalf("Undo of what is as before already: %v", err)
	}
	same(t, "a second Undo changed the target", once, state(t, s))
}

func undoRefuses(t *testing.T, s Subject) {
	if s.Change == nil {
		t.Skip("the subject has no foreign change")
	}
	p := plan(t, s)
	apply(t, s, p)
	s.Change()
	changed := state(t, s)
	err := undo(t, s, p, false)
	if !errors.Is(err, consumers.ErrChanged) || !fault.IsPermanent(err) {
		t.Errorf("Undo after a foreign change: %v; a permanent error that wraps ErrChanged expected", err)
	}
	same(t, "a refused Undo changed the target", changed, state(t, s))
}

func undoForce(t *testing.T, s Subject) {
	if s.Change == nil {
		t.Skip("the subject has no foreign change")
	}
	p := plan(t, s)
	apply(t, s, p)
	s.Change()
	if err := undo(t, s, p, true); err != nil {
		t.Fatalf("Undo by force: %v", err)
	}
	if again := plan(t, s); again.Empty() {
		t.Error("after an Undo by force nothing is left to do: the effect still stands")
	}
}

// cancelled: a call under a context that has ended returns soon, with an error, and changes nothing.
func cancelled(t *testing.T, s Subject) {
	p := plan(t, s)
	before := state(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	within(t, "Apply", func() error { return s.Action.Apply(ctx, s.Command, p) })
	same(t, "Apply under an ended context changed the target", before, state(t, s))
	apply(t, s, p)
	if u, ok := s.Action.(consumers.Undoer); ok {
		applied := state(t, s)
		within(t, "Undo", func() error { return u.Undo(ctx, s.Command, p, false) })
		same(t, "Undo under an ended context changed the target", applied, state(t, s))
	}
}
