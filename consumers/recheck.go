package consumers

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/riposte-security/riposte/consumers/guard"
	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// lookedBack is how many commands on a target are looked at for what became of an earlier one.
const lookedBack = 20

// rechecked tells whether the target of a command is read once more some time after it was verified. What has a time of its own, and blocks, which the
// reconciler looks after, are not.
func (j *job) rechecked() bool {
	return j.e.State == schemas.StateVerified && j.e.Command.Lane == schemas.LaneRemediate && j.e.Ends.IsZero() && !started(j.e.Plan)
}

// recheck looks whether a remediation that was verified still holds. Nothing is put back: whoever changed it has a reason, or the rule fires again.
func (j *job) recheck(ctx context.Context, action Action) error {
	j.e.Due = time.Time{}
	later, err := j.later(ctx)
	if err != nil {
		return err
	}
	others := ""
	for _, e := range later {
		switch {
		case !j.sameRule(e):
			others = fmt.Sprintf("; rule %s (command %s) has acted on it since", e.Command.Rule, e.Command.ID)
		case !j.sameWish(e):
			return j.save(ctx) // the rule wants something else by now
		default:
			return j.settle(ctx, schemas.StateReverted, schemas.Outcome{
				Message: fmt.Sprintf("it was changed back by %s; command %s is about that", guard.Actor(e.Command.Event), e.Command.ID),
			})
		}
	}
	p, err := planOf(ctx, action, j.e.Command)
	switch {
	case context.Cause(ctx) != nil:
		return context.Cause(ctx)
	case err != nil && !fault.IsPermanent(err) && j.e.Attempts < j.s.cfg.Attempts:
		j.e.Due = j.retryAt(err)
		return j.save(ctx)
	case err != nil: // it is gone, or cannot be read any more: that is no sign of somebody who changed it back
		j.log.Info().Err(err).Msg("what was verified could not be read once more")
		j.e.Attempts = 0
		return j.save(ctx)
	case p.Empty():
		j.e.Attempts = 0
		return j.save(ctx)
	}
	return j.settle(ctx, schemas.StateReverted, schemas.Outcome{Message: fmt.Sprintf("somebody has changed it back since it was verified at %s%s; it would take again: %s",
		j.e.Outcome.Time.UTC().Format(time.RFC3339), others, p.Summary)})
}

// later lists the commands on the same target that found something to do there after this one was verified, the oldest first.
func (j *job) later(ctx context.Context) ([]ledger.Entry, error) {
	entries, err := j.onTarget(ctx, ledger.Filter{States: slices.DeleteFunc(schemas.States(), func(s schemas.State) bool {
		return s == schemas.StatePending // of which there may be many, and which have found nothing yet
	})})
	if err != nil {
		return nil, err
	}
	slices.Reverse(entries)
	return slices.DeleteFunc(entries, func(e ledger.Entry) bool {
		at := j.e.Outcome.Time
		planned := e.Applied && !e.Outcome.Time.Before(at) || // of others, the outcome may be younger than the plan
			(e.State == schemas.StateApproval || e.State == schemas.StateDryRun) && e.Outcome.Time.After(at)
		return !planned || e.Seq < j.e.Seq || e.Plan == nil || e.Plan.Empty() || started(e.Plan)
	}), nil
}

func (j *job) sameRule(e ledger.Entry) bool {
	return e.Command.Rule == j.e.Command.Rule && e.Command.Action == j.e.Command.Action
}

func (j *job) sameWish(e ledger.Entry) bool {
	return j.sameRule(e) && reflect.DeepEqual(e.Command.With, j.e.Command.With)
}

// onTarget lists the latest other commands on the same target and lane that a filter selects, the newest first.
func (j *job) onTarget(ctx context.Context, f ledger.Filter) ([]ledger.Entry, error) {
	f.Target, f.Lanes, f.Limit = j.e.Command.Target.Key(), []schemas.Lane{j.e.Command.Lane}, lookedBack
	var entries []ledger.Entry
	err := fault.Retry(ctx, j.s.db.Failed, func() (err error) {
		entries, err = j.s.d.Ledger.List(ctx, f)
		return err
	})
	if err != nil {
		return nil, err
	}
	j.s.db.OK()
	return slices.DeleteFunc(entries, func(e ledger.Entry) bool { return e.Command.ID == j.e.Command.ID }), nil
}

// pastOf is what the rule has done to the target before; nothing for alerts.
func (j *job) pastOf(ctx context.Context) (past ledger.Past, err error) {
	if j.e.Command.Lane == schemas.LaneAlert {
		return past, nil
	}
	err = fault.Retry(ctx, j.s.db.Failed, func() (err error) {
		past, err = j.s.d.Ledger.Past(ctx, j.s.d.Now(), j.e.Command.Rule, j.e.Command.Target.Key())
		return err
	})
	if err == nil {
		j.s.db.OK()
	}
	return past, err
}

// doubt has earlier commands of the same rule looked at again: this one found something to do, so what they did does not hold any more.
func (j *job) doubt(ctx context.Context, past ledger.Past) error {
	if j.e.Command.Lane != schemas.LaneRemediate || j.s.cfg.Recheck <= 0 {
		return nil
	}
	var ids []string
	for _, e := range past.Done {
		if e.State == schemas.StateVerified && e.Command.Lane == j.e.Command.Lane && e.Seq < j.e.Seq && !started(e.Plan) && j.sameWish(e) {
			ids = append(ids, e.Command.ID)
		}
	}
	ids = ids[:min(len(ids), lookedBack)]
	if len(ids) == 0 {
		return nil
	}
	return fault.Retry(ctx, j.s.db.Failed, func() error { return j.s.d.Ledger.Wake(ctx, j.s.d.Now(), ids) })
}
