package guard

import (
	"context"

	"github.com/riposte-security/riposte/schemas"
)

// Approval asks a person where the rule or the plan says so, and once more where the plan is not the one that was approved.
type Approval struct{}

// Check is a Guard's.
func (Approval) Check(_ context.Context, c Case) (Verdict, error) {
	wait := func(reason string) (Verdict, error) {
		return Verdict{State: schemas.StateApproval, Reason: reason}, nil
	}
	switch {
	case c.Approved():
		return Verdict{}, nil
	case c.ApprovedHash != "":
		return wait("the plan has changed since " + c.ApprovedBy + " approved it")
	case c.Command.Approval == "required":
		return wait("the rule says approval: required")
	case c.Plan != nil && c.Plan.Approval != "":
		return wait(c.Plan.Approval)
	}
	return Verdict{}, nil
}
