package app

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/schemas"
)

// person says who decides and why: it is recorded with the decision.
type person struct {
	By     string `help:"Who decides; by default the user of this session." env:"RIPOSTE_BY"`
	Reason string `help:"Why."`
}

func (p person) name() string {
	if p.By != "" {
		return p.By
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "unknown"
}

// decision is what approve and reject share.
type decision struct {
	deskFlags
	person
	ID string `arg:"" help:"Id of the command, or its beginning."`
}

type (
	approveCmd struct{ decision }
	rejectCmd  struct{ decision }
)

// Run approves the plan as it is stored.
func (c *approveCmd) Run(ctx context.Context, a *App) error { return c.decide(ctx, a, "approve") }

// Run ends the command without effect.
func (c *rejectCmd) Run(ctx context.Context, a *App) error { return c.decide(ctx, a, "reject") }

func (c *decision) decide(ctx context.Context, a *App, verb string) error {
	return a.withDesk(ctx, c.deskFlags, func(d ledger.Desk) error {
		e, err := one(ctx, d, c.ID)
		if err != nil {
			return err
		}
		after, err := d.Decide(ctx, time.Now().UTC(), e.Command.ID, ledger.Decision{Approve: verb == "approve", By: c.name(), Reason: c.Reason, Via: "cli"})
		if err != nil {
			return fmt.Errorf("%s: %w", verb, err)
		}
		if verb == "reject" {
			fmt.Fprintf(a.Out, "%s rejected by %s\n", e.Command.ID, clean(c.name()))
			return nil
		}
		if after.State == schemas.StateApproval {
			fmt.Fprintf(a.Out, "%s approved by %s; it takes %d people, so another has to approve as well\n", e.Command.ID, clean(c.name()), after.Outcome.Approvers)
			return nil
		}
		fmt.Fprintf(a.Out, "%s approved by %s; it runs if the plan is still the same then:\n", e.Command.ID, clean(c.name()))
		if e.Plan != nil {
			fmt.Fprintln(a.Out, "  "+clean(e.Plan.Summary))
		}
		return nil
	})
}

type undoCmd struct {
	deskFlags
	person
	ID    string        `arg:"" help:"Id of the command, or its beginning."`
	Force bool          `help:"Restore even if the resource has changed since."`
	Hold  time.Duration `default:"168h" help:"How long further commands of this rule on this target need approval."`
	Wait  time.Duration `default:"30s" help:"How long to wait for the consumer to do it; 0 does not wait."`
}

// Run asks for the undo and waits for what becomes of it.
func (c *undoCmd) Run(ctx context.Context, a *App) error {
	return a.withDesk(ctx, c.deskFlags, func(d ledger.Desk) error {
		e, err := one(ctx, d, c.ID)
		if err != nil {
			return err
		}
		id := e.Command.ID
		if e.Command.Lane == schemas.LaneAlert {
			return fmt.Errorf("undo %s: what was sent is sent", id)
		}
		now := time.Now().UTC()
		request := ledger.UndoRequest{By: c.name(), Reason: c.Reason, Force: c.Force, At: now}
		if err := d.RequestUndo(ctx, now, id, request, c.Hold); err != nil {
			return fmt.Errorf("undo: %w", err)
		}
		if c.Wait == 0 {
			fmt.Fprintf(a.Out, "%s: undo asked for; a consumer of lane %s does it\n", id, e.Command.Lane)
			return nil
		}
		return c.await(ctx, a, d, id)
	})
}

// await polls until a consumer has carried the undo out or refused it.
func (c *undoCmd) await(ctx context.Context, a *App, d ledger.Desk, id string) error {
	ctx, cancel := context.WithTimeout(ctx, c.Wait)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		e, err := one(ctx, d, id)
		switch {
		case errors.Is(err, context.DeadlineExceeded):
		case err != nil:
			return err
		case e.State == schemas.StateUndone:
			fmt.Fprintf(a.Out, "%s undone: %s\n", id, clean(e.Outcome.Message))
			return nil
		case e.Undo != nil && e.Undo.Refused != "":
			return fmt.Errorf("undo %s refused: %s", id, clean(e.Undo.Refused))
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("undo %s: asked for, not done within %s; is a consumer of its lane running? (riposte commands %s)", id, c.Wait, id[:min(12, len(id))])
		case <-tick.C:
		}
	}
}
