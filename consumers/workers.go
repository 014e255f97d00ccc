package consumers

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/schemas"
)

// Why the work on a command was broken off. Nothing is known then about its effect, and it is not counted as a try.
const (
	errEnding    = workError("the service is ending")
	errStopped   = workError("effects are stopped")
	errLeaseLost = workError("the lease was lost")
)

type workError string

func (e workError) Error() string { return string(e) }

// serve claims the commands of a lane and works on them, as many at once as the lane has workers, until ctx ends. Then what is in course has some
// seconds, after which abort ends work.
func (s *Service) serve(ctx, work context.Context, abort context.CancelCauseFunc, lane schemas.Lane) {
	crew := newCrew(lane, s.cfg.workers(lane))
	var busy sync.WaitGroup
	wait := backoff.NewExponentialBackOff()
	wait.InitialInterval, wait.MaxInterval = 100*time.Millisecond, 15*time.Second
	for ctx.Err() == nil {
		running, goes := s.brake.running(work, lane)
		n, except := crew.room()
		if !goes || n == 0 {
			pause(ctx, s.wake[lane], pollEvery)
			continue
		}
		entries, err := s.d.Ledger.Claim(ctx, s.d.Now(), ledger.Claim{
			Owner: s.d.Owner, Lanes: []schemas.Lane{lane}, Except: except, N: n, Lease: s.cfg.Lease,
		})
		for _, e := range entries {
			account := e.Command.Target.Account
			crew.join(account)
			leave := sync.OnceFunc(func() {
				crew.leave(account)
				s.rouse(lane)
			})
			busy.Go(func() {
				s.work(running, e, leave)
				leave()
				for _, l := range s.lanes { // its target is free now, perhaps for another lane
					if l == lane || lane != schemas.LaneAlert {
						s.rouse(l)
					}
				}
			})
		}
		switch {
		case err != nil && ctx.Err() == nil:
			s.db.Failed(err)
			pause(ctx, nil, wait.NextBackOff())
		case err == nil:
			s.db.OK()
			wait.Reset()
			if len(entries) < n {
				pause(ctx, s.wake[lane], pollEvery)
			}
		}
	}
	stop := time.AfterFunc(grace, func() { abort(errEnding) })
	busy.Wait()
	stop.Stop()
}

// work carries one claimed entry as far as it goes now. What can go wrong is written to the ledger; what is left is that the entry is
// somebody else's by now, or that the service ends. leave may be called before it is done.
func (s *Service) work(ctx context.Context, e ledger.Entry, leave func()) {
	ctx, release := s.keep(cloud.WithCommand(ctx, e.Command.ID), e)
	defer release()
	j := &job{s: s, e: e, had: e, before: e.Outcome.Before, leave: leave, log: s.d.Log.With().Str("command", e.Command.ID).Str("rule", e.Command.Rule).Str("lane", string(e.Command.Lane)).
		Str("action", e.Command.Action).Str("target", e.Command.Target.Key()).Logger()}
	err := j.run(ctx)
	switch {
	case err == nil:
	case errors.Is(context.Cause(ctx), errEnding):
		j.giveBack(ctx, "the service ended; goes on at the next start")
	case errors.Is(context.Cause(ctx), errStopped):
		j.giveBack(ctx, "effects are stopped; goes on when they are resumed (riposte resume)")
	default:
		j.log.Warn().Err(err).Msg("the command is left to whoever claims it next")
	}
}

// keep keeps the lease on an entry until release is called. The context that it returns ends when the lease is lost: from then on somebody
// else may work on the target.
func (s *Service) keep(ctx context.Context, e ledger.Entry) (kept context.Context, release func()) {
	kept, cancel := context.WithCancelCause(ctx)
	var done sync.WaitGroup
	until := e.Due
	over := time.AfterFunc(until.Sub(s.d.Now()), func() { cancel(errLeaseLost) }) // whatever Extend does
	done.Go(func() {
		often, again := s.cfg.Lease/3, s.cfg.Lease/12
		next := time.NewTimer(often)
		defer next.Stop()
		for {
			select {
			case <-kept.Done():
				return
			case <-next.C:
			}
			now := s.d.Now()
			left := until.Add(-s.cfg.Lease / 3).Sub(now) // the last third is for the action to stop
			err := s.extend(kept, e, now.Add(s.cfg.Lease), left)
			switch {
			case err == nil:
				until = now.Add(s.cfg.Lease)
				over.Reset(until.Sub(s.d.Now()))
				next.Reset(often)
			case errors.Is(err, ledger.ErrFenced) || !s.d.Now().Add(s.cfg.Lease/3).Before(until):
				cancel(errLeaseLost)
				return
			default:
				next.Reset(again)
			}
		}
	})
	return kept, func() {
		cancel(nil)
		done.Wait()
		over.Stop()
	}
}

// extend lengthens a lease, and has as long for it as is left.
func (s *Service) extend(ctx context.Context, e ledger.Entry, until time.Time, left time.Duration) error {
	within, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	err := s.d.Ledger.Extend(within, e, until)
	if err != nil && !errors.Is(err, ledger.ErrFenced) && ctx.Err() == nil {
		s.db.Failed(err)
	}
	return err
}
