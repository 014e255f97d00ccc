// Package consumers carries out commands: it records them in the ledger, plans, guards, applies, verifies, and publishes what became of
// them.
package consumers

import (
	"context"
	"time"

	"github.com/riposte-security/riposte/schemas"
)

// An Action carries out one kind of command, in steps that a crash cannot tear apart. The ledger stores the plan before Apply.
// Every error is retried unless marked with fault.Permanent. Actions are safe for concurrent use.
type Action interface {
	// Plan reads the state of the target and says what would have to be done. It changes nothing. An empty plan means that the target is
	// already as it should be, or, with Report, that a person has to make it so.
	Plan(ctx context.Context, cmd schemas.Command) (schemas.Plan, error)
	// Apply carries the plan out. It is idempotent by state: called again after a crash, it ends in the same state. Where the receiver
	// takes an idempotency key, it is the command's id.
	Apply(ctx context.Context, cmd schemas.Command, p schemas.Plan) error
	// Verify reads the target again, until it is as planned or a deadline of the action's own is over (an error then). The outcome's After
	// holds what was read.
	Verify(ctx context.Context, cmd schemas.Command, p schemas.Plan) (schemas.Outcome, error)
}

// An Undoer can take its effect back.
type Undoer interface {
	// Undo restores what p.Before holds. If the target is no longer as p.After says, somebody changed it since: Undo then returns a permanent
	// error that wraps ErrChanged, unless force is set. It is idempotent by state: a target that already is as before is not an error.
	Undo(ctx context.Context, cmd schemas.Command, p schemas.Plan, force bool) error
}

// A Poller is an action that starts something which goes on by itself, perhaps for hours: an execution, a task, a job. The worker calls Start in the place of
// Apply, and Poll in the place of Verify, at due times that the ledger keeps: no worker waits, and a restart goes on where it was. What was started is no
// state of the target, so that nobody looks later whether it still holds.
type Poller interface {
	// Start carries the plan out and says what was started, which goes into the ledger with the plan; Since may be left out. It may be called again when its answer
	// was lost, and then finds what the command has started, or starts it under the same idempotency key.
	Start(ctx context.Context, cmd schemas.Command, p schemas.Plan) (schemas.Run, error)
	// Poll reads how far p.Run is. A wait above zero is when to ask again, and the outcome's message how far it is by then; zero says that it has ended well, and
	// the outcome's After holds its result. What has ended badly, or has not ended in its time, is a permanent error.
	Poll(ctx context.Context, cmd schemas.Command, p schemas.Plan) (out schemas.Outcome, wait time.Duration, err error)
}

// ErrChanged says that the target was changed by somebody else since the action's effect.
const ErrChanged = changedError("the resource has changed since")

type changedError string

func (e changedError) Error() string { return string(e) }

// A Toucher is an action whose calls change something beside the target, as the IP set that an address goes into. What is never touched is not touched by way of
// it either.
type Toucher interface {
	// Touches names what carrying out p changes, but for the target. It does no I/O.
	Touches(cmd schemas.Command, p schemas.Plan) ([]schemas.Target, error)
}

// An Inspector is a Sharer whose enforcers hold the effects of many commands, as entries that others can edit: an IP set, a rule group, a network
// ACL. It reads all of one at once, so that what is in force can be compared with what is really there.
type Inspector interface {
	Sharer
	// Inspect reads the enforcer of cmds, of which there is at least one, and for which Enforcer says the same. It returns the ids of the commands whose
	// effect is not in there, and what is in there as the effect of none of them, spelt as the id of a target. It changes nothing.
	Inspect(ctx context.Context, cmds []schemas.Command) (missing, others []string, err error)
}
