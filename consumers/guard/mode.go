package guard

import (
	"context"

	"github.com/riposte-security/riposte/schemas"
)

// DryRun is the mode in which everything is read and planned, and nothing is done.
const DryRun = "dry_run"

// Enforce is the mode in which plans are carried out.
const Enforce = "enforce"

// Mode ends a command as a dry run where the configuration does not enforce. The rule may lower the mode, never raise it. A dry run
// is an end: enforcing later does not bring it back.
type Mode struct {
	// Of returns the configured mode of a command, and the setting that says so.
	Of func(cmd schemas.Command) (mode, because string)
}

// Check is a Guard's.
func (g Mode) Check(_ context.Context, c Case) (Verdict, error) {
	if c.Command.Mode == DryRun {
		return Verdict{State: schemas.StateDryRun, Reason: "the rule says mode: dry_run"}, nil
	}
	mode, because := g.Of(c.Command)
	if mode == Enforce {
		return Verdict{}, nil
	}
	return Verdict{State: schemas.StateDryRun, Reason: because}, nil
}
