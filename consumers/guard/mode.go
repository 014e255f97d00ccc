package guard

import (
	"github.com/riposte-security/riposte/schemas"
)

// DryRun is the mode in which everything is read and planned, every guard is asked, and nothing is done.
const DryRun = "dry_run"

// Enforce is the mode in which plans are carried out.
const Enforce = "enforce"

// Mode says whether a command is a dry run, and why; "" if it is in earnest. configured is the mode of the configuration, because the setting that says
// so. The rule may lower the mode, never raise it. A dry run is an end: enforcing later does not bring it back.
func Mode(cmd schemas.Command, configured, because string) (dryRun string) {
	switch {
	case cmd.Mode == DryRun:
		return "the rule says mode: dry_run"
	case configured != Enforce:
		return because
	}
	return ""
}

// InDryRun is what a verdict amounts to where nothing will be done: what would have waited for a person ends as a dry run that says so.
func InDryRun(v Verdict, why string) Verdict {
	if v.Pass() {
		return Verdict{State: schemas.StateDryRun, Reason: why}
	}
	if v.State == schemas.StateApproval {
		return Verdict{State: schemas.StateDryRun, Reason: why + "; in earnest it would wait for an approval: " + v.Reason}
	}
	return v
}
