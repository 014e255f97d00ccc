package guard

import "context"

// Hold asks a person after an undo: taking an effect back comes back as an event, and the rule would act on it again at once.
type Hold struct{}

// Check is a Guard's. Alerts are not held.
func (Hold) Check(_ context.Context, c Case) (Verdict, error) {
	if c.Alert() || c.Approved() || c.Past.Held == "" {
		return Verdict{}, nil
	}
	return ask(c.Past.Held), nil
}
