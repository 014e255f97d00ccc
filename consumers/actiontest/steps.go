package actiontest

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/schemas"
)

func plan(t *testing.T, s Subject) schemas.Plan {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	p, err := s.Action.Plan(ctx, s.Command)
	if err != nil {
		t.Fatalf("Plan: %v", err)
	}
	return p
}

func apply(t *testing.T, s Subject, p schemas.Plan) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.Action.Apply(ctx, s.Command, p); err != nil {
		t.Fatalf("Apply: %v", err)
	}
}

// CarryOut plans a command and applies the plan, which it returns.
func CarryOut(t *testing.T, a consumers.Action, cmd schemas.Command) schemas.Plan {
	t.Helper()
	s := Subject{Action: a, Command: cmd}
	p := plan(t, s)
	apply(t, s, p)
	return p
}

func verify(t *testing.T, s Subject, p schemas.Plan) (schemas.Outcome, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return s.Action.Verify(ctx, s.Command, p)
}

func undo(t *testing.T, s Subject, p schemas.Plan, force bool) error {
	t.Helper()
	u, ok := s.Action.(consumers.Undoer)
	if !ok {
		t.Fatal("the action has no Undo")
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return u.Undo(ctx, s.Command, p, force)
}

// state returns the fake's state as JSON makes it, so that two readings can be compared.
func state(t *testing.T, s Subject) any {
	t.Helper()
	b, err := json.Marshal(s.State())
	if err != nil {
		t.Fatalf("the subject's state: %v", err)
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("the subject's state: %v", err)
	}
	return v
}

// roundTrip returns the plan as it comes back from the ledger.
func roundTrip(t *testing.T, p schemas.Plan) schemas.Plan {
	t.Helper()
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatalf("the plan: %v", err)
	}
	var back schemas.Plan
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatalf("the plan: %v", err)
	}
	h1, err1 := p.Hash()
	h2, err2 := back.Hash()
	if err1 != nil || err2 != nil || h1 != h2 {
		t.Fatalf("the plan changes its hash on the way through the ledger: %s (%v), %s (%v)", h1, err1, h2, err2)
	}
	return back
}

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-before +after):\n%s", what, d)
	}
}

// within fails the test when call succeeds, or has not returned after a while.
func within(t *testing.T, what string, call func() error) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- call() }()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case err := <-done:
		if err == nil {
			t.Errorf("%s under an ended context succeeded", what)
		}
	case <-timer.C:
		t.Fatalf("%s under an ended context did not return within %s", what, patience)
	}
}
