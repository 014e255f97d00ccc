package actiontest

import (
	"context"
	"testing"
	"time"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// An Illness is what the other side answers to every call.
type Illness string

// The illnesses.
const (
	Healthy   Illness = ""
	Denied    Illness = "a permission is missing"
	Throttled Illness = "it is throttled, and asks to wait"
	Expired   Illness = "the token has expired"
	Broken    Illness = "it has an error of its own"
)

// A Patient is an action on a server that can fall ill, and on a target that can go away. The command has something to do, and is about an event of long ago.
type Patient struct {
	Action  consumers.Action
	Command schemas.Command
	// Fall makes the server ill from now on, or healthy again.
	Fall func(Illness)
	// Remove deletes the target, as another administrator would.
	Remove func()
}

// hurried is how long a verification that cannot succeed is waited for: the action's own deadline is longer.
const hurried = 400 * time.Millisecond

// Suffer holds an action to what its contract says of errors, at every step: what cannot be mended is permanent, what may pass is not, nothing is called a
// success that was none, and after an illness that passes the work is finished and taken back as if there had been none. fresh returns a new patient each time.
func Suffer(t *testing.T, fresh func(t *testing.T) Patient) {
	t.Helper()
	for _, ill := range []Illness{Denied, Throttled, Expired, Broken} {
		t.Run(string(ill), func(t *testing.T) { suffer(t, fresh(t), ill) })
	}
	t.Run("gone between plan and effect", func(t *testing.T) {
		p := fresh(t)
		made := plan(t, p.subject())
		p.Remove()
		if err := p.Action.Apply(t.Context(), p.Command, made); !fault.IsPermanent(err) {
			t.Errorf("Apply: %v; a permanent error expected", err)
		}
	})
	t.Run("gone between effect and verification", func(t *testing.T) {
		p := fresh(t)
		made := CarryOut(t, p.Action, p.Command)
		p.Remove()
		ctx, cancel := context.WithTimeout(t.Context(), hurried)
		defer cancel()
		if out, err := p.Action.Verify(ctx, p.Command, made); err == nil {
			t.Errorf("Verify finds %+v", out)
		}
	})
	t.Run("gone before undo", func(t *testing.T) {
		p := fresh(t)
		u, ok := p.Action.(consumers.Undoer)
		if !ok {
			return
		}
		made := CarryOut(t, p.Action, p.Command)
		p.Remove()
		if err := u.Undo(t.Context(), p.Command, made, false); err != nil && !fault.IsPermanent(err) {
			t.Errorf("Undo: %v; it would be tried for ever", err)
		}
	})
}

func (p Patient) subject() Subject { return Subject{Action: p.Action, Command: p.Command} }

// suffer makes the server ill before each step, and healthy after it.
func suffer(t *testing.T, p Patient, ill Illness) {
	s := p.subject()
	during := func(step string, call func(ctx context.Context) error) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		p.Fall(ill)
		err := call(ctx)
		p.Fall(Healthy)
		switch {
		case err == nil:
			t.Errorf("%s succeeds though %s", step, ill)
		case fault.IsPermanent(err) != (ill == Denied):
			t.Errorf("%s: permanent %t: %v", step, fault.IsPermanent(err), err)
		case ill == Throttled && step != "Verify" && fault.Wait(err) <= 0:
			t.Errorf("%s forgets how long to wait: %v", step, err)
		}
	}
	during("Plan", func(ctx context.Context) error { _, err := p.Action.Plan(ctx, p.Command); return err })
	made := plan(t, s)
	before, err := made.Hash()
	if err != nil {
		t.Fatal(err)
	}
	during("Apply", func(ctx context.Context) error { return p.Action.Apply(ctx, p.Command, made) })
	if again, err := plan(t, s).Hash(); err != nil || again != before {
		t.Errorf("Apply that failed changed the target (%v)", err)
	}
	apply(t, s, made)
	during("Verify", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, hurried)
		defer cancel()
		_, err := p.Action.Verify(ctx, p.Command, made)
		return err
	})
	if _, err := verify(t, s, made); err != nil {
		t.Errorf("Verify when it is over: %v", err)
	}
	u, ok := p.Action.(consumers.Undoer)
	if !ok {
		return
	}
	during("Undo", func(ctx context.Context) error { return u.Undo(ctx, p.Command, made, false) })
	if again := plan(t, s); !again.Empty() {
		t.Errorf("Undo that failed changed the target: %+v", again.Calls)
	}
	if err := undo(t, s, made, false); err != nil {
		t.Errorf("Undo when it is over: %v", err)
	}
	if again := plan(t, s); again.Empty() {
		t.Error("Undo when it is over took nothing back")
	}
}
