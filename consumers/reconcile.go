package consumers

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"github.com/riposte-security/riposte/consumers/guard"
	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/schemas"
)

// mostBlocks is how many effects one round looks at.
const mostBlocks = 200_000

// reconcile compares, again and again until ctx ends, what is in force with what is really there. For every enforcer one process does it, whoever is
// first; what is missing is put back by the workers, who have the target while they are at it.
func (s *Service) reconcile(ctx, work context.Context) {
	for ctx.Err() == nil {
		pause(ctx, nil, s.cfg.Reconcile)
		if err := s.reconcileUnlessStopped(ctx, work); err != nil && ctx.Err() == nil {
			s.d.Log.Warn().Err(err).Msg("blocks could not be compared with what is really there; tried again")
		}
	}
}

// reconcileUnlessStopped compares once. It takes away what outlived its time, and so ends when the lane is stopped, as all work does that has effects.
func (s *Service) reconcileUnlessStopped(ctx, work context.Context) error {
	running, goes := s.brake.running(work, schemas.LaneBlock)
	if !goes {
		return nil
	}
	running, cancel := context.WithCancel(running)
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	err := s.reconcileOnce(running)
	if errors.Is(context.Cause(running), errStopped) {
		return nil
	}
	return err
}

// An enforced is what is in force in one place.
type enforced struct {
	action    Action
	name      string // of the action
	inspector Inspector
	enforcer  string
	entries   []ledger.Entry
}

func (s *Service) reconcileOnce(ctx context.Context) error {
	groups, err := s.enforced(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, g := range groups {
		duty := fmt.Sprintf("reconcile %s %s", g.name, g.enforcer)
		mine, err := s.d.Ledger.Duty(ctx, s.d.Now(), duty, s.d.Owner, s.d.Now().Add(3*s.cfg.Reconcile))
		if err != nil {
			return err
		}
		if !mine {
			continue
		}
		if err := s.compare(ctx, g); err != nil { // one enforcer that is away must not keep from the others
			errs = append(errs, fmt.Errorf("%s %s: %w", g.name, g.enforcer, err))
		}
	}
	return errors.Join(errs...)
}

// enforced lists what is in force, by place.
func (s *Service) enforced(ctx context.Context) ([]*enforced, error) {
	entries, err := s.d.Ledger.List(ctx, ledger.Filter{
		Lanes: []schemas.Lane{schemas.LaneBlock}, States: []schemas.State{schemas.StateInForce, schemas.StateVerified}, Limit: mostBlocks,
	})
	if err != nil {
		return nil, err
	}
	byPlace := map[string]*enforced{}
	var groups []*enforced
	var ahead []string
	for _, e := range entries {
		if s.ahead(e) > 0 {
			ahead = append(ahead, e.Command.ID)
		}
		action := s.d.Actions[Name{schemas.LaneBlock, e.Command.Action}]
		if action == nil || e.Plan == nil || e.Undo != nil && e.Undo.Refused == "" || !e.Ends.IsZero() && !e.Ends.After(s.d.Now()) {
			continue
		}
		g := &enforced{action: action, name: e.Command.Action, enforcer: e.Command.Target.Key()}
		if i, ok := action.(Inspector); ok {
			g.inspector, g.enforcer = i, i.Enforcer(e.Command)
		}
		key := g.name + "\x00" + g.enforcer
		if byPlace[key] == nil {
			byPlace[key] = g
			groups = append(groups, g)
		}
		byPlace[key].entries = append(byPlace[key].entries, e)
	}
	return groups, s.d.Ledger.Wake(ctx, s.d.Now(), ahead)
}

// leeway is how far apart the clocks of processes may be.
const leeway = time.Minute

// ahead is how far in the future an effect came into force, by a clock that was wrong then or is now: it would last longer than its rule says by as much.
func (s *Service) ahead(e ledger.Entry) time.Duration {
	if by := e.Outcome.Time.Sub(s.d.Now()); by > leeway && !e.Ends.IsZero() {
		return by
	}
	return 0
}

// compare looks at one place: what is missing is woken, what outlived its time is taken away, and what is not ours is left alone and told of.
func (s *Service) compare(ctx context.Context, g *enforced) error {
	var missing, others []string
	if g.inspector != nil {
		cmds := make([]schemas.Command, len(g.entries))
		for i, e := range g.entries {
			cmds[i] = e.Command
		}
		var err error
		err = guarded(func() error { missing, others, err = g.inspector.Inspect(ctx, cmds); return err })
		if err != nil {
			return err
		}
	} else {
		for _, e := range g.entries {
			p, err := planOf(ctx, g.action, e.Command)
			if err != nil {
				return err
			}
			if !p.Empty() {
				missing = append(missing, e.Command.ID)
			}
		}
	}
	if len(missing) > 0 {
		s.m.drift.WithLabelValues(g.name, "missing").Add(float64(len(missing)))
		s.d.Log.Warn().Str("action", g.name).Str("enforcer", g.enforcer).Int("missing", len(missing)).Msg("what is in force is not there any more; it is put back")
		if err := s.d.Ledger.Wake(ctx, s.d.Now(), missing); err != nil {
			return err
		}
		s.rouse(schemas.LaneBlock)
	}
	return s.strangers(ctx, g, others)
}

// strangers deals with what is in a place as the effect of nothing in force: what a command of ours left behind goes, the rest is told of.
func (s *Service) strangers(ctx context.Context, g *enforced, others []string) error {
	var foreign []string
	for _, id := range others {
		left, open, err := s.leftover(ctx, g, id)
		switch {
		case err != nil:
			return err
		case open: // something is on its way to it, or back
		case left == nil:
			foreign = append(foreign, id)
		default:
			u, ok := g.action.(Undoer)
			if !ok {
				continue
			}
			if err := guarded(func() error { return u.Undo(ctx, left.Command, *left.Plan, false) }); err != nil {
				return fmt.Errorf("what command %s left behind: %w", left.Command.ID, err)
			}
			s.m.drift.WithLabelValues(g.name, "leftover").Inc()
			s.d.Log.Warn().Str("action", g.name).Str("enforcer", g.enforcer).Str("target", id).Str("command", left.Command.ID).
				Msg("an effect whose time is over was still there; it was taken back")
		}
	}
	s.m.foreign.WithLabelValues(g.name, g.enforcer).Set(float64(len(foreign)))
	if len(foreign) == 0 {
		return nil
	}
	slices.Sort(foreign)
	h := fnv.New32a()
	for _, id := range foreign {
		h.Write([]byte(id + "\n"))
	}
	shown := strings.Join(foreign[:min(len(foreign), 10)], ", ")
	s.post(ctx, schemas.Notice{
		Kind: schemas.NoticeForeign, Subject: g.name + " " + g.enforcer, Severity: "informational",
		Message: fmt.Sprintf("%d entries of %s (%s) are none of riposte's, and are left alone: %s", len(foreign), g.enforcer, g.name, shown),
		Once:    time.Unix(int64(h.Sum32()), 0), // the same entries are one event, whenever they are seen
	})
	return nil
}

// leftover finds the command whose effect an entry is, though its time is over. open tells that a command on that target is not finished, or is about to
// be: nothing may be concluded then.
func (s *Service) leftover(ctx context.Context, g *enforced, id string) (left *ledger.Entry, open bool, err error) {
	target := g.entries[0].Command.Target
	target.ID = id
	entries, err := s.d.Ledger.List(ctx, ledger.Filter{Lanes: []schemas.Lane{schemas.LaneBlock}, Target: target.Key(), Limit: 100})
	if err != nil {
		return nil, false, err
	}
	for i, e := range entries {
		switch {
		case !e.State.Terminal(), e.Standing(), s.d.Now().Sub(e.Updated) < 2*s.cfg.Reconcile:
			return nil, true, nil
		case left == nil && (e.State == schemas.StateExpired || e.State == schemas.StateUndone) && e.Command.Action == g.name && e.Plan != nil &&
			g.inspector.Enforcer(e.Command) == g.enforcer:
			left = &entries[i]
		}
	}
	return left, false, nil
}

// mend sees to it that an effect that stands still does: somebody may have edited the enforcer by hand. The pre-image stays the one of the beginning.
func (j *job) mend(ctx context.Context, action Action) error {
	by := j.s.ahead(j.e)
	if by > 0 {
		j.e.Ends, j.e.Outcome.Time = j.e.Ends.Add(-by), j.s.d.Now().UTC()
		j.e.Outcome.Message += fmt.Sprintf("; it came into force %s in the future, so the clock was put back: it ends that much earlier", by.Round(time.Second))
		j.log.Warn().Dur("ahead", by).Time("ends", j.e.Ends).Msg("the clock was put back since this came into force; it ends that much earlier")
	}
	j.e.Due, j.e.Attempts = j.e.Ends, 0
	c := guard.Case{Now: j.s.d.Now(), Command: j.e.Command}
	v, err := guard.Ask(ctx, j.s.before, c)
	if err != nil {
		return j.mendLater(ctx, err)
	}
	mode, because := j.s.cfg.mode(j.e.Command)
	if dry := guard.Mode(j.e.Command, mode, because); v.Pass() && dry != "" {
		v = guard.Verdict{State: schemas.StateDryRun, Reason: dry}
	}
	if !v.Pass() {
		return j.notPutBack(ctx, v)
	}
	cmd := j.e.Command
	if !j.e.Ends.IsZero() { // where the enforcer itself keeps the time, it gets what is left
		cmd.For = schemas.Duration(j.e.Ends.Sub(j.s.d.Now()))
	}
	p, err := planOf(ctx, action, cmd)
	if err == nil {
		c.Plan = &p
		c.Touches, err = touches(action, cmd, p)
	}
	if err == nil {
		v, err = j.s.never().Check(ctx, c)
	}
	if err == nil && !v.Pass() {
		return j.notPutBack(ctx, v)
	}
	if err == nil && !p.Empty() {
		err = j.restore(ctx, action, cmd, p)
	}
	if err != nil {
		return j.mendLater(ctx, err)
	}
	if p.Empty() && by > 0 { // only its time was wrong
		return j.save(ctx)
	}
	again, now := "put back again", j.s.d.Now().UTC()
	if p.Empty() { // another command's worker did it, who shares the effect; or one that did not live to say so
		again = "found there again"
	} else {
		j.log.Warn().Str("plan", p.Summary).Msg("somebody took away what is in force; it was put back")
	}
	j.e.Outcome.Message = clip(j.e.Outcome.Message + "; " + again + " at " + now.Format(time.RFC3339))
	j.e.Outcome.Time = now
	return j.save(ctx)
}

// restore puts an effect back, and says so before: who dies in between, or cannot do it, must not keep it for himself that the effect is gone.
func (j *job) restore(ctx context.Context, action Action, cmd schemas.Command, p schemas.Plan) error {
	n := schemas.Notice{
		Kind: schemas.NoticeDrift, Subject: cmd.Action + " " + cmd.Target.Key(), Severity: "medium", Command: cmd.ID, Rule: cmd.Rule,
		Message: fmt.Sprintf("somebody took away what command %s had brought about; it is put back: %s", cmd.ID, p.Summary),
		Once:    j.e.Outcome.Time, // when it was known to be there: however often it is tried, it is gone once
	}
	msg, err := noticeMessage(n, j.s.d.Now())
	if err != nil {
		return err
	}
	if _, err := j.s.d.Ledger.Enter(ctx, j.s.d.Now(), nil, msg); err != nil {
		return err
	}
	nudge(j.s.outbox)
	if err := guarded(func() error { return action.Apply(ctx, cmd, p) }); err != nil {
		return err
	}
	return guarded(func() (err error) { _, err = action.Verify(ctx, cmd, p); return err })
}

// notPutBack leaves alone what must not be blocked any more.
func (j *job) notPutBack(ctx context.Context, v guard.Verdict) error {
	j.e.Outcome.Message = "it is not there any more, and is not put back: " + v.Reason
	j.log.Warn().Str("why", v.Reason).Msg("what is in force is not there any more, and is not put back")
	return j.save(ctx)
}

// mendLater leaves an effect that could not be put back to the next comparison.
func (j *job) mendLater(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	j.e.Outcome.Error = clip(err.Error())
	j.log.Error().Err(err).Msg("what is in force is not there any more, and could not be put back; tried again")
	return j.save(ctx)
}
