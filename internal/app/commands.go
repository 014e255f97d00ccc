package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/schemas"
)

// deskFlags are common to the commands that work on the ledger.
type deskFlags struct {
	Data string `default:"data" env:"RIPOSTE_DATA" help:"Folder of 'riposte up', whose ledger is used where the configuration names none."`
	JSON bool   `name:"json" help:"Print JSON."`
}

type commandsCmd struct {
	deskFlags
	ID    string          `arg:"" optional:"" help:"Id of a command, or its beginning: shows all of it."`
	Lane  []schemas.Lane  `help:"Only these lanes." enum:"alert,block,remediate"`
	State []schemas.State `help:"Only these states."`
	Rule  string          `help:"Only commands of this rule."`
	Since time.Duration   `default:"24h" help:"Of finished commands only those of this time; what waits or is in force is always shown."`
	Limit int             `default:"100" help:"At most so many, the newest first."`
}

// Run lists commands, or shows one in full.
func (c *commandsCmd) Run(ctx context.Context, a *App) error {
	if c.Limit < 1 || c.Since < 0 {
		return misuse{errors.New("commands: --limit of at least 1 and --since of no less than 0 expected")}
	}
	return a.withDesk(ctx, c.deskFlags, func(d ledger.Desk) error {
		if c.ID != "" {
			e, err := one(ctx, d, c.ID)
			if err != nil {
				return err
			}
			if c.JSON {
				return a.printJSON(e)
			}
			a.show(e)
			return nil
		}
		entries, err := c.find(ctx, d)
		if err != nil {
			return err
		}
		return a.printEntries(entries, c.JSON)
	})
}

// find lists what waits or is in force, however old, and what has ended lately: the newest first.
func (c *commandsCmd) find(ctx context.Context, d ledger.Desk) ([]ledger.Entry, error) {
	states := c.State
	if len(states) == 0 {
		states = schemas.States()
	}
	var open, ended []schemas.State
	for _, s := range states {
		switch {
		case !slices.Contains(schemas.States(), s):
			return nil, misuse{fmt.Errorf("no state %q; there are %s", s, oneOf(schemas.States()))}
		case s.Terminal():
			ended = append(ended, s)
		default:
			open = append(open, s)
		}
	}
	var all []ledger.Entry
	for _, f := range []ledger.Filter{{States: open}, {States: ended, Since: time.Now().Add(-c.Since)}} {
		if len(f.States) == 0 {
			continue
		}
		f.Lanes, f.Rule, f.Limit = c.Lane, c.Rule, c.Limit
		entries, err := d.List(ctx, f)
		if err != nil {
			return nil, fmt.Errorf("commands: %w", err)
		}
		all = append(all, entries...)
	}
	slices.SortFunc(all, func(a, b ledger.Entry) int { return cmp.Compare(b.Seq, a.Seq) })
	return all[:min(len(all), c.Limit)], nil
}

// one finds the command that id, or the beginning of an id, names.
func one(ctx context.Context, d ledger.Desk, id string) (ledger.Entry, error) {
	entries, err := d.List(ctx, ledger.Filter{IDs: []string{id}, Limit: 2})
	switch {
	case err != nil:
		return ledger.Entry{}, fmt.Errorf("command %s: %w", id, err)
	case len(entries) == 0:
		return ledger.Entry{}, fmt.Errorf("command %s: %w", id, ledger.ErrNotFound)
	case len(entries) > 1:
		return ledger.Entry{}, misuse{fmt.Errorf("command %s: several ids begin so; give more of it", id)}
	}
	return entries[0], nil
}

func (a *App) printEntries(entries []ledger.Entry, asJSON bool) error {
	if asJSON {
		if entries == nil {
			entries = []ledger.Entry{}
		}
		return a.printJSON(entries)
	}
	if len(entries) == 0 {
		fmt.Fprintln(a.Out, "no commands")
		return nil
	}
	w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tDECIDED\tSTATE\tRULE\tLANE\tACTION\tTARGET\tWHAT")
	for _, e := range entries {
		cmd := e.Command
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", cmd.ID[:min(12, len(cmd.ID))], cmd.Created.Format(time.DateTime), stateText(e), clean(cmd.Rule), cmd.Lane,
			clean(cmd.Action), clean(cmd.Target.ID), clean(e.Outcome.Message))
	}
	return w.Flush()
}

// stateText is the state with what a person wants to know beside it.
func stateText(e ledger.Entry) string {
	if e.State == schemas.StateInForce && !e.Ends.IsZero() {
		return fmt.Sprintf("%s until %s", e.State, e.Ends.UTC().Format(time.DateTime))
	}
	return string(e.State)
}

// clean makes text from an event safe for a terminal: nothing of it may move the cursor or open a new line.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || (r >= 0x7f && r < 0xa0) {
			return '.'
		}
		return r
	}, s)
}

// show tells one command in full.
func (a *App) show(e ledger.Entry) {
	w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n", name, clean(fmt.Sprintf(format, args...)))
	}
	cmd := e.Command
	row("command", "%s", cmd.ID)
	row("state", "%s", stateText(e))
	row("rule", "%s (%s), edition %s", cmd.Rule, cmd.RuleTitle, cmd.RuleHash)
	row("step", "%s", cmd.Step)
	row("target", "%s", cmd.Target.Key())
	row("severity", "%s", cmd.Severity)
	row("event", "%s of %s from %q", cmd.EventUID, cmd.EventTime.UTC().Format(time.RFC3339Nano), cmd.Source)
	row("decided", "%s", cmd.Created.UTC().Format(time.RFC3339Nano))
	if len(cmd.With) > 0 {
		row("with", "%s", compact(cmd.With))
	}
	if e.Plan != nil {
		row("plan", "%s", e.Plan.Summary)
		for i, call := range e.Plan.Calls {
			row(fmt.Sprintf("  call %d", i+1), "%s:%s %s", call.Service, call.Operation, compact(call.Params))
		}
		if len(e.Plan.Before)+len(e.Plan.After) > 0 {
			row("before", "%s", e.Plan.Before)
			row("after", "%s", e.Plan.After)
		}
		if e.Plan.Approval != "" {
			row("asks", "%s", e.Plan.Approval)
		}
	}
	row("outcome", "%s", e.Outcome.Message)
	row("attempts", "%d", max(e.Attempts, e.Outcome.Attempts)) // a command that has ended counts none any more
	if e.Outcome.Error != "" {
		row("error", "%s", e.Outcome.Error)
	}
	if e.ApprovedBy != "" {
		row("approved by", "%s", e.ApprovedBy)
	}
	if e.Undo != nil {
		row("undo", "asked by %s at %s: %s", e.Undo.By, e.Undo.At.UTC().Format(time.RFC3339), e.Undo.Reason)
		if e.Undo.Refused != "" {
			row("undo refused", "%s", e.Undo.Refused)
		}
	}
	_ = w.Flush() // stdout of a table: nothing to do if it is gone
}

func compact(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func (a *App) printJSON(v any) error {
	if err := newEncoder(a.Out).Encode(v); err != nil {
		return fmt.Errorf("output: %w", err)
	}
	return nil
}
