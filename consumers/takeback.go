package consumers

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// sharedWith returns another command whose effect is this one's too and still stands; nil if there is none.
func (j *job) sharedWith(ctx context.Context, action Action) (*ledger.Entry, error) {
	var others []ledger.Entry
	err := fault.Retry(ctx, j.s.db.Failed, func() (err error) {
		others, err = j.s.d.Ledger.Holders(ctx, effectOf(action, j.e.Command), j.e.Command.ID)
		return err
	})
	if err != nil || len(others) == 0 {
		return nil, err
	}
	j.s.db.OK()
	return &others[0], nil
}

// expire takes back an effect whose time is over, unless another command still wants it.
func (j *job) expire(ctx context.Context, action Action) error {
	message, err := j.takeBack(ctx, action, false)
	if err != nil {
		return j.undoFailed(ctx, err)
	}
	return j.settle(ctx, schemas.StateExpired, schemas.Outcome{Message: "its time is over: " + message})
}

// undo takes an effect back because a person asked for it.
func (j *job) undo(ctx context.Context, action Action) error {
	if err := j.s.authentic(j.e); err != nil {
		return j.undoFailed(ctx, err)
	}
	message, err := j.takeBack(ctx, action, j.e.Undo.Force)
	if err != nil {
		return j.undoFailed(ctx, err)
	}
	message = "undone by " + j.e.Undo.By + ": " + message
	if j.e.Undo.Reason != "" {
		message += " (" + j.e.Undo.Reason + ")"
	}
	return j.settle(ctx, schemas.StateUndone, schemas.Outcome{Message: message})
}

// takeBack takes the effect away, and says so. What another command keeps in force stays, unless force is set.
func (j *job) takeBack(ctx context.Context, action Action, force bool) (string, error) {
	u, ok := action.(Undoer)
	if !ok || j.e.Plan == nil {
		return "", fault.Permanent(errors.New("the action cannot be taken back"))
	}
	shared, err := j.sharedWith(ctx, action)
	if err != nil {
		return "", err
	}
	if shared != nil && !force {
		return fmt.Sprintf("the effect stays, since command %s keeps it in force", shared.Command.ID), nil
	}
	if err := guarded(func() error { return u.Undo(ctx, j.e.Command, *j.e.Plan, force) }); err != nil {
		return "", err
	}
	return "the effect was taken back", nil
}

// undoFailed notes that an effect could not be taken back. A person's request is tried some times and then refused, with the reason; the effect stands as
// before. A block whose time is over is tried for ever, unless the error is permanent: it must not stay for want of tries.
func (j *job) undoFailed(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	last := fault.IsPermanent(err) || j.e.Attempts >= j.s.cfg.Attempts
	asked := j.e.Undo != nil && j.e.Undo.Refused == ""
	j.e.Outcome.Error = clip(err.Error())
	switch {
	case asked && last:
		refused := *j.e.Undo
		refused.Refused = clip(err.Error())
		if errors.Is(err, ErrChanged) {
			refused.Refused += " (--force restores all the same)"
		}
		j.e.Undo, j.e.Due, j.e.Attempts = &refused, j.e.Ends, 0
		j.log.Warn().Err(err).Str("by", refused.By).Msg("undo refused")
		return j.save(ctx)
	case !asked && fault.IsPermanent(err):
		reason := "its time is over, and it could not be taken back"
		letter, lerr := j.s.deadLetter(j.e.Command, reason+": "+err.Error(), j.before+j.e.Attempts)
		if lerr != nil {
			return lerr
		}
		j.e.Ends, j.e.Effect = time.Time{}, "" // a person may still undo it
		return j.settle(ctx, schemas.StateFailed, schemas.Outcome{Message: reason + ": " + brief(err), Error: clip(err.Error())}, letter)
	case !asked && j.e.Attempts == j.s.cfg.Attempts:
		j.log.Error().Err(err).Int("attempts", j.e.Attempts).Msg("the command's time is over, and it cannot be taken back; still trying")
	}
	j.s.m.retries.WithLabelValues(string(j.e.Command.Lane), j.e.Command.Action).Inc()
	j.e.Due = j.retryAt(err)
	return j.save(ctx)
}
