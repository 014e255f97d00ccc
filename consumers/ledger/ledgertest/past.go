package ledgertest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/schemas"
)

// pasts: of a rule and a target, what was carried out is known, the newest first, whoever asks for others at the same time.
func pasts(t *testing.T, db Database) {
	l := db.Open(t)
	acted := func(n int, target string, state schemas.State, edit func(*schemas.Command)) ledger.Entry {
		c := command(n, target)
		if edit != nil {
			edit(&c)
		}
		enter(t, l, noon().Add(time.Duration(n)*time.Second), c)
		e := one(t, l, noon().Add(time.Hour))
		e.Applied = state != schemas.StateRefused
		finish(t, l, noon().Add(time.Hour), e, state, time.Time{})
		return e
	}
	other := func(c *schemas.Command) { c.Rule = "another" }
	first := acted(1, "a", schemas.StateVerified, nil)
	acted(2, "a", schemas.StateRefused, nil)
	acted(3, "a", schemas.StateExpired, nil)
	acted(4, "a", schemas.StateVerified, other)
	acted(5, "b", schemas.StateVerified, nil)
	acted(6, "a", schemas.StateFailed, nil)
	acted(7, "a", schemas.StateReverted, nil)
	enter(t, l, noon(), command(8, "a"))
	key, rule := first.Command.Target.Key(), first.Command.Rule
	past, err := l.Past(t.Context(), noon(), rule, key)
	must(t, err)
	want(t, "what was done", uids(past.Done), []string{"event-7", "event-6", "event-1"})
	want(t, "when the first entered", past.Done[2].Entered, noon().Add(time.Second))
	want(t, "held", past.Held, "")

	must(t, l.RequestUndo(t.Context(), noon(), first.Command.ID, ledger.UndoRequest{By: "ann", At: noon()}, time.Hour))
	var g errgroup.Group
	for i := range 200 { // more than one batch has
		g.Go(func() error {
			ask := []struct {
				rule, target string
				done         int
				held         bool
			}{{rule, key, 3, true}, {"another", key, 1, false}, {rule, strings.TrimSuffix(key, "a") + "b", 1, false}, {"none\x00\xff", key, 0, false}}[i%4]
			p, err := l.Past(t.Context(), noon(), ask.rule, ask.target)
			if err == nil && (len(p.Done) != ask.done || (p.Held != "") != ask.held) {
				err = fmt.Errorf("rule %q on %q: %d done, held %q", ask.rule, ask.target, len(p.Done), p.Held)
			}
			return err
		})
	}
	must(t, g.Wait())
}

// forgetsTargets: what is known of a target ends with its last command, also when a command comes again.
func forgetsTargets(t *testing.T, db Database) {
	l := db.Open(t)
	a, b := command(1, "a"), command(2, "b")
	enter(t, l, noon(), a, b)
	want(t, "targets with something left", db.Targets(t), 2)
	for _, e := range claim(t, l, noon(), 2) {
		finish(t, l, noon(), e, schemas.StateVerified, time.Time{})
	}
	want(t, "targets when all is done", db.Targets(t), 0)
	n, err := l.Enter(t.Context(), noon(), []schemas.Command{a, a, b})
	must(t, err)
	want(t, "entered again", n, 0)
	want(t, "targets when what is done has come again", db.Targets(t), 0)
}

// alertsEnd: alerts have their targets to themselves, which end with them; but not when they are tried again, when a person has asked for something
// meanwhile, nor when whoever saves has lost the lease.
func alertsEnd(t *testing.T, db Database) {
	l := db.Open(t)
	cmds := append(commands(5), command(9, "a"))
	for i := range cmds[:5] {
		cmds[i].Lane = schemas.LaneAlert
	}
	done, again, undone, stolen, shed := &cmds[0], &cmds[1], &cmds[2], &cmds[3], &cmds[4]
	shed.Shed = &schemas.Shed{}
	enter(t, l, noon(), cmds...)
	want(t, "targets with something left", db.Targets(t), 5) // four alerts, one bucket
	es := map[string]ledger.Entry{}
	for _, e := range claim(t, l, noon(), 10) {
		es[e.Command.ID] = e
	}
	want(t, "claimed", len(es), 5)
	finish(t, l, noon(), es[done.ID], schemas.StateVerified, time.Time{})
	want(t, "targets after an alert", db.Targets(t), 4)

	finish(t, l, noon(), es[again.ID], schemas.StateRetrying, noon().Add(time.Second))
	finish(t, l, noon(), es[undone.ID], schemas.StateInForce, noon())
	looked := one(t, l, noon())
	must(t, l.RequestUndo(t.Context(), noon(), undone.ID, ledger.UndoRequest{By: "ann", At: noon()}, 0))
	finish(t, l, noon(), looked, schemas.StateVerified, time.Time{})
	want(t, "targets with something to come", db.Targets(t), 4)
	next := claim(t, l, noon(), 10)
	want(t, "undo comes at once", uids(next), []string{undone.EventUID})
	next = claim(t, l, noon().Add(time.Second), 10)
	want(t, "the next try comes at its time", uids(next), []string{again.EventUID})
	finish(t, l, noon().Add(time.Second), next[0], schemas.StateVerified, time.Time{})
	want(t, "targets after the next try", db.Targets(t), 3)

	for _, e := range claim(t, l, noon().Add(lease), 10) { // all leases have run out
		es["again "+e.Command.ID] = e
	}
	late := es[stolen.ID]
	late.State, late.Due, late.Outcome = schemas.StateVerified, time.Time{}, schemas.Outcome{State: schemas.StateVerified, Time: noon()}
	wantErr(t, l.Save(t.Context(), noon(), late), ledger.ErrFenced)
	want(t, "targets after a save that came too late", db.Targets(t), 3)
	finish(t, l, noon().Add(lease), es["again "+stolen.ID], schemas.StateVerified, time.Time{})
	want(t, "targets after the one in time", db.Targets(t), 2)

	n, err := l.Enter(t.Context(), noon(), cmds)
	must(t, err)
	want(t, "entered again", n, 0)
	want(t, "targets when all have come again", db.Targets(t), 2)
}
