package ledgertest

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/schemas"
)

func decide(t *testing.T, l ledger.Ledger, id string, d ledger.Decision) ledger.Entry {
	t.Helper()
	e, err := l.Decide(t.Context(), noon(), id, d)
	must(t, err)
	return e
}

func refused(t *testing.T, l ledger.Ledger, id string, d ledger.Decision, why error) {
	t.Helper()
	_, err := l.Decide(t.Context(), noon(), id, d)
	wantErr(t, err, why)
}

func fourEyes(t *testing.T, db Database) {
	l := db.Open(t)
	enter(t, l, noon(), command(1, "a"))
	e := one(t, l, noon())
	e.Plan = &schemas.Plan{Calls: []schemas.Call{{Service: "s3", Operation: "Put"}}}
	hash, err := e.Plan.Hash()
	must(t, err)
	e.State, e.Due, e.Outcome = schemas.StateApproval, time.Time{}, schemas.Outcome{State: schemas.StateApproval, Approvers: 2, Time: noon()}
	must(t, l.Save(t.Context(), noon(), e))
	id := e.Command.ID
	refused(t, l, id, ledger.Decision{Approve: true, By: "ann", Plan: "another"}, ledger.ErrPlan)
	refused(t, l, id, ledger.Decision{By: "ann", Plan: "another"}, ledger.ErrPlan)
	first := decide(t, l, id, ledger.Decision{Approve: true, By: "ann", Reason: "looks right", Via: "link", Plan: hash, Nonce: "one"})
	want(t, "after one of two", first.State, schemas.StateApproval)
	want(t, "the command comes along", first.Command.ID, id)
	none(t, l, noon(), "one of two has approved")
	refused(t, l, id, ledger.Decision{Approve: true, By: "Ann"}, ledger.ErrTwice)
	refused(t, l, id, ledger.Decision{Approve: true, By: "eve", Nonce: "one"}, ledger.ErrTwice)
	second := decide(t, l, id, ledger.Decision{Approve: true, By: "bob", Via: "cli"})
	want(t, "after two of two", second.State, schemas.StatePending)
	e = one(t, l, noon())
	want(t, "by", e.ApprovedBy, "ann and bob")
	want(t, "bound to the plan", e.ApprovedHash, hash)
	want(t, "who, when and why", e.Approvals, []ledger.Approval{
		{By: "ann", Reason: "looks right", Via: "link", At: noon(), Plan: hash, Nonce: "one"}, {By: "bob", Via: "cli", At: noon(), Plan: hash},
	})

	e.Plan = &schemas.Plan{Calls: []schemas.Call{{Service: "s3", Operation: "Delete"}}} // it asks again, for another plan
	e.State, e.Due = schemas.StateApproval, time.Time{}
	must(t, l.Save(t.Context(), noon(), e))
	again := decide(t, l, id, ledger.Decision{Approve: true, By: "ann"})
	want(t, "approvals of the old plan count no more", again.State, schemas.StateApproval)
}

func spend(t *testing.T, l ledger.Ledger, now time.Time, id string, bs ...ledger.Budget) string {
	t.Helper()
	over, err := l.Spend(t.Context(), now, id, bs)
	must(t, err)
	if over == nil {
		return ""
	}
	return over.Key
}

func budgets(t *testing.T, db Database) {
	l := db.Open(t)
	two, three := ledger.Budget{Key: "two", Max: 2, Within: time.Hour}, ledger.Budget{Key: "a three", Max: 3, Within: time.Hour}
	want(t, "first", spend(t, l, noon(), "c1", two, three), "")
	want(t, "again", spend(t, l, noon(), "c1", two, three), "")
	want(t, "second", spend(t, l, noon().Add(time.Minute), "c2", three, two), "")
	want(t, "third", spend(t, l, noon(), "c3", two, three), "two")
	want(t, "counted before", spend(t, l, noon(), "c2", two, three), "")
	want(t, "what was turned away took nothing of the other", spend(t, l, noon(), "c4", three), "")
	want(t, "the other", spend(t, l, noon(), "c5", three), "a three")
	l = db.Open(t)
	want(t, "the window moves", spend(t, l, noon().Add(time.Hour), "c6", two), "")
	want(t, "c2 still counts", spend(t, l, noon().Add(time.Hour), "c7", two), "two")
	want(t, "nothing to spend", spend(t, l, noon(), "c8"), "")
	want(t, "hostile", spend(t, l, noon(), "c\x00\xff", ledger.Budget{Key: "k\x00\xff", Max: 1, Within: time.Hour}), "")
}

// budgetsTogether: what several processes spend at one time never goes over.
func budgetsTogether(t *testing.T, db Database) {
	const processes, each, most = 3, 40, 25
	all := ledger.Budget{Key: "all", Max: most, Within: time.Hour}
	var passed atomic.Int64
	var g errgroup.Group
	for p := range processes {
		l := db.Open(t)
		own := ledger.Budget{Key: fmt.Sprint("process ", processes-p), Max: each, Within: time.Hour}
		for i := range each {
			g.Go(func() error {
				over, err := l.Spend(t.Context(), noon(), fmt.Sprint(p, "-", i), []ledger.Budget{own, all})
				if err == nil && over == nil {
					passed.Add(1)
				}
				return err
			})
		}
	}
	must(t, g.Wait())
	want(t, "passed", int(passed.Load()), most)
}

func switches(t *testing.T, db Database) {
	l := db.Open(t)
	all, err := l.Switches(t.Context())
	must(t, err)
	want(t, "switches of a new ledger", len(all), 0)
	stop := ledger.Switch{Lane: schemas.LaneBlock, Stopped: true, By: "ann", Reason: "it blocks customers", At: noon()}
	must(t, l.Turn(t.Context(), stop, ledger.Switch{Lane: schemas.LaneRemediate, Stopped: true, By: "ann", At: noon()}))
	l = db.Open(t)
	old := ledger.Switch{Lane: schemas.LaneBlock, By: "bob", At: noon().Add(-time.Second)}
	resume := ledger.Switch{Lane: schemas.LaneRemediate, By: "bob", Reason: "mended", At: noon().Add(time.Second)}
	must(t, l.Turn(t.Context(), old, resume))
	all, err = l.Switches(t.Context())
	must(t, err)
	want(t, "switches", all, []ledger.Switch{stop, resume})
}

func duties(t *testing.T, db Database) {
	a, b := db.Open(t), db.Open(t)
	has := func(l ledger.Ledger, owner string, now time.Time) bool {
		t.Helper()
		ok, err := l.Duty(t.Context(), now, "block set x", owner, now.Add(lease))
		must(t, err)
		return ok
	}
	want(t, "the first", has(a, "a", noon()), true)
	want(t, "another", has(b, "b", noon().Add(lease/2)), false)
	want(t, "the first again", has(a, "a", noon().Add(lease/2)), true)
	want(t, "another, when the first time is over", has(b, "b", noon().Add(lease)), false)
	want(t, "another, when it was not lengthened", has(b, "b", noon().Add(lease+lease/2)), true)
	want(t, "the first, too late", has(a, "a", noon().Add(lease+lease/2)), false)
}

func wakes(t *testing.T, db Database) {
	l := db.Open(t)
	enter(t, l, noon(), command(1, "a"), command(2, "b"), command(3, "c"))
	es := claim(t, l, noon(), 10)
	es[0].Ends = noon().Add(time.Hour)
	finish(t, l, noon(), es[0], schemas.StateInForce, es[0].Ends)
	finish(t, l, noon(), es[1], schemas.StateVerified, time.Time{})
	finish(t, l, noon(), es[2], schemas.StateFailed, time.Time{})
	none(t, l, noon(), "nothing is due")
	must(t, l.Wake(t.Context(), noon(), []string{es[0].Command.ID, es[1].Command.ID, es[2].Command.ID}))
	woken := claim(t, l, noon(), 10)
	want(t, "woken", uids(woken), []string{"event-1", "event-2"})
	want(t, "in force still", woken[0].State, schemas.StateInForce)
	must(t, l.Wake(t.Context(), noon(), []string{es[0].Command.ID})) // a worker has it
	none(t, l, noon(), "a worker has them")
}

func prolongs(t *testing.T, db Database) {
	l := db.Open(t)
	enter(t, l, noon(), command(1, "a"), command(2, "b"))
	es := claim(t, l, noon(), 10)
	es[0].Ends = noon().Add(time.Hour)
	finish(t, l, noon(), es[0], schemas.StateInForce, es[0].Ends)
	finish(t, l, noon(), es[1], schemas.StateVerified, time.Time{})
	until := noon().Add(5 * time.Hour)
	e, err := l.Prolong(t.Context(), noon(), es[0].Command.ID, until, "ann", "it came back")
	must(t, err)
	want(t, "ends", e.Ends, until)
	want(t, "kept", get(t, l, es[0].Command.ID).Ends, until)
	none(t, l, noon().Add(4*time.Hour), "not over yet")
	want(t, "over", uids(claim(t, l, until, 10)), []string{"event-1"})
	_, err = l.Prolong(t.Context(), noon(), es[1].Command.ID, until, "ann", "")
	wantErr(t, err, ledger.ErrState)
}
