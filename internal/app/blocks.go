package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/schemas"
)

type blocksCmd struct {
	List   blocksListCmd   `cmd:"" default:"withargs" help:"List what is in force now, and until when."`
	Extend blocksExtendCmd `cmd:"" help:"Let a block last longer, or less long."`
	Lift   blocksLiftCmd   `cmd:"" help:"Take a block back now."`
}

type blocksListCmd struct{ deskFlags }

// Run lists what is in force now.
func (c *blocksListCmd) Run(ctx context.Context, a *App) error {
	return a.withDesk(ctx, c.deskFlags, func(d ledger.Desk) error {
		entries, err := d.List(ctx, ledger.Filter{States: []schemas.State{schemas.StateInForce}, Limit: 100_000})
		if err != nil {
			return fmt.Errorf("blocks: %w", err)
		}
		return a.printEntries(entries, c.JSON)
	})
}

type blocksExtendCmd struct {
	deskFlags
	person
	ID  string        `arg:"" help:"Id of the command, or its beginning."`
	For time.Duration `required:"" help:"How long from now: 4h."`
}

// Run sets a new end.
func (c *blocksExtendCmd) Run(ctx context.Context, a *App) error {
	if c.For <= 0 {
		return misuse{errors.New("blocks extend: --for: a time from now on expected; blocks lift takes a block back at once")}
	}
	return a.withDesk(ctx, c.deskFlags, func(d ledger.Desk) error {
		e, err := one(ctx, d, c.ID)
		if err != nil {
			return err
		}
		now := time.Now().UTC()
		after, err := d.Prolong(ctx, now, e.Command.ID, now.Add(c.For), c.name(), c.Reason)
		if err != nil {
			return fmt.Errorf("blocks extend: %w", err)
		}
		if c.JSON {
			return a.printJSON(after)
		}
		fmt.Fprintf(a.Out, "%s %s on %s is %s\n", after.Command.ID, clean(after.Command.Action), clean(after.Command.Target.ID), stateText(after))
		return nil
	})
}

type blocksLiftCmd struct {
	deskFlags
	person
	ID    string        `arg:"" help:"Id of the command, or its beginning."`
	Force bool          `help:"Take it away even if somebody has changed it since, or another command keeps it in force."`
	Hold  time.Duration `default:"168h" help:"How long further commands of this rule on this target need approval."`
	Wait  time.Duration `default:"30s" help:"How long to wait for the consumer to do it; 0 does not wait."`
}

// Run takes a block back: it is an undo.
func (c *blocksLiftCmd) Run(ctx context.Context, a *App) error {
	undo := undoCmd{deskFlags: c.deskFlags, person: c.person, ID: c.ID, Force: c.Force, Hold: c.Hold, Wait: c.Wait}
	return undo.Run(ctx, a)
}
