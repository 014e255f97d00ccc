package ledgertest

import (
	"strings"
	"testing"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/schemas"
)

func keepsEntry(t *testing.T, db Database) {
	l := db.Open(t)
	enter(t, l, noon(), command(1, "a"))
	e := one(t, l, noon())
	e.State, e.Due, e.Applied, e.Attempts, e.Effect, e.Ends = schemas.StateInForce, noon().Add(time.Hour), true, 0, "waf:1.2.3.4", noon().Add(time.Hour)
	e.Plan = &schemas.Plan{Summary: "do", Before: []byte(`{"x":1}`), Calls: []schemas.Call{{Service: "s3", Operation: "Put", Params: map[string]any{"n": 1.5}}}}
	e.Outcome = schemas.Outcome{State: e.State, Message: "done", After: []byte(`{"x":2}`), Attempts: 2, Time: noon()}
	must(t, l.Save(t.Context(), noon().Add(time.Second), e))
	e.Updated = noon().Add(time.Second)
	want(t, "the entry", get(t, l, e.Command.ID), e)

	again := one(t, l, noon().Add(time.Hour))
	again.Plan = nil // a save without a plan keeps the one that is stored
	finish(t, l, noon().Add(time.Hour), again, schemas.StateExpired, time.Time{})
	want(t, "the plan", get(t, l, e.Command.ID).Plan, e.Plan)
}

func outbox(t *testing.T, db Database) {
	l := db.Open(t)
	msg := func(s string) ledger.Message {
		return ledger.Message{Topic: "outcomes", Key: []byte("k"), Value: []byte(s), Headers: map[string]string{"riposte_cause": s}}
	}
	_, err := l.Enter(t.Context(), noon(), commands(1), msg("entered"))
	must(t, err)
	e := one(t, l, noon())
	stale := e
	finish(t, l, noon(), e, schemas.StateVerified, time.Time{}, msg("one"), msg("two"))
	wantErr(t, l.Save(t.Context(), noon(), stale, msg("never")), ledger.ErrFenced)

	got, err := l.Outbox(t.Context(), noon(), 2, lease)
	must(t, err)
	want(t, "the oldest", values(got), []string{"entered", "one"})
	want(t, "headers", got[1].Headers, map[string]string{"riposte_cause": "one"})
	want(t, "topic and key", got[1].Topic+string(got[1].Key), "outcomesk")
	other, err := l.Outbox(t.Context(), noon(), 10, lease)
	must(t, err)
	want(t, "not handed out twice", values(other), []string{"two"})
	must(t, l.Sent(t.Context(), []int64{got[0].ID, other[0].ID}))
	got, err = l.Outbox(t.Context(), noon().Add(lease), 10, lease)
	must(t, err)
	want(t, "what was not sent comes again", values(got), []string{"one"})
}

func values(ms []ledger.Message) []string {
	out := []string{}
	for _, m := range ms {
		out = append(out, string(m.Value))
	}
	return out
}

func decides(t *testing.T, db Database) {
	l := db.Open(t)
	enter(t, l, noon(), command(1, "a"), command(2, "b"), command(3, "c"), command(4, "d"))
	plan := &schemas.Plan{Calls: []schemas.Call{{Service: "s3", Operation: "Put"}}}
	hash, err := plan.Hash()
	must(t, err)
	es := claim(t, l, noon(), 10)
	for i, state := range []schemas.State{schemas.StateApproval, schemas.StateStale, schemas.StateApproval, schemas.StateFailed} {
		es[i].Plan = plan
		finish(t, l, noon(), es[i], state, time.Time{})
	}
	none(t, l, noon(), "all wait or have ended")
	for i := range 2 {
		decide(t, l, es[i].Command.ID, ledger.Decision{Approve: true, By: "ann"})
	}
	decide(t, l, es[2].Command.ID[:8], ledger.Decision{By: "ann", Reason: "too risky"})
	refused(t, l, es[3].Command.ID, ledger.Decision{Approve: true, By: "ann"}, ledger.ErrState)
	refused(t, l, es[0].Command.ID, ledger.Decision{Approve: true, By: "bob"}, ledger.ErrState)
	refused(t, l, "0123456789", ledger.Decision{Approve: true, By: "bob"}, ledger.ErrNotFound)

	es = claim(t, l, noon(), 10)
	want(t, "the decided", uids(es), []string{"event-1", "event-2", "event-3"})
	want(t, "bound to the plan", es[0].ApprovedHash, hash)
	want(t, "by", es[1].ApprovedBy, "ann")
	want(t, "approved", es[1].State, schemas.StateRunning)
	want(t, "rejected, to be made known", es[2].State, schemas.StateRejected)
	want(t, "why", es[2].Outcome.Message, "rejected by ann: too risky")
}

func undoes(t *testing.T, db Database) {
	l := db.Open(t)
	enter(t, l, noon(), command(1, "a"), command(2, "a"))
	e := one(t, l, noon())
	wantErr(t, l.RequestUndo(t.Context(), noon(), e.Command.ID, ledger.UndoRequest{By: "ann"}, time.Hour), ledger.ErrState)
	finish(t, l, noon(), e, schemas.StateVerified, time.Time{})
	u := ledger.UndoRequest{By: "ann", Reason: "by design", Force: true, At: noon()}
	must(t, l.RequestUndo(t.Context(), noon(), e.Command.ID[:6], u, time.Hour))

	e = one(t, l, noon())
	want(t, "the undo comes first", e.Command.EventUID, "event-1")
	want(t, "state", e.State, schemas.StateVerified)
	want(t, "request", e.Undo, &u)
	e.Undo.Refused = "changed"
	finish(t, l, noon(), e, schemas.StateVerified, time.Time{})
	want(t, "then the next", one(t, l, noon()).Command.EventUID, "event-2")
	want(t, "refusal", get(t, l, e.Command.ID).Undo.Refused, "changed")

	key := e.Command.Target.Key()
	for _, c := range []struct {
		at           time.Time
		rule, target string
		held         bool
	}{
		{noon(), "a-rule", key, true},
		{noon().Add(59 * time.Minute), "a-rule", key, true},
		{noon().Add(time.Hour), "a-rule", key, false},
		{noon(), "other", key, false},
		{noon(), "a-rule", "elsewhere", false},
	} {
		past, err := l.Past(t.Context(), c.at, c.rule, c.target)
		must(t, err)
		why := past.Held
		want(t, c.rule+" on "+c.target+" at "+c.at.String(), why != "", c.held)
		if c.held && (!strings.Contains(why, "ann") || !strings.Contains(why, "by design") || !strings.Contains(why, e.Command.ID)) {
			t.Errorf("the hold does not say whose it is, and why: %q", why)
		}
	}
}

// undoesFailed: what failed after it was applied can be taken back, and comes by itself when its time is over; what failed before cannot.
func undoesFailed(t *testing.T, db Database) {
	l := db.Open(t)
	enter(t, l, noon(), command(1, "a"), command(2, "b"))
	es := claim(t, l, noon(), 2)
	end := noon().Add(time.Hour)
	es[0].Applied, es[0].Effect, es[0].Ends = true, "waf:1.2.3.4", end
	finish(t, l, noon(), es[0], schemas.StateFailed, end)
	finish(t, l, noon(), es[1], schemas.StateFailed, time.Time{})
	wantErr(t, l.RequestUndo(t.Context(), noon(), es[1].Command.ID, ledger.UndoRequest{By: "ann"}, 0), ledger.ErrState)
	found, err := l.Holders(t.Context(), "waf:1.2.3.4", "")
	must(t, err)
	want(t, "holders", uids(found), []string{"event-1"})
	none(t, l, noon(), "neither is due")

	e := one(t, l, end)
	want(t, "state", e.State, schemas.StateFailed)
	must(t, l.RequestUndo(t.Context(), end, e.Command.ID, ledger.UndoRequest{By: "ann", At: end}, 0))
	finish(t, l, end, e, schemas.StateFailed, end.Add(time.Hour))
	e = one(t, l, end)
	want(t, "the request was kept, and is due", e.Undo != nil, true)
	finish(t, l, end, e, schemas.StateUndone, time.Time{})
}

func undoWhileClaimed(t *testing.T, db Database) {
	l := db.Open(t)
	enter(t, l, noon(), command(1, "a"))
	end := noon().Add(time.Hour)
	finish(t, l, noon(), one(t, l, noon()), schemas.StateInForce, end)
	e := one(t, l, end) // a worker begins to take it back, its time being over
	must(t, l.RequestUndo(t.Context(), end, e.Command.ID, ledger.UndoRequest{By: "ann", At: end}, 0))
	none(t, l, end, "the worker has it")
	finish(t, l, end, e, schemas.StateInForce, end.Add(time.Hour)) // and fails
	e = one(t, l, end)
	want(t, "the request was kept, and is due", e.Undo != nil, true)
	finish(t, l, end, e, schemas.StateUndone, time.Time{})
	none(t, l, end.Add(9*time.Hour), "all is done")
	wantErr(t, l.RequestUndo(t.Context(), end, e.Command.ID, ledger.UndoRequest{By: "ann"}, 0), ledger.ErrState)
}

func finds(t *testing.T, db Database) {
	l := db.Open(t)
	a, b, c := command(1, "a"), command(2, "b"), command(3, "c")
	a.ID, b.ID, c.ID = "abcdef0011", "abcdef0022", "abcdef00"
	b.Rule, c.Lane, b.Lane = "b-rule", schemas.LaneAlert, schemas.LaneBlock
	enter(t, l, noon(), a, b)
	enter(t, l, noon().Add(time.Hour), c)
	finish(t, l, noon(), claim(t, l, noon(), 1, schemas.LaneRemediate)[0], schemas.StateFailed, time.Time{})
	for _, tc := range []struct {
		name string
		f    ledger.Filter
		want []string
	}{
		{"all, newest first", ledger.Filter{}, []string{"event-3", "event-2", "event-1"}},
		{"limit", ledger.Filter{Limit: 1}, []string{"event-3"}},
		{"exact id, though others begin so", ledger.Filter{IDs: []string{"abcdef00"}}, []string{"event-3"}},
		{"prefix", ledger.Filter{IDs: []string{"abcdef002"}}, []string{"event-2"}},
		{"unknown id", ledger.Filter{IDs: []string{"ffffff"}}, []string{}},
		{"lanes", ledger.Filter{Lanes: []schemas.Lane{schemas.LaneAlert, schemas.LaneBlock}}, []string{"event-3", "event-2"}},
		{"states", ledger.Filter{States: []schemas.State{schemas.StateFailed}}, []string{"event-1"}},
		{"rule", ledger.Filter{Rule: "b-rule"}, []string{"event-2"}},
		{"target", ledger.Filter{Target: a.Target.Key()}, []string{"event-1"}},
		{"since", ledger.Filter{Since: noon().Add(time.Minute)}, []string{"event-3"}},
		{"both", ledger.Filter{Rule: "a-rule", States: []schemas.State{schemas.StatePending}}, []string{"event-3"}},
	} {
		es, err := l.List(t.Context(), tc.f)
		must(t, err)
		want(t, tc.name, uids(es), tc.want)
	}
	for _, id := range []string{"abcdef0", "abc", "f", "abcde"} {
		_, err := l.List(t.Context(), ledger.Filter{IDs: []string{id}})
		if id == "f" {
			must(t, err)
			continue
		}
		wantErr(t, err, ledger.ErrAmbiguous)
	}
}

func holders(t *testing.T, db Database) {
	l := db.Open(t)
	for i, state := range []schemas.State{schemas.StateInForce, schemas.StateVerified, schemas.StateExpired, schemas.StateInForce} {
		enter(t, l, noon(), command(i, "a"))
		e := one(t, l, noon())
		e.Effect = "waf:1.2.3.4"
		if i == 3 {
			e.Effect = "waf:5.6.7.8"
		}
		due := time.Time{}
		if state == schemas.StateInForce {
			due = noon().Add(time.Hour)
		}
		finish(t, l, noon(), e, state, due)
	}
	es, err := l.Holders(t.Context(), "waf:1.2.3.4", command(0, "a").ID)
	must(t, err)
	want(t, "others", uids(es), []string{"event-1"})
	es, err = l.Holders(t.Context(), "waf:1.2.3.4", "")
	must(t, err)
	want(t, "all", uids(es), []string{"event-1", "event-0"})
	es, err = l.Holders(t.Context(), "", "")
	must(t, err)
	want(t, "of nothing", uids(es), []string{})
}

func depthAndPrune(t *testing.T, db Database) {
	l := db.Open(t)
	enter(t, l, noon(), command(1, "a"), command(2, "b"), command(3, "c"), command(4, "d"))
	es := claim(t, l, noon(), 3)
	finish(t, l, noon(), es[0], schemas.StateVerified, time.Time{})
	finish(t, l, noon(), es[1], schemas.StateApproval, time.Time{})
	finish(t, l, noon(), es[2], schemas.StateInForce, noon().Add(time.Hour))
	d, err := l.Depth(t.Context())
	must(t, err)
	want(t, "depth", d, map[schemas.Lane]map[schemas.State]int64{schemas.LaneRemediate: {
		schemas.StatePending: 1, schemas.StateApproval: 1, schemas.StateInForce: 1,
	}})
	n, err := l.Prune(t.Context(), noon(), 10)
	must(t, err)
	want(t, "nothing is old enough", n, 0)
	n, err = l.Prune(t.Context(), noon().Add(time.Second), 10)
	must(t, err)
	want(t, "only what has ended", n, 1)
	left, err := l.List(t.Context(), ledger.Filter{})
	must(t, err)
	want(t, "left", uids(left), []string{"event-4", "event-3", "event-2"})
}

func survives(t *testing.T, db Database) {
	l := db.Open(t)
	enter(t, l, noon(), command(1, "a"), command(2, "b"))
	e := claim(t, l, noon(), 1)[0]
	e.Applied = true
	finish(t, l, noon(), e, schemas.StateRetrying, noon().Add(time.Second), ledger.Message{Topic: "outcomes", Value: []byte("x")})
	must(t, l.Close())

	l = db.Open(t)
	want(t, "pending", one(t, l, noon()).Command.EventUID, "event-2")
	again := one(t, l, noon().Add(time.Second))
	want(t, "retrying", again.Command.EventUID, "event-1")
	want(t, "applied", again.Applied, true)
	ms, err := l.Outbox(t.Context(), noon(), 10, lease)
	must(t, err)
	want(t, "outbox", values(ms), []string{"x"})
}

// triesAgain: what failed can be tried again, by its turn, and whether it was applied stays known.
func triesAgain(t *testing.T, db Database) {
	l := db.Open(t)
	cmds := commands(2)
	enter(t, l, noon(), cmds...)
	id := cmds[0].ID
	_, err := l.Retry(t.Context(), noon(), id, "ann", "")
	wantErr(t, err, ledger.ErrState)
	e := one(t, l, noon())
	e.Plan, e.Applied = &schemas.Plan{Summary: "do"}, true
	finish(t, l, noon(), e, schemas.StateFailed, time.Time{})
	after, err := l.Retry(t.Context(), noon(), id, "ann", "the key is there now")
	must(t, err)
	want(t, "state", after.State, schemas.StatePending)
	want(t, "said", after.Outcome.Message, "to be tried again, asked for by ann: the key is there now")
	again := one(t, l, noon())
	want(t, "it goes before what came after it", again.Command.ID, id)
	want(t, "attempts", again.Attempts, 1)
	if !again.Applied || again.Plan == nil {
		t.Errorf("it is forgotten that it was applied: %+v", again)
	}
	_, err = l.Retry(t.Context(), noon(), "nothing like it", "ann", "")
	wantErr(t, err, ledger.ErrNotFound)
}
