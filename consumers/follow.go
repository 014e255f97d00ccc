package consumers

import (
	"context"
	"errors"
	"time"

	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// start starts what the plan starts, unless the ledger says that it was, and looks how far it is.
func (j *job) start(ctx context.Context, action Poller) error {
	if j.e.Plan.Run == nil {
		if l, ok := action.(Lingerer); ok && l.Lingers(j.e.Command) {
			long := j.s.long[j.e.Command.Lane]
			over, ok := long.begin(j.leave)
			if !ok {
				return j.postpone(ctx, long.most)
			}
			defer over()
		}
		var run schemas.Run
		err := guarded(func() (err error) { run, err = action.Start(ctx, j.e.Command, *j.e.Plan); return err })
		if err != nil {
			return j.failed(ctx, err)
		}
		j.s.m.effect(j.e.Command, j.s.d.Now())
		if run.Since.IsZero() {
			run.Since = j.s.d.Now().UTC()
		}
		p := *j.e.Plan // others may hold the old one
		p.Run = &run
		j.e.Plan = &p
	}
	j.e.State = schemas.StateVerifying
	if err := j.checkpoint(ctx); err != nil { // before the first question: nothing may lose what was started
		return err
	}
	return j.poll(ctx, action)
}

// poll asks how far a run is, and leaves it to a later time if it has not ended.
func (j *job) poll(ctx context.Context, action Poller) error {
	if j.e.Plan.Run == nil {
		return j.failed(ctx, fault.Permanent(errors.New("nobody knows what was started")))
	}
	var out schemas.Outcome
	var wait time.Duration
	err := guarded(func() (err error) { out, wait, err = action.Poll(ctx, j.e.Command, *j.e.Plan); return err })
	if err != nil {
		return j.failed(ctx, err)
	}
	if wait <= 0 {
		if out.Message == "" {
			out.Message = j.e.Plan.Summary
		}
		return j.settle(ctx, schemas.StateVerified, out)
	}
	now := j.s.d.Now()
	j.e.State, j.e.Due, j.e.Attempts, j.e.Idle = schemas.StateVerifying, now.Add(wait), 0, true
	j.e.Outcome = schemas.Outcome{State: j.e.State, Message: out.Message, Time: now.UTC()}
	return j.save(ctx)
}

// started tells whether the command has started something that goes on by itself: there is no state of its target to be read once more.
func started(p *schemas.Plan) bool { return p != nil && p.Run != nil }
