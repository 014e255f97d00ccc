package ledgertest

import (
	"strings"
	"testing"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/schemas"
)

func entersOnce(t *testing.T, db Database) {
	l := db.Open(t)
	cmds := commands(150) // more than one statement's worth
	n, err := l.Enter(t.Context(), noon(), append(cmds[:100:100], cmds[:50]...))
	must(t, err)
	want(t, "entered of a batch with repeats", n, 100)
	n, err = l.Enter(t.Context(), noon().Add(time.Second), cmds)
	must(t, err)
	want(t, "entered of a batch half known", n, 50)
	n, err = l.Enter(t.Context(), noon(), nil)
	must(t, err)
	want(t, "entered of nothing", n, 0)

	es, err := l.List(t.Context(), ledger.Filter{Limit: 1000})
	must(t, err)
	want(t, "listed", len(es), 150)
	for i, e := range es {
		want(t, "order of entry", e.Command.EventUID, cmds[149-i].EventUID)
	}
	want(t, "the command as it went in", es[149].Command, cmds[0])
	want(t, "state", es[0].State, schemas.StatePending)
}

// entersHostile: what databases refuse in text must not stop the pipeline.
func entersHostile(t *testing.T, db Database) {
	l := db.Open(t)
	bad := []string{"nul\x00byte", "bad utf-8 \xff\xfe", strings.Repeat("long", 5000), "quote'\"; drop table commands", ""}
	for i, s := range bad {
		c := command(i, s)
		c.Rule, c.Action = s, s
		c.Severity = s
		enter(t, l, noon(), c)
	}
	es := claim(t, l, noon(), 100)
	want(t, "claimed", len(es), len(bad))
	for _, e := range es {
		finish(t, l, noon(), e, schemas.StateFailed, time.Time{})
	}
}

func entersShed(t *testing.T, db Database) {
	l := db.Open(t)
	c := command(1, "a")
	c.Shed = &schemas.Shed{Count: 800, EventUIDs: []string{"x"}, Topic: "riposte.events", First: 1, Last: 900}
	enter(t, l, noon(), c, command(2, "a"))
	e := get(t, l, c.ID)
	want(t, "state", e.State, schemas.StateRefused)
	want(t, "reason", e.Outcome.Message, ledger.ShedReason)
	want(t, "claimed", one(t, l, noon()).Command.EventUID, "event-2")
}

func claimsBySeverity(t *testing.T, db Database) {
	l := db.Open(t)
	var cmds []schemas.Command
	for i, s := range []string{"low", "critical", "informational", "high", "medium", "critical", "odd"} {
		c := command(i, s+string(rune('a'+i)))
		c.Severity = s
		c.Lane = schemas.Lanes()[i%3]
		cmds = append(cmds, c)
	}
	enter(t, l, noon(), cmds...)
	want(t, "the first three", uids(claim(t, l, noon(), 3)), []string{"event-1", "event-5", "event-3"})
	want(t, "the rest", uids(claim(t, l, noon(), 10)), []string{"event-4", "event-0", "event-2", "event-6"})
}

// leavesOut: accounts that a claim is not to touch are left, however urgent what they have is; those that have none count as one.
func leavesOut(t *testing.T, db Database) {
	l := db.Open(t)
	accounts := []string{"111111111111", "222222222222", "", "333333333333"}
	var cmds []schemas.Command
	for i := range 8 {
		c := command(i, "t"+string(rune('a'+i)))
		c.Target.Account = accounts[i%4]
		c.Lane = schemas.Lanes()[1+i%2]
		if c.Target.Account == accounts[0] {
			c.Severity = "critical"
		}
		cmds = append(cmds, c)
	}
	enter(t, l, noon(), cmds...)
	claimed := func(n int, except ...string) []string {
		t.Helper()
		es, err := l.Claim(t.Context(), noon(), ledger.Claim{Owner: owner, Lanes: schemas.Lanes(), Except: except, N: n, Lease: lease})
		must(t, err)
		return uids(es)
	}
	want(t, "without two of four", claimed(3, accounts[0], accounts[2]), []string{"event-1", "event-3", "event-5"})
	want(t, "without any", claimed(10, accounts...), []string{})
	want(t, "without those of no account", claimed(2, ""), []string{"event-0", "event-4"})
	want(t, "all", claimed(10), []string{"event-2", "event-6", "event-7"})
}

func claimsOnePerTarget(t *testing.T, db Database) {
	l := db.Open(t)
	urgent := command(2, "a")
	urgent.Severity = "critical"
	enter(t, l, noon(), command(1, "a"), urgent, command(3, "b"))
	es := claim(t, l, noon(), 10)
	want(t, "first of each target", uids(es), []string{"event-1", "event-3"})
	for _, e := range es {
		want(t, "state", e.State, schemas.StateRunning)
		want(t, "attempts", e.Attempts, 1)
		want(t, "due", e.Due, noon().Add(lease))
		if e.Fence == 0 {
			t.Error("no fence")
		}
	}
	none(t, l, noon(), "both targets are held")
	finish(t, l, noon(), es[0], schemas.StateRetrying, noon().Add(time.Hour))
	none(t, l, noon(), "retrying holds the target")
	finish(t, l, noon(), es[1], schemas.StateVerified, time.Time{})
	none(t, l, noon(), "nothing is left on b")
	again := one(t, l, noon().Add(time.Hour))
	want(t, "due again", again.Command.EventUID, "event-1")
	want(t, "attempts", again.Attempts, 2)
	finish(t, l, noon(), again, schemas.StateFailed, time.Time{})
	want(t, "released", one(t, l, noon().Add(time.Hour)).Command.EventUID, "event-2")
}

func alertsHoldNothing(t *testing.T, db Database) {
	l := db.Open(t)
	cmds := commands(3)
	for i := range 2 {
		cmds[i].Lane = schemas.LaneAlert
	}
	enter(t, l, noon(), cmds...)
	want(t, "all at once", len(claim(t, l, noon(), 10)), 3)
}

func lanesShareTarget(t *testing.T, db Database) {
	l := db.Open(t)
	cmds := commands(2)
	cmds[0].Lane = schemas.LaneBlock
	enter(t, l, noon(), cmds...)
	want(t, "remediate waits for block", len(claim(t, l, noon(), 10, schemas.LaneRemediate)), 0)
	es := claim(t, l, noon(), 10, schemas.LaneBlock)
	want(t, "block", len(es), 1)
	want(t, "the target is held", len(claim(t, l, noon(), 10, schemas.LaneRemediate)), 0)
	finish(t, l, noon(), es[0], schemas.StateVerified, time.Time{})
	want(t, "remediate", len(claim(t, l, noon(), 10, schemas.LaneRemediate)), 1)
}

func leasesFence(t *testing.T, db Database) {
	l := db.Open(t)
	enter(t, l, noon(), command(1, "a"))
	first := one(t, l, noon())
	none(t, l, noon().Add(lease-time.Microsecond), "leased")
	second := one(t, l, noon().Add(lease))
	want(t, "same command", second.Seq, first.Seq)
	want(t, "attempts", second.Attempts, 2)
	first.State = schemas.StateVerified
	wantErr(t, l.Save(t.Context(), noon(), first), ledger.ErrFenced)
	wantErr(t, l.Extend(t.Context(), first, noon().Add(time.Hour)), ledger.ErrFenced)
	finish(t, l, noon(), second, schemas.StateVerified, time.Time{})
	second.State = schemas.StateFailed
	wantErr(t, l.Save(t.Context(), noon(), second), ledger.ErrFenced) // the lease ended with the first save
	want(t, "state", get(t, l, first.Command.ID).State, schemas.StateVerified)
}

func extendsLeases(t *testing.T, db Database) {
	l := db.Open(t)
	enter(t, l, noon(), command(1, "a"))
	e := one(t, l, noon())
	must(t, l.Extend(t.Context(), e, noon().Add(3*lease)))
	none(t, l, noon().Add(2*lease), "extended")
	e.State, e.Due = schemas.StateVerifying, noon().Add(3*lease)
	must(t, l.Save(t.Context(), noon(), e))
	none(t, l, noon().Add(2*lease), "verifying under the same lease")
	again := one(t, l, noon().Add(3*lease))
	want(t, "state is kept", again.State, schemas.StateVerifying)
}

// idles: what no worker keeps is handed out when it is due, though its lease would last longer, and holds its target until then.
func idles(t *testing.T, db Database) {
	l := db.Open(t)
	enter(t, l, noon(), command(1, "a"), command(2, "a"))
	e := one(t, l, noon())
	must(t, l.Extend(t.Context(), e, noon().Add(3*lease)))
	due := noon().Add(lease / 10)
	e.State, e.Due, e.Idle = schemas.StateVerifying, due, true
	must(t, l.Save(t.Context(), noon(), e))
	none(t, l, due.Add(-time.Microsecond), "not due yet, and the target is held")
	again := one(t, l, due)
	want(t, "the same", again.Command.EventUID, "event-1")
	want(t, "state is kept", again.State, schemas.StateVerifying)
	if again.Idle {
		t.Error("it is kept again, and idle all the same")
	}
	finish(t, l, due, again, schemas.StateVerified, time.Time{})
	want(t, "the target is free", one(t, l, due).Command.EventUID, "event-2")
}

func releases(t *testing.T, db Database) {
	l := db.Open(t)
	enter(t, l, noon(), command(1, "a"), command(2, "b"), command(3, "c"))
	es := claim(t, l, noon(), 2)
	finish(t, l, noon(), es[1], schemas.StateRetrying, noon().Add(time.Hour))
	_, err := l.Claim(t.Context(), noon(), ledger.Claim{Owner: "another", Lanes: schemas.Lanes(), N: 1, Lease: lease})
	must(t, err)
	n, err := l.Release(t.Context(), noon(), owner)
	must(t, err)
	want(t, "released", n, 1)
	e := one(t, l, noon())
	want(t, "due at once", e.Command.EventUID, "event-1")
	if e.Fence <= es[0].Fence {
		t.Error("the fence did not grow")
	}
	none(t, l, noon(), "the others wait, and are leased")
}

func waitsForDue(t *testing.T, db Database) {
	l := db.Open(t)
	enter(t, l, noon(), command(1, "a"), command(2, "a"))
	e := one(t, l, noon())
	later := noon().Add(10 * time.Minute)
	finish(t, l, noon(), e, schemas.StatePending, later)
	none(t, l, later.Add(-time.Microsecond), "a pending entry is not passed")
	want(t, "in its turn", one(t, l, later).Command.EventUID, "event-1")
}

func inForceHoldsNothing(t *testing.T, db Database) {
	l := db.Open(t)
	enter(t, l, noon(), commands(4)...)
	end := noon().Add(4 * time.Hour)
	e := one(t, l, noon())
	e.Ends = end
	finish(t, l, noon(), e, schemas.StateInForce, end)
	e = one(t, l, noon())
	want(t, "the next goes on", e.Command.EventUID, "event-1")
	finish(t, l, noon(), e, schemas.StateApproval, time.Time{})
	e = one(t, l, noon())
	want(t, "approval holds nothing", e.Command.EventUID, "event-2")
	finish(t, l, noon(), e, schemas.StateApproval, noon().Add(time.Hour))
	finish(t, l, noon(), one(t, l, noon()), schemas.StateUnchanged, time.Time{})
	none(t, l, noon(), "nothing is due")
	e = one(t, l, noon().Add(time.Hour))
	want(t, "the approval's time", e.Command.EventUID, "event-2")
	finish(t, l, noon(), e, schemas.StateRejected, time.Time{})
	e = one(t, l, end)
	want(t, "the end of the block", e.Command.EventUID, "event-0")
	want(t, "state", e.State, schemas.StateInForce)
	want(t, "ends", e.Ends, end)
}

// timeBeforeTurn: what has reached its time goes before pending entries of a lane that nobody serves.
func timeBeforeTurn(t *testing.T, db Database) {
	l := db.Open(t)
	cmds := commands(2)
	cmds[0].Lane = schemas.LaneBlock
	enter(t, l, noon(), cmds[0])
	end := noon().Add(time.Hour)
	finish(t, l, noon(), one(t, l, noon()), schemas.StateInForce, end)
	enter(t, l, noon().Add(time.Minute), cmds[1])
	es := claim(t, l, end, 10, schemas.LaneBlock)
	want(t, "the block's end", uids(es), []string{"event-0"})
	want(t, "held while it is taken back", len(claim(t, l, end, 10, schemas.LaneRemediate)), 0)
	finish(t, l, end, es[0], schemas.StateInForce, end.Add(time.Minute))
	want(t, "then the other lane", uids(claim(t, l, end, 10, schemas.LaneRemediate)), []string{"event-1"})
}
