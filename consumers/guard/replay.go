package guard

import "context"

// Replay keeps events that somebody has come again from acting by themselves: rules that are tried on what was, or decide anew, are for a person to judge.
type Replay struct{}

// Check is a Guard's.
func (Replay) Check(_ context.Context, c Case) (Verdict, error) {
	if c.Command.Replay == "" || c.Alert() || c.ApprovedHash != "" {
		return Verdict{}, nil
	}
	return ask("the event was replayed " + c.Command.Replay), nil
}
