package consumers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// settle brings the entry into a state in which it ends or waits, and makes that known: the state and the message that tells of it are written
// in one transaction.
func (j *job) settle(ctx context.Context, state schemas.State, out schemas.Outcome, publish ...ledger.Message) error {
	out.State, out.Attempts, out.Time = state, j.e.Attempts, j.s.d.Now().UTC()
	j.e.State, j.e.Outcome, j.e.Due, j.e.Attempts = state, out, time.Time{}, 0
	switch {
	case j.rechecked() && j.s.cfg.Recheck > 0:
		j.e.Due = j.s.d.Now().Add(j.s.cfg.Recheck)
	case j.e.Standing():
		j.e.Due = j.e.Ends
	case state == schemas.StateApproval && j.s.cfg.Approval.Within > 0:
		j.e.Due = j.s.d.Now().Add(j.s.cfg.Approval.Within)
	}
	if err := j.decided(&out); err != nil {
		return err
	}
	msg, err := outcomeMessage(j.e.Command, j.e.Plan, out)
	if err != nil {
		return err
	}
	if err := j.save(ctx, append(publish, msg)...); err != nil {
		return err
	}
	nudge(j.s.outbox)
	j.s.m.commands.WithLabelValues(string(j.e.Command.Lane), j.e.Command.Action, string(state)).Inc()
	log := j.log.With().Str("state", string(state)).Str("why", out.Message).Logger()
	if state == schemas.StateFailed {
		log.Warn().Str("error", out.Error).Msg("command failed")
	} else {
		log.Info().Msg("command " + string(state))
	}
	return nil
}

// decided adds to what is told of a command who decided that: the ledger can be written to, and is pruned; the archive cannot, and is not.
func (j *job) decided(out *schemas.Outcome) (err error) {
	var by []ledger.Approval
	for _, a := range j.e.Approvals {
		if j.e.ApprovedHash != "" && a.Plan == j.e.ApprovedHash {
			by = append(by, a)
		}
	}
	if len(by) > 0 {
		if out.Approvals, err = json.Marshal(by); err != nil {
			return fmt.Errorf("approvals: %w", err)
		}
	}
	if j.e.Undo != nil {
		if out.Undo, err = json.Marshal(j.e.Undo); err != nil {
			return fmt.Errorf("undo: %w", err)
		}
	}
	return nil
}

// checkpoint saves how far the work has come, and goes on.
func (j *job) checkpoint(ctx context.Context) error {
	j.e.Due = j.s.d.Now().Add(j.s.cfg.Lease)
	j.e.Outcome.State, j.e.Outcome.Time = j.e.State, j.s.d.Now().UTC()
	return j.save(ctx)
}

// aMoment is how long a step may take without the ledger knowing how far the work has come. Most reads are over by then, and a worker that dies within
// it repeats the step before, as it would have a moment earlier.
const aMoment = 100 * time.Millisecond

// checkpointIfSlow makes a checkpoint if what the caller does next takes longer than a moment. The caller changes nothing of the entry until it has called
// done, which tells what became of the checkpoint.
func (j *job) checkpointIfSlow(ctx context.Context) (done func() error) {
	var err error
	ended := make(chan struct{})
	timer := time.AfterFunc(aMoment, func() {
		defer close(ended)
		err = j.checkpoint(ctx)
	})
	return func() error {
		if timer.Stop() {
			return nil
		}
		<-ended
		return err
	}
}

// save writes the entry, trying until the ledger answers. It gives up when the lease is lost or ctx ends.
func (j *job) save(ctx context.Context, publish ...ledger.Message) error {
	j.e.Outcome.Before = j.before
	err := fault.Retry(ctx, j.s.db.Failed, func() error {
		return fenced(j.s.d.Ledger.Save(ctx, j.s.d.Now(), j.e, publish...))
	})
	if err == nil {
		j.had = j.e
		j.s.db.OK()
	}
	return err
}

// giveBack leaves the entry to whoever is next, due at once. This try does not count. why is the reason, for people.
//
// It leaves it as the ledger had it last: what this try made of it since, a state in which it would have ended for example, is known to nobody and would never be
// told. Only what was started stays known.
func (j *job) giveBack(ctx context.Context, why string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), j.s.lastWords())
	defer cancel()
	e := j.had
	if started(j.e.Plan) {
		e.Plan = j.e.Plan
	}
	e.Attempts = max(0, e.Attempts-1)
	e.Due = j.s.d.Now()
	if e.State == schemas.StateRunning || e.State == schemas.StateVerifying {
		e.State = schemas.StateRetrying
		e.Outcome = schemas.Outcome{State: e.State, Message: why, Before: j.before, Time: j.s.d.Now().UTC()}
	}
	if err := j.s.d.Ledger.Save(ctx, j.s.d.Now(), e); err != nil {
		j.s.db.Failed(err)
		j.log.Warn().Err(err).Msg("the command could not be given back; it goes on when its lease is over")
	}
}

// retryAt is when to try again after that error: later each time, and not before the other side wants it.
func (j *job) retryAt(err error) time.Time {
	b := j.s.cfg.Backoff
	wait := b.Max
	if shift := max(0, j.e.Attempts-1); shift < 32 && b.Base<<shift > 0 {
		wait = min(b.Max, b.Base<<shift)
	}
	wait -= time.Duration(rand.Float64() * 0.2 * float64(wait)) //nolint:gosec // spreads retries, hides nothing
	return j.s.d.Now().Add(max(wait, fault.Wait(err)))
}

// effectOf names an effect that several commands may share, "" where none can: blocks, and whatever has a time.
func effectOf(action Action, cmd schemas.Command) string {
	if cmd.Lane != schemas.LaneBlock && cmd.For <= 0 {
		return ""
	}
	enforcer := ""
	if s, ok := action.(Sharer); ok {
		enforcer = s.Enforcer(cmd)
	} else if b, err := json.Marshal(cmd.With); err == nil { // keys are sorted
		enforcer = string(b)
	}
	sum := sha256.Sum256([]byte(enforcer))
	return string(cmd.Lane) + " " + cmd.Action + " " + hex.EncodeToString(sum[:8]) + " " + cmd.Target.Key()
}
