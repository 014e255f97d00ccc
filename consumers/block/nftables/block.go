// Package nftables drops what comes from an address, by nftables on the host that it runs on. Several commands, processes and people may write to the
// sets: a command adds and removes its own address and leaves the rest as it is.
package nftables

import (
	"context"
	"fmt"
	"time"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/block/address"
	"github.com/riposte-security/riposte/consumers/block/batch"
	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/schemas"
)

const (
	within = 10 * time.Second
	// slack is by how much an element may end before its command, without being renewed.
	slack = time.Minute
)

// Deps is what the action is made of.
type Deps struct {
	Run Runner
	Now func() time.Time
}

// state is whether an address is dropped. What else is in the set is none of the command's business.
type state struct {
	Table   string `json:"table"`
	Set     string `json:"set"`
	Address string `json:"address"`
	Present bool   `json:"present"`
	// Left is what is left of the element's time, as nft says it; empty for one without end.
	Left string `json:"left,omitempty"`

	table table
	short bool // it would end before the command does
}

// OnHost makes the action for the host that it runs on.
func OnHost(now func() time.Time) consumers.Action { return New(Deps{Run: Run, Now: now}) }

// New makes the action. Commands that drop one address in one table share their effect.
func New(d Deps) consumers.Action {
	b := &blocker{Deps: d, turn: batch.NewTurn()}
	b.Action = attribute.New(attribute.Row[state]{
		Noun:   func(cmd schemas.Command) string { return "address " + cmd.Target.ID },
		Read:   b.read,
		Want:   want,
		Write:  b.write,
		Same:   func(x, y state) bool { return x.Present == y.Present },
		Now:    d.Now,
		Within: within,
	})
	return b
}

type blocker struct {
	*attribute.Action[state]
	Deps
	turn batch.Turn // of the one who writes, so that no two make the same rule
}

// Enforcer implements consumers.Sharer: it is the table.
func (b *blocker) Enforcer(cmd schemas.Command) string {
	s, err := settingsOf(cmd)
	if err != nil {
		return ""
	}
	return s.Table
}

// Apply implements consumers.Action. An element that is there, but ends before the command does, is made to last: cmd.For is what is left of its time.
func (b *blocker) Apply(ctx context.Context, cmd schemas.Command, p schemas.Plan) error {
	if p.Empty() {
		return nil
	}
	current, err := b.read(ctx, cmd, nil)
	if err == nil && current.short {
		err = b.write(ctx, cmd, current, state{Present: true})
	}
	if err != nil {
		return fmt.Errorf("address %s: %w", cmd.Target.ID, err)
	}
	return b.Action.Apply(ctx, cmd, p)
}

func (b *blocker) read(ctx context.Context, cmd schemas.Command, like *state) (state, error) {
	p, err := address.Of(cmd)
	if err != nil {
		return state{}, err
	}
	set, err := settingsOf(cmd)
	if err != nil {
		return state{}, err
	}
	if like == nil {
		if err := address.Refuse(p, set.Never); err != nil {
			return state{}, err
		}
	}
	s := state{Table: set.Table, Set: setOf(p), Address: p.String()}
	if s.table, err = read(ctx, b.Run, set.Table); err != nil {
		return s, err
	}
	h, found := s.table.find(p)
	s.Present = found
	if found && h.Timed {
		s.Left = h.Expires.String()
		s.short = cmd.For == 0 || h.Expires+slack < time.Duration(cmd.For)
	}
	return s, nil
}

// want: what is there with a time of its own goes by itself, so an undo does not put it back.
func want(cmd schemas.Command, current state) (attribute.Change[state], error) {
	c := attribute.Change[state]{Before: current, After: current}
	c.Before.Left, c.After.Left, c.After.Present = "", "", true
	if current.Present && !current.short {
		c.Summary = fmt.Sprintf("%s is in set %s of table %s already", current.Address, current.Set, current.Table)
		return c, nil
	}
	c.Before.Present = false
	c.Summary = fmt.Sprintf("drop what comes from %s%s (set %s of table %s)", current.Address, attribute.Lasting(cmd), current.Set, current.Table)
	p, err := address.Of(cmd)
	if err != nil {
		return c, err
	}
	for _, x := range current.table.put(current.Table, p, time.Duration(cmd.For)) {
		verb, kind, object := x.parts()
		params, ok := object.(map[string]any)
		if !ok {
			continue
		}
		c.Calls = append(c.Calls, schemas.Call{Service: "nft", Operation: verb + " " + kind, Params: params})
	}
	return c, nil
}

// write makes the change in one step of nft. What there is, is read again: others write as well.
func (b *blocker) write(ctx context.Context, cmd schemas.Command, from, to state) error {
	p, err := address.Of(cmd)
	if err != nil {
		return err
	}
	release, err := b.turn.Take(ctx)
	if err != nil {
		return err
	}
	defer release()
	t, err := read(ctx, b.Run, from.Table)
	if err != nil {
		return err
	}
	commands := t.take(from.Table, p)
	if to.Present {
		commands = t.put(from.Table, p, time.Duration(cmd.For))
	}
	if len(commands) == 0 {
		return nil
	}
	_, err = do(ctx, b.Run, commands...)
	return err
}
