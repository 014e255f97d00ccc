package guard

import (
	"context"

	"github.com/riposte-security/riposte/schemas"
)

// Approval asks a person where the configuration, the rule, the action or the plan says so, and once more where the plan is not the one that was
// approved. That an action cannot take its effect back is a reason which the configuration and the rule may waive; no other is.
type Approval struct {
	// Of says what the configuration wants of an action; nil: nothing.
	Of func(cmd schemas.Command) Wanted
}

// Wanted is what the configuration says of approvals of an action.
type Wanted struct {
	Required bool // always
	Waived   bool // not even where the action cannot take its effect back
	Because  string
}

// Check is a Guard's. Alerts ask only where their rule says so.
func (g Approval) Check(_ context.Context, c Case) (Verdict, error) {
	var wanted Wanted
	if g.Of != nil {
		wanted = g.Of(c.Command)
	}
	reason := ""
	switch {
	case c.Approved():
		return Verdict{}, nil
	case c.ApprovedHash != "":
		reason = "the plan has changed since " + c.ApprovedBy + " approved it"
	case c.Command.Approval == schemas.ApprovalRequired:
		reason = "the rule says approval: required"
	case c.Plan != nil && c.Plan.Approval != "":
		reason = c.Plan.Approval
	case wanted.Required:
		reason = wanted.Because
	case !c.Reversible && !c.Alert() && !wanted.Waived && c.Command.Approval != schemas.ApprovalWaived:
		reason = "the action cannot take its effect back"
	default:
		return Verdict{}, nil
	}
	return ask(reason), nil
}
