package app

import (
	"context"
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
		what, now := ledger.Decision{Approve: verb == "approve", By: c.name(), Reason: c.Reason, Via: ledger.ViaCLI}, time.Now().UTC()
		if e.Plan != nil {
			if what.Plan, err = e.Plan.Hash(); err != nil {
				return fmt.Errorf("%s: %w", verb, err)
			}
		}
		if what.Signature, err = a.signs(what.Approval(now).Text(e.Command.ID)); err != nil {
			return err
		}
		after, err := d.Decide(ctx, now, e.Command.ID, what)
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
