package guard_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/riposte-security/riposte/consumers/guard"
	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/schemas"
)

// A history is a ledger that finds by id.
type history []ledger.Entry

// past is what the ledger says of what was carried out on the target and did not just end.
func (h history) past() ledger.Past {
	return ledger.Past{Done: slices.DeleteFunc(slices.Clone([]ledger.Entry(h)), func(e ledger.Entry) bool { return e.State == schemas.StateExpired })}
}

func (h history) list(_ context.Context, f ledger.Filter) ([]ledger.Entry, error) {
	var found []ledger.Entry
	for _, e := range h {
		if slices.Contains(f.IDs, e.Command.ID) {
			found = append(found, e)
		}
	}
	return found, nil
}

// ours believes what an event says of itself.
func ours(_ context.Context, event []byte) (string, bool, error) {
	_, id, ok := strings.Cut(string(event), `"cause":"`)
	if !ok {
		return "", false, nil
	}
	id, _, _ = strings.Cut(id, `"`)
	return id, true, nil
}

func done(id, rule, operation, event string) ledger.Entry {
	c := command(schemas.LaneRemediate, target("s3-bucket", "logs"))
	c.ID, c.Rule, c.Event, c.Created = id, rule, []byte(event), noon()
	return ledger.Entry{Command: c, State: schemas.StateVerified, Applied: true, Entered: noon(), Plan: &schemas.Plan{Calls: []schemas.Call{{Service: "s3", Operation: operation}}}}
}

func by(who, cause string) string {
	return fmt.Sprintf(`{"api":{"operation":"PutBucketEncryption"},"actor":{"user":{"uid":%q}},"cause":%q}`, who, cause)
}

func TestLoopOfADeployer(t *testing.T) {
	t.Parallel()
	g := guard.Loop{Times: 3, Within: 24 * time.Hour, Chain: 3}
	deployer := `{"actor":{"user":{"uid":"arn:aws:iam::111122223333:role/deployer"}}}`
	c := guard.Case{Now: noon().Add(time.Hour), Command: command(schemas.LaneRemediate, target("s3-bucket", "logs"))}
	c.Command.Event = []byte(deployer)
	check := func(h history) guard.Verdict {
		t.Helper()
		c.Past = h.past()
		v, err := g.Check(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	h := history{done("1", "a-rule", "PutBucketEncryption", deployer)}
	if v := check(h); !v.Pass() {
		t.Errorf("the second time: %+v", v)
	}
	h = append(h, done("2", "a-rule", "PutBucketEncryption", by("arn:aws:iam::111122223333:user/eve", "")))
	v := check(h)
	if v.State != schemas.StateApproval || !strings.Contains(v.Reason, "2 times within 24h") || !strings.Contains(v.Reason, "role/deployer, arn:aws:iam::111122223333:user/eve") {
		t.Errorf("the third time: %+v", v)
	}
	h[0].Plan.Run, h[1].Plan.Run = &schemas.Run{Ref: "x"}, &schemas.Run{Ref: "y"}
	if v := check(h); v.State != schemas.StateApproval || !strings.Contains(v.Reason, "would be run again") || strings.Contains(v.Reason, "changed back") {
		t.Errorf("an invocation: %+v", v)
	}
	other := c
	other.Command.Lane = schemas.LaneAlert
	if v, err := g.Check(t.Context(), other); err != nil || !v.Pass() {
		t.Errorf("an alert: %+v, %v", v, err)
	}
	other = c
	other.ApprovedHash, other.PlanHash = "h", "h"
	if v, err := g.Check(t.Context(), other); err != nil || !v.Pass() {
		t.Errorf("approved: %+v, %v", v, err)
	}
	h[0].State = schemas.StateExpired
	if v := check(h); !v.Pass() {
		t.Errorf("one of two was over in its time: %+v", v)
	}
	h[0].State, h[0].Entered = schemas.StateVerified, noon().Add(-24*time.Hour)
	if v := check(h); !v.Pass() {
		t.Errorf("one of two was long ago: %+v", v)
	}
}

func TestLoopOfRules(t *testing.T) {
	t.Parallel()
	id := func(n int) string { return fmt.Sprintf("%032x", n) }
	chain := func(n int) history { // n responses, each to the one before
		var h history
		for i := 1; i <= n; i++ {
			h = append(h, done(id(i), []string{"encrypts", "decrypts"}[i%2], "PutBucketEncryption", by("arn:aws:iam::111122223333:role/riposte", id(i-1))))
		}
		return h
	}
	for _, c := range []struct {
		name string
		h    history
		edit func(history)
		asks bool
	}{
		{name: "three", h: chain(3)},
		{name: "four", h: chain(4), asks: true},
		{name: "a hundred", h: chain(100), asks: true},
		{name: "the ledger knows of no such command", h: chain(4)[1:]},
		{name: "another target", h: chain(4), edit: func(h history) { h[1].Command.Target.ID = "elsewhere" }},
		{name: "another call", h: chain(4), edit: func(h history) { h[1].Plan.Calls[0].Operation = "DeleteBucket" }},
		{name: "never carried out", h: chain(4), edit: func(h history) { h[1].Applied = false }},
	} {
		if c.edit != nil {
			c.edit(c.h)
		}
		g := guard.Loop{Chain: 3, List: c.h.list, Ours: ours}
		cmd := command(schemas.LaneRemediate, target("s3-bucket", "logs"))
		cmd.Event = []byte(by("arn:aws:iam::111122223333:role/riposte", c.h[len(c.h)-1].Command.ID))
		v, err := g.Check(t.Context(), guard.Case{Now: noon(), Command: cmd})
		if err != nil || c.asks != (v.State == schemas.StateApproval) || c.asks && !strings.Contains(v.Reason, "a chain of 4 responses led here") {
			t.Errorf("%s: %+v, %v", c.name, v, err)
		}
	}
}
