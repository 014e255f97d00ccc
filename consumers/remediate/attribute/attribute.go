// Package attribute carries out actions that set one attribute of one thing: read it, say what it should be, write it. An action is a Row;
// what the contract asks of every action (a plan with its pre-image, repeats, verification, undo) is here, once.
package attribute

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// A Row is one action: how to read, want and write an attribute whose value is an S. S has a JSON form without loss.
type Row[S any] struct {
	// Noun names the attribute in messages: "the encryption of bucket logs".
	Noun func(cmd schemas.Command) string
	// Read reads the attribute. like is nil when planning; afterwards it is the plan's pre-image, which says where and what to read.
	Read func(ctx context.Context, cmd schemas.Command, like *S) (S, error)
	// Want says what should become of the value read. It calls nobody.
	Want func(cmd schemas.Command, current S) (Change[S], error)
	// Write makes from (just read) into to. It is one call, or calls of which none matters without the last, or Between knows what comes between.
	Write func(ctx context.Context, cmd schemas.Command, from, to S) error
	// Same tells whether two readings say the same of what the action sets.
	Same func(a, b S) bool
	// Between tells whether current may be a state on Write's way between before and after, left there by a crash, so that Apply and Undo go on
	// from there. nil: Write is one call, and there is none.
	Between func(current, before, after S) bool
	// Revert says what an undo makes of the current value; nil stands for before. It matters where current is neither before nor after: an
	// undo by force.
	Revert func(current, before, after S) S
	// Now is the clock, and Within how long a write may take to be seen.
	Now    func() time.Time
	Within time.Duration
}

// A Change is what Want wants. Without Calls, nothing.
type Change[S any] struct {
	Before, After S
	Summary       string
	Calls         []schemas.Call
	Approval      string
	Report        bool // Before is wrong, and only a person can mend it
}

// An Action is a row as an action: a consumers.Action and a consumers.Undoer.
type Action[S any] struct{ row Row[S] }

// New makes the action of a row.
func New[S any](r Row[S]) *Action[S] { return &Action[S]{r} }

// Plan implements consumers.Action.
func (a *Action[S]) Plan(ctx context.Context, cmd schemas.Command) (schemas.Plan, error) {
	current, err := a.row.Read(ctx, cmd, nil)
	if err != nil {
		return schemas.Plan{}, fmt.Errorf("%s: %w", a.row.Noun(cmd), cloud.Settle(err, cmd.EventTime, a.row.Now()))
	}
	c, err := a.row.Want(cmd, current)
	if err != nil {
		return schemas.Plan{}, fmt.Errorf("%s: %w", a.row.Noun(cmd), err)
	}
	p := schemas.Plan{Summary: c.Summary, Calls: c.Calls, Approval: c.Approval, Report: c.Report}
	if p.Before, err = json.Marshal(c.Before); err != nil {
		return schemas.Plan{}, fault.Permanent(fmt.Errorf("%s: pre-image: %w", a.row.Noun(cmd), err))
	}
	if p.After, err = json.Marshal(c.After); err != nil {
		return schemas.Plan{}, fault.Permanent(fmt.Errorf("%s: expected state: %w", a.row.Noun(cmd), err))
	}
	return p, nil
}

// Apply implements consumers.Action. What was changed between plan and effect is left alone: the error is permanent and wraps
// consumers.ErrChanged.
func (a *Action[S]) Apply(ctx context.Context, cmd schemas.Command, p schemas.Plan) error {
	if p.Empty() {
		return nil
	}
	before, after, current, err := a.read(ctx, cmd, p)
	if err != nil {
		return err
	}
	if a.row.Same(current, after) {
		return nil
	}
	if !a.row.Same(current, before) && !a.between(current, before, after) {
		return fault.Permanent(fmt.Errorf("%s: %w, between plan and effect", a.row.Noun(cmd), consumers.ErrChanged))
	}
	return a.write(ctx, cmd, current, after)
}

// Verify implements consumers.Action.
func (a *Action[S]) Verify(ctx context.Context, cmd schemas.Command, p schemas.Plan) (schemas.Outcome, error) {
	before, after, err := images[S](p)
	if err != nil {
		return schemas.Outcome{}, fmt.Errorf("%s: %w", a.row.Noun(cmd), err)
	}
	current, err := a.await(ctx, cmd, before, after)
	if err != nil {
		return schemas.Outcome{}, err
	}
	seen, err := json.Marshal(current)
	if err != nil {
		return schemas.Outcome{}, fault.Permanent(fmt.Errorf("%s: what was read: %w", a.row.Noun(cmd), err))
	}
	return schemas.Outcome{State: schemas.StateVerified, Message: p.Summary, After: seen}, nil
}

// Undo implements consumers.Undoer. It returns when the old value has been seen again.
func (a *Action[S]) Undo(ctx context.Context, cmd schemas.Command, p schemas.Plan, force bool) error {
	if p.Empty() {
		return nil
	}
	before, after, current, err := a.read(ctx, cmd, p)
	if err != nil {
		return err
	}
	if a.row.Same(current, before) {
		return nil
	}
	if !force && !a.row.Same(current, after) && !a.between(current, before, after) {
		return fault.Permanent(fmt.Errorf("%s: %w", a.row.Noun(cmd), consumers.ErrChanged))
	}
	to := before
	if a.row.Revert != nil {
		to = a.row.Revert(current, before, after)
	}
	if err := a.write(ctx, cmd, current, to); err != nil {
		return err
	}
	_, err = a.await(ctx, cmd, before, to)
	return err
}

func (a *Action[S]) between(current, before, after S) bool {
	return a.row.Between != nil && a.row.Between(current, before, after)
}

func (a *Action[S]) read(ctx context.Context, cmd schemas.Command, p schemas.Plan) (before, after, current S, err error) {
	if before, after, err = images[S](p); err == nil {
		current, err = a.row.Read(ctx, cmd, &before)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", a.row.Noun(cmd), err)
	}
	return before, after, current, err
}

func (a *Action[S]) write(ctx context.Context, cmd schemas.Command, from, to S) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: %w", a.row.Noun(cmd), err)
	}
	if err := a.row.Write(ctx, cmd, from, to); err != nil {
		return fmt.Errorf("%s: %w", a.row.Noun(cmd), err)
	}
	return nil
}

// await reads until the attribute is as wanted, and returns what was read last.
func (a *Action[S]) await(ctx context.Context, cmd schemas.Command, like, want S) (S, error) {
	var current S
	err := cloud.Await(ctx, a.row.Within, a.row.Noun(cmd), func(ctx context.Context) (bool, error) {
		var err error
		current, err = a.row.Read(ctx, cmd, &like)
		return err == nil && a.row.Same(current, want), err
	})
	if err != nil {
		return current, fmt.Errorf("%s: %w", a.row.Noun(cmd), err)
	}
	return current, nil
}

// Before decodes the pre-image of a plan that a row made.
func Before[S any](p schemas.Plan) (S, error) {
	before, _, err := images[S](p)
	return before, err
}

// images decodes the plan's two states. A plan that this action did not write cannot be carried out.
func images[S any](p schemas.Plan) (before, after S, err error) {
	if err := errors.Join(json.Unmarshal(p.Before, &before), json.Unmarshal(p.After, &after)); err != nil {
		return before, after, fault.Permanent(fmt.Errorf("the plan's states: %w", err))
	}
	return before, after, nil
}
