package guard

import (
	"context"
	"time"
)

// Hold asks a person after an undo: taking an effect back comes back as an event, and the rule would act on it again at once.
type Hold struct {
	// Held tells whether a hold on rule and target is in force, and why: "" if none is.
	Held func(ctx context.Context, now time.Time, rule, target string) (string, error)
}

// Check is a Guard's. Alerts are not held.
func (g Hold) Check(ctx context.Context, c Case) (Verdict, error) {
	if c.Alert() || c.Approved() {
		return Verdict{}, nil
	}
	why, err := g.Held(ctx, c.Now, c.Command.Rule, c.Command.Target.Key())
	if err != nil || why == "" {
		return Verdict{}, err
	}
	return ask(why), nil
}
