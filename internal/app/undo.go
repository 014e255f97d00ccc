package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/schemas"
)

type undoCmd struct {
	deskFlags
	person
	ID     string        `arg:"" optional:"" help:"Id of the command, or its beginning."`
	Rule   string        `help:"All that this rule did; with --since."`
	All    bool          `help:"All that was done; with --since."`
	Since  time.Duration `placeholder:"DURATION" help:"How far back --rule and --all go: 2h."`
	Force  bool          `help:"Restore even if the resource has changed since."`
	Hold   time.Duration `default:"168h" help:"How long further commands of this rule on this target need approval."`
	Wait   time.Duration `default:"30s" help:"How long to wait for the consumer to do it; 0 does not wait."`
	Yes    bool          `short:"y" help:"Do not ask."`
	DryRun bool          `help:"Only say what would be taken back."`
}

// Run asks for the undo and waits for what becomes of it.
func (c *undoCmd) Run(ctx context.Context, a *App) error {
	many := c.Rule != "" || c.All
	switch {
	case (c.ID == "") == !many, c.Rule != "" && c.All:
		return misuse{errors.New("undo: one of an id, --rule and --all expected")}
	case many && c.Since <= 0:
		return misuse{errors.New("undo: --since expected: how far back (2h)")}
	case c.Hold < 0 || c.Wait < 0:
		return misuse{errors.New("undo: --hold and --wait: no time below zero")}
	}
	return a.withDesk(ctx, c.deskFlags, func(d ledger.Desk) error {
		entries, err := c.find(ctx, d)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			fmt.Fprintln(a.Out, "nothing that could be taken back")
			return nil
		}
		if many || c.DryRun {
			if goes, err := c.preview(a, entries); err != nil || !goes {
				return err
			}
		}
		// Newest first: what was done twice to one thing is taken back in the other order. Workers go by the time that stands with the request.
		now := time.Now().UTC()
		var asked []ledger.Entry
		var refused []error
		for i, e := range entries {
			at := now.Add(time.Duration(i) * time.Microsecond)
			request := ledger.UndoRequest{By: c.name(), Reason: c.Reason, Force: c.Force, At: at}
			if request.Signature, err = a.signs(request.Text(e.Command.ID)); err != nil {
				return err
			}
			if err := d.RequestUndo(ctx, at, e.Command.ID, request, c.Hold); err != nil {
				refused = append(refused, fmt.Errorf("undo %s: %w", e.Command.ID, err)) // its time may just have ended, which is no reason to leave the others
				continue
			}
			asked = append(asked, e)
		}
		if c.Wait == 0 {
			for _, e := range asked {
				fmt.Fprintf(a.Out, "%s: undo asked for; a consumer of lane %s does it\n", e.Command.ID, e.Command.Lane)
			}
			return errors.Join(refused...)
		}
		return errors.Join(append(refused, c.await(ctx, a, d, asked))...)
	})
}

// find returns what is to be taken back, the newest first.
func (c *undoCmd) find(ctx context.Context, d ledger.Desk) ([]ledger.Entry, error) {
	if c.ID != "" {
		e, err := one(ctx, d, c.ID)
		switch {
		case err != nil:
			return nil, err
		case e.Command.Lane == schemas.LaneAlert:
			return nil, fmt.Errorf("undo %s: what was sent is sent", e.Command.ID)
		case !e.Standing():
			return nil, fmt.Errorf("undo: command %s: %w: it is %s, and has no effect to take back", e.Command.ID, ledger.ErrState, e.State)
		}
		return []ledger.Entry{e}, nil
	}
	const most = 100_000
	all, err := d.List(ctx, ledger.Filter{
		Rule: c.Rule, Since: time.Now().Add(-c.Since), Limit: most, Lanes: schemas.EffectLanes(),
		States: []schemas.State{schemas.StateVerified, schemas.StateInForce, schemas.StateFailed},
	})
	if err != nil {
		return nil, fmt.Errorf("undo: %w", err)
	}
	var standing []ledger.Entry
	for _, e := range all {
		if e.Standing() {
			standing = append(standing, e)
		}
	}
	return standing, nil
}

// preview shows what would be taken back, and asks.
func (c *undoCmd) preview(a *App, entries []ledger.Entry) (goes bool, err error) {
	if c.JSON {
		if err := a.printJSON(entries); err != nil {
			return false, err
		}
	} else {
		for _, e := range entries {
			summary := e.Outcome.Message
			if e.Plan != nil {
				summary = e.Plan.Summary
			}
			fmt.Fprintf(a.Out, "%s  %s  %s on %s: takes back: %s\n", e.Command.ID[:min(12, len(e.Command.ID))], stateText(e), clean(e.Command.Action),
				clean(e.Command.Target.ID), clean(summary))
		}
	}
	if c.DryRun {
		return false, nil
	}
	if c.Yes {
		return true, nil
	}
	return a.confirm("undo", fmt.Sprintf("take back these %d, the newest first?", len(entries)))
}

// await polls until consumers have carried the undos out or refused them. A refusal of one does not keep from waiting for the others.
func (c *undoCmd) await(ctx context.Context, a *App, d ledger.Desk, entries []ledger.Entry) error {
	ctx, cancel := context.WithTimeout(ctx, c.Wait)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	var refused []error
	for _, want := range entries {
		id := want.Command.ID
		for done := false; !done; {
			e, err := one(ctx, d, id)
			switch {
			case errors.Is(err, context.DeadlineExceeded):
			case err != nil:
				return err
			case e.State == schemas.StateUndone:
				fmt.Fprintf(a.Out, "%s undone: %s\n", id, clean(e.Outcome.Message))
				done = true
			case e.Undo != nil && e.Undo.Refused != "":
				refused = append(refused, fmt.Errorf("undo %s refused: %s", id, clean(e.Undo.Refused)))
				done = true
			}
			if done {
				break
			}
			select {
			case <-ctx.Done():
				return errors.Join(append(refused, fmt.Errorf("undo %s: asked for, not done within %s; is a consumer of its lane running? (riposte commands %s)",
					id, c.Wait, id[:min(12, len(id))]))...)
			case <-tick.C:
			}
		}
	}
	return errors.Join(refused...)
}
