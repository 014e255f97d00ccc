// Package guard holds what stands between a command and its effect. A guard looks at a command, and at the plan if there is one, and lets
// it pass or says in which state it ends or waits instead. Guards live in the worker: no action has to know of them.
package guard

import (
	"context"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/schemas"
)

// A Case is what a guard judges.
type Case struct {
	Now     time.Time
	Command schemas.Command
	// Plan is what would be done; nil for guards that are asked before planning.
	Plan *schemas.Plan
	// Past is what the rule has done to the target before; empty for alerts, and for guards that are asked before planning.
	Past ledger.Past
	// Touches is what the plan changes beside the target.
	Touches []schemas.Target
	// PlanHash identifies the plan, ApprovedHash the plan that a person approved ("": none), ApprovedBy that person.
	PlanHash, ApprovedHash, ApprovedBy string
	// Reversible tells whether the action can take its effect back.
	Reversible bool
	// DryRun is why nothing will be done whatever the guards say; "" in earnest. Guards that count effects count none then.
	DryRun string
}

// Approved tells whether a person approved this very plan.
func (c Case) Approved() bool { return c.ApprovedHash != "" && c.ApprovedHash == c.PlanHash }

// Alert tells whether the command only tells somebody something: most guards are for those that change something.
func (c Case) Alert() bool { return c.Command.Lane == schemas.LaneAlert }

// A Verdict is the state that a command takes instead of going on, and why, in one sentence for people. The zero Verdict lets it pass.
type Verdict struct {
	State  schemas.State
	Reason string
	// Notice is what somebody should hear of, whatever becomes of the command; nil for nothing.
	Notice *schemas.Notice
}

// Pass tells whether the command goes on.
func (v Verdict) Pass() bool { return v.State == "" }

// A Guard judges commands. It is safe for concurrent use. An error is one of the guard's own means, and brings the command again later.
type Guard interface {
	Check(ctx context.Context, c Case) (Verdict, error)
}

// Ask asks guards in order and returns the first verdict that is not a pass.
func Ask(ctx context.Context, guards []Guard, c Case) (Verdict, error) {
	for _, g := range guards {
		v, err := g.Check(ctx, c)
		if err != nil || !v.Pass() {
			return v, err
		}
	}
	return Verdict{}, nil
}

// ask is the verdict that a person has to decide.
func ask(reason string) Verdict { return Verdict{State: schemas.StateApproval, Reason: reason} }

// refuse is the verdict that nothing is done.
func refuse(reason string) Verdict { return Verdict{State: schemas.StateRefused, Reason: reason} }
