package actiontest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/actiontest"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// A lamp is the smallest target with a state; lamp is also the action that switches it on.
type lamp struct{ state string }

func (l *lamp) Plan(context.Context, schemas.Command) (schemas.Plan, error) {
	if l.state == "on" {
		return schemas.Plan{Summary: "is on"}, nil
	}
	before, err := json.Marshal(l.state)
	return schemas.Plan{Summary: "switch on", Calls: []schemas.Call{{Service: "lamp", Operation: "On"}}, Before: before, After: []byte(`"on"`)}, err
}

func (l *lamp) Apply(ctx context.Context, _ schemas.Command, _ schemas.Plan) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.state = "on"
	return nil
}

func (l *lamp) Verify(context.Context, schemas.Command, schemas.Plan) (schemas.Outcome, error) {
	if l.state != "on" {
		return schemas.Outcome{}, fmt.Errorf("it is %s", l.state)
	}
	return schemas.Outcome{After: []byte(`"on"`)}, nil
}

func (l *lamp) Undo(ctx context.Context, _ schemas.Command, p schemas.Plan, force bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	var before string
	if err := json.Unmarshal(p.Before, &before); err != nil {
		return fault.Permanent(err)
	}
	if l.state != "on" && l.state != before && !force {
		return fault.Permanent(fmt.Errorf("it is %s: %w", l.state, consumers.ErrChanged))
	}
	l.state = before
	return nil
}

func TestRun(t *testing.T) {
	t.Parallel()
	actiontest.Run(t, func(*testing.T) actiontest.Subject {
		l := &lamp{state: "off"}
		return actiontest.Subject{
			Action: l, Command: schemas.Command{ID: "1"}, State: func() any { return l.state }, Change: func() { l.state = "blinking" },
		}
	})
}
