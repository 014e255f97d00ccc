package attribute

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/actiontest"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// lamp is the thing with the attribute: a colour that should be green. lag is how many reads a write takes to be seen.
type lamp struct {
	colour, seen string
	lag, wait    int
	err          error
}

func (l *lamp) row() Row[string] {
	return Row[string]{
		Noun: func(cmd schemas.Command) string { return "lamp " + cmd.Target.ID },
		Read: func(context.Context, schemas.Command, *string) (string, error) {
			if l.wait--; l.wait < 0 {
				l.seen = l.colour
			}
			return l.seen, l.err
		},
		Want: func(_ schemas.Command, current string) (Change[string], error) {
			c := Change[string]{Before: current, After: "green", Summary: "make it green"}
			if current != "green" {
				c.Calls = []schemas.Call{{Service: "lamp", Operation: "Paint"}}
			}
			return c, nil
		},
		Write: func(_ context.Context, _ schemas.Command, _, to string) error {
			l.colour, l.wait = to, l.lag
			return nil
		},
		Same:   func(a, b string) bool { return a == b },
		Now:    time.Now,
		Within: 30 * time.Second,
	}
}

func command() schemas.Command { return schemas.Command{Target: schemas.Target{ID: "l1"}} }

func TestContract(t *testing.T) {
	actiontest.Run(t, func(*testing.T) actiontest.Subject {
		l := &lamp{colour: "red"}
		return actiontest.Subject{Action: New(l.row()), Command: command(), State: func() any { return l.colour }, Change: func() { l.colour = "blue" }}
	})
}

func TestChangedBeforeApply(t *testing.T) {
	l := &lamp{colour: "red"}
	a := New(l.row())
	p, err := a.Plan(t.Context(), command())
	if err != nil {
		t.Fatal(err)
	}
	l.colour = "blue"
	if err := a.Apply(t.Context(), command(), p); !errors.Is(err, consumers.ErrChanged) || !fault.IsPermanent(err) || l.colour != "blue" {
		t.Errorf("%v; it is %s", err, l.colour)
	}
}

// What was written may be seen late: Verify waits for it, but not for ever, and Undo waits for the old value.
func TestLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &lamp{colour: "red", lag: 5}
		a := New(l.row())
		p, err := a.Plan(t.Context(), command())
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Apply(t.Context(), command(), p); err != nil {
			t.Fatal(err)
		}
		out, err := a.Verify(t.Context(), command(), p)
		if err != nil || string(out.After) != `"green"` || out.State != schemas.StateVerified {
			t.Errorf("%+v, %v", out, err)
		}
		if err := a.Undo(t.Context(), command(), p, false); err != nil || l.seen != "red" {
			t.Errorf("undo: %v, seen is %s", err, l.seen)
		}
		begin := time.Now()
		if _, err := a.Verify(t.Context(), command(), p); err == nil || fault.IsPermanent(err) || !strings.Contains(err.Error(), "lamp l1") {
			t.Errorf("never green: %v", err)
		}
		if d := time.Since(begin); d > time.Minute {
			t.Errorf("waited %s", d)
		}
	})
}

// What a crash left half-way is gone on with, both ways; a state that is none of Write's is not.
func TestBetween(t *testing.T) {
	for colour, goesOn := range map[string]bool{"yellow": true, "blue": false} {
		l := &lamp{colour: "red"}
		row := l.row()
		row.Between = func(current, before, after string) bool {
			return before == "red" && after == "green" && current == "yellow"
		}
		a := New(row)
		p, err := a.Plan(t.Context(), command())
		if err != nil {
			t.Fatal(err)
		}
		l.colour = colour
		if err := a.Apply(t.Context(), command(), p); (err == nil) != goesOn || goesOn && l.colour != "green" || err != nil && !errors.Is(err, consumers.ErrChanged) {
			t.Errorf("apply from %s: %v, it is %s", colour, err, l.colour)
		}
		l.colour = colour
		if err := a.Undo(t.Context(), command(), p, false); (err == nil) != goesOn || goesOn && l.colour != "red" || err != nil && !errors.Is(err, consumers.ErrChanged) {
			t.Errorf("undo from %s: %v, it is %s", colour, err, l.colour)
		}
	}
}

func TestStrings(t *testing.T) {
	for with, want := range map[any]string{"a": "a", "": "", nil: ""} {
		s := struct {
			Of Strings `json:"of"`
		}{Strings{"default"}}
		if err := Settings(schemas.Command{With: map[string]any{"of": with}}, &s); err != nil || strings.Join(s.Of, ",") != want {
			t.Errorf("%v: %v, %v", with, s.Of, err)
		}
	}
	var s struct {
		Of Strings `json:"of"`
	}
	if err := Settings(schemas.Command{With: map[string]any{"of": []any{"a", "b"}}}, &s); err != nil || strings.Join(s.Of, ",") != "a,b" {
		t.Errorf("%v, %v", s.Of, err)
	}
	for _, with := range []any{7, []any{7}, map[string]any{}} {
		if err := Settings(schemas.Command{With: map[string]any{"of": with}}, &s); !fault.IsPermanent(err) {
			t.Errorf("%v: %v", with, err)
		}
	}
}

func TestForeignPlan(t *testing.T) {
	l := &lamp{colour: "red"}
	a := New(l.row())
	p := schemas.Plan{Calls: []schemas.Call{{Service: "lamp", Operation: "Paint"}}, Before: []byte(`{"a":1}`), After: []byte(`7`)}
	_, verr := a.Verify(t.Context(), command(), p)
	for _, err := range []error{a.Apply(t.Context(), command(), p), verr, a.Undo(t.Context(), command(), p, true)} {
		if !fault.IsPermanent(err) {
			t.Errorf("a plan of another action: %v", err)
		}
	}
	if l.colour != "red" {
		t.Errorf("it is %s", l.colour)
	}
}

func TestReadFails(t *testing.T) {
	l := &lamp{err: errors.New("away")}
	if _, err := New(l.row()).Plan(t.Context(), command()); err == nil || fault.IsPermanent(err) {
		t.Errorf("%v", err)
	}
}

func TestSettings(t *testing.T) {
	var s struct {
		Colour string `json:"colour"`
		Level  int    `json:"level"`
	}
	s.Level = 3
	if err := Settings(schemas.Command{With: map[string]any{"colour": "red"}}, &s); err != nil || s.Colour != "red" || s.Level != 3 {
		t.Errorf("%+v, %v", s, err)
	}
	for _, with := range []map[string]any{{"color": "red"}, {"level": "high"}, {"colour": []any{}}, {"colour": func() {}}} {
		if err := Settings(schemas.Command{With: with}, &s); !fault.IsPermanent(err) {
			t.Errorf("%v: %v", with, err)
		}
	}
}
