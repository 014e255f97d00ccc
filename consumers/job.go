package consumers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/consumers/guard"
	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// A job is the work on one claimed entry. Its methods return an error only when the work was broken off: the lease lost, or the service
// ending. What an action or a guard says goes into the ledger.
type job struct {
	s     *Service
	e     ledger.Entry
	had   ledger.Entry // as the ledger has it
	leave func()       // gives the worker's place to another
	log   zerolog.Logger
	// before is how often it was tried before a person had it tried again.
	before int
	// discounted says which approval does not count, and why; "" where there is none.
	discounted string
}

// run goes on from where the entry stands.
func (j *job) run(ctx context.Context) error {
	standing := j.e.Standing()
	action, known := j.s.d.Actions[Name{j.e.Command.Lane, j.e.Command.Action}]
	switch {
	case j.e.State == schemas.StateRejected: // decided at the desk; all that is left is to say so
		return j.settle(ctx, schemas.StateRejected, j.e.Outcome)
	case !known && standing:
		return j.undoFailed(ctx, errors.New("the action is not configured here any more"))
	case !known:
		return j.failed(ctx, fault.Permanent(errors.New("the action is not configured here any more")))
	case standing && j.e.Undo != nil && j.e.Undo.Refused == "":
		return j.undo(ctx, action)
	case standing && !j.e.Ends.IsZero() && !j.s.d.Now().Before(j.e.Ends):
		return j.expire(ctx, action)
	case standing && j.e.Command.Lane == schemas.LaneBlock && j.e.State != schemas.StateFailed && j.e.Plan != nil:
		return j.mend(ctx, action)
	case j.rechecked() && j.s.cfg.Recheck > 0 && j.e.Plan != nil:
		return j.recheck(ctx, action)
	case j.e.State == schemas.StateApproval:
		return j.unanswered(ctx)
	case standing: // nothing to be done
		j.e.Due = j.e.Ends
		return j.save(ctx)
	case j.e.Attempts > j.s.cfg.Attempts: // claimed again and again without a word: it takes its workers down with it
		return j.failed(ctx, fault.Permanent(fmt.Errorf("given up after %s that nobody finished", tries(j.e.Attempts-1))))
	case j.e.State == schemas.StateVerifying:
		return j.verify(ctx, action)
	case j.e.Applied:
		return j.apply(ctx, action)
	}
	return j.plan(ctx, action)
}

// plan finds out what would be done, asks the guards, and stores the plan before anything is done.
func (j *job) plan(ctx context.Context, action Action) error {
	c := guard.Case{Now: j.s.d.Now(), Command: j.e.Command}
	c.ApprovedHash, c.ApprovedBy, j.discounted = j.s.approved(j.e)
	_, c.Reversible = action.(Undoer)
	mode, because := j.s.cfg.mode(j.e.Command)
	c.DryRun = guard.Mode(j.e.Command, mode, because)
	if passed, err := j.ask(ctx, j.s.before, c); err != nil || !passed {
		return err
	}
	if !c.Reversible && j.e.Command.For > 0 {
		return j.settle(ctx, schemas.StateRefused, schemas.Outcome{Message: "the rule gives the effect a time, and the action cannot take it back"})
	}
	p, err := planOf(ctx, action, j.e.Command)
	if err == nil {
		p, err = stored(p)
	}
	if err != nil {
		return j.failed(ctx, err)
	}
	j.e.Plan = &p
	if p.Report && p.Empty() { // nothing would be called: whether effects are allowed here does not matter
		return j.settle(ctx, schemas.StateReported, schemas.Outcome{Message: p.Summary, After: p.Before})
	}
	shared, err := j.sharedWith(ctx, action)
	if err != nil {
		return err
	}
	if p.Empty() && shared == nil {
		return j.settle(ctx, schemas.StateUnchanged, schemas.Outcome{Message: p.Summary})
	}
	if p.Empty() { // what another command brought about is to last for this one too
		j.e.Plan = shared.Plan
	}
	if c.Past, err = j.pastOf(ctx); err != nil {
		return err
	}
	if err := j.doubt(ctx, c.Past); err != nil {
		return err
	}
	if c.PlanHash, err = j.e.Plan.Hash(); err != nil {
		return j.failed(ctx, fault.Permanent(err))
	}
	c.Plan = j.e.Plan
	if c.Touches, err = touches(action, j.e.Command, *c.Plan); err != nil {
		return j.failed(ctx, err)
	}
	if passed, err := j.ask(ctx, j.s.after, c); err != nil || !passed {
		return err
	}
	if p.Empty() {
		return j.inEffect(ctx, action, schemas.Outcome{Message: fmt.Sprintf("command %s had done it already; the effect lasts for both", shared.Command.ID)})
	}
	j.e.State, j.e.Applied = schemas.StateRunning, true // before the first call: from here on it may have taken effect
	j.begins(action)
	if err := j.checkpoint(ctx); err != nil {
		return err
	}
	return j.apply(ctx, action)
}

// ask asks guards, and settles the command if one of them does not let it pass.
func (j *job) ask(ctx context.Context, guards []guard.Guard, c guard.Case) (passed bool, err error) {
	v, err := guard.Ask(ctx, guards, c)
	if err != nil {
		return false, j.failed(ctx, err)
	}
	if c.DryRun != "" && c.Plan != nil {
		v = guard.InDryRun(v, c.DryRun)
	}
	if v.Pass() {
		return true, nil
	}
	var notices []ledger.Message
	if v.Notice != nil {
		n, err := noticeMessage(*v.Notice, c.Now)
		if err != nil {
			return false, err
		}
		notices = append(notices, n)
	}
	out := schemas.Outcome{Message: v.Reason}
	if j.discounted != "" {
		out.Message += "; " + j.discounted
	}
	if v.State == schemas.StateApproval {
		out.Approvers = j.s.cfg.approvers(j.e.Command)
	}
	return false, j.settle(ctx, v.State, out, notices...)
}

// unanswered ends a command about which nobody has decided in time.
func (j *job) unanswered(ctx context.Context) error {
	if j.e.Due.IsZero() || j.s.cfg.Approval.Within <= 0 {
		j.e.Due = time.Time{}
		return j.save(ctx)
	}
	return j.settle(ctx, schemas.StateRefused, schemas.Outcome{
		Message: fmt.Sprintf("nobody decided within %s: %s", j.s.cfg.Approval.Within, j.e.Outcome.Message),
	})
}

// apply carries out the plan as the ledger has it.
func (j *job) apply(ctx context.Context, action Action) error {
	if p, ok := action.(Poller); ok {
		return j.start(ctx, p)
	}
	if err := guarded(func() error { return action.Apply(ctx, j.e.Command, *j.e.Plan) }); err != nil {
		return j.failed(ctx, err)
	}
	j.s.m.effect(j.e.Command, j.s.d.Now())
	if j.e.Command.Lane == schemas.LaneAlert { // one that was sent is as good as verified
		return j.verify(ctx, action)
	}
	j.e.State = schemas.StateVerifying
	saved := j.checkpointIfSlow(ctx)
	out, err := verified(ctx, action, j.e.Command, *j.e.Plan)
	if err := saved(); err != nil {
		return err
	}
	return j.read(ctx, action, out, err)
}

// verify reads the target again.
func (j *job) verify(ctx context.Context, action Action) error {
	if p, ok := action.(Poller); ok {
		return j.poll(ctx, p)
	}
	out, err := verified(ctx, action, j.e.Command, *j.e.Plan)
	return j.read(ctx, action, out, err)
}

// read goes on from what the target was like.
func (j *job) read(ctx context.Context, action Action, out schemas.Outcome, err error) error {
	if err != nil {
		return j.failed(ctx, err)
	}
	return j.inEffect(ctx, action, out)
}

// inEffect records that the target is as the command wants it, for as long as it says.
func (j *job) inEffect(ctx context.Context, action Action, out schemas.Outcome) error {
	j.begins(action)
	if out.Message == "" {
		out.Message = j.e.Plan.Summary
	}
	if j.e.Command.For > 0 {
		return j.settle(ctx, schemas.StateInForce, out)
	}
	notices, err := j.owners(ctx, &out)
	if err != nil {
		return err
	}
	return j.settle(ctx, schemas.StateVerified, out, notices...)
}

// owners is what the owners of infrastructure code are to be told of an effect that lasts, or the next deployment takes it back. That their code could not be
// searched keeps nothing from being done: the outcome says so.
func (j *job) owners(ctx context.Context, out *schemas.Outcome) ([]ledger.Message, error) {
	if j.s.d.Code == nil || j.e.Command.Lane != schemas.LaneRemediate {
		return nil, nil
	}
	notices, err := j.s.d.Code(ctx, j.e.Command)
	if cause := context.Cause(ctx); cause != nil {
		return nil, cause
	}
	if err != nil {
		out.Message += "; infrastructure code was not searched whole: " + brief(err)
	}
	messages := make([]ledger.Message, len(notices))
	for i, n := range notices {
		if messages[i], err = noticeMessage(n, j.s.d.Now()); err != nil {
			return nil, err
		}
	}
	return messages, nil
}

// begins notes what the effect amounts to, and how long it may last, counted from now.
func (j *job) begins(action Action) {
	j.e.Effect = effectOf(action, j.e.Command)
	if j.e.Command.For > 0 {
		j.e.Ends = j.s.d.Now().Add(time.Duration(j.e.Command.For))
	}
}

// failed notes an error: another try later, or the end.
func (j *job) failed(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause // broken off: the error says nothing
	}
	attempts := j.e.Attempts
	if !fault.IsPermanent(err) && attempts < j.s.cfg.Attempts {
		j.s.m.retries.WithLabelValues(string(j.e.Command.Lane), j.e.Command.Action).Inc()
		j.e.State, j.e.Due = schemas.StateRetrying, j.retryAt(err)
		j.e.Outcome = schemas.Outcome{State: j.e.State, Message: "will be tried again: " + brief(err), Error: clip(err.Error()), Attempts: attempts, Time: j.s.d.Now().UTC()}
		j.log.Warn().Str("error", clip(err.Error())).Int("attempt", attempts).Time("again", j.e.Due).Msg("command will be tried again")
		return j.save(ctx)
	}
	out := schemas.Outcome{Message: "failed for good", Error: clip(err.Error())}
	if !fault.IsPermanent(err) {
		out.Message = "given up after " + tries(attempts)
	}
	letter, lerr := j.s.deadLetter(j.e.Command, out.Message+": "+out.Error, j.before+attempts)
	if lerr != nil {
		return lerr
	}
	out.Message += ": " + brief(err) + j.remains()
	return j.settle(ctx, schemas.StateFailed, out, letter)
}

// remains says, of a command that failed, what may be left of it. Nobody knows then whether it took effect: its time still ends, a person may
// undo it, and Apply that did not return well keeps no other command's effect in place for good.
func (j *job) remains() string {
	switch {
	case !j.e.Applied || j.e.Command.Lane == schemas.LaneAlert:
		return ""
	case !j.e.Ends.IsZero():
		return "; what it may have done will be taken back at " + j.e.Ends.UTC().Format(time.RFC3339)
	}
	if j.e.State != schemas.StateVerifying {
		j.e.Effect = ""
	}
	return "; what it may have done stands until it is undone"
}

// planOf asks an action what it would do.
func planOf(ctx context.Context, action Action, cmd schemas.Command) (p schemas.Plan, err error) {
	err = guarded(func() (err error) { p, err = action.Plan(ctx, cmd); return err })
	return p, err
}

// verified asks an action whether the target is as it should be.
func verified(ctx context.Context, action Action, cmd schemas.Command, p schemas.Plan) (out schemas.Outcome, err error) {
	err = guarded(func() (err error) { out, err = action.Verify(ctx, cmd, p); return err })
	return out, err
}

// guarded turns a panic of an action into a permanent error: a defect in one action ends its command, not the service.
func guarded(call func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fault.Permanent(fmt.Errorf("defect in the action: %v\n%s", r, debug.Stack()))
		}
	}()
	return call()
}

// stored returns a plan as the ledger will give it back, so that the first Apply and one after a crash, and a hash before and after an approval,
// see the same.
func stored(p schemas.Plan) (schemas.Plan, error) {
	b, err := json.Marshal(p)
	if err != nil {
		return p, fault.Permanent(fmt.Errorf("plan: %w", err))
	}
	var back schemas.Plan
	if err := json.Unmarshal(b, &back); err != nil {
		return p, fault.Permanent(fmt.Errorf("plan: %w", err))
	}
	return back, nil
}
