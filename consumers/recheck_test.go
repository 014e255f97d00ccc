package consumers

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/consumers/guard"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

func made(by string) func(*schemas.Command) {
	return func(c *schemas.Command) { c.Event = []byte(`{"actor":{"user":{"name":"` + by + `"}}}`) }
}

// TestReverted: what was verified is read once more later, and what somebody has changed back by then is neither put back nor called verified any more.
func TestReverted(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		after func(*bench)
		want  schemas.State
		why   string
	}{
		{"it holds", func(*bench) {}, schemas.StateVerified, ""},
		{"it was changed back", func(b *bench) { b.world.value["x"] = "bad" }, schemas.StateReverted, "somebody has changed it back since"},
		{"it was changed to something else", func(b *bench) { b.world.value["x"] = "ugly" }, schemas.StateReverted, "it would take again: set good"},
		{"it is gone", func(b *bench) { b.world.fail["plan"] = fault.Permanent(errAway) }, schemas.StateVerified, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, enforcing())
			b.world.value["x"] = "bad"
			cmd := b.command(1)
			b.enters(cmd)
			b.round()
			tc.after(b)
			b.clock.Add(b.cfg.Recheck - time.Second)
			b.round()
			b.state(cmd, schemas.StateVerified, "")
			b.clock.Add(time.Second)
			b.round()
			if e := b.state(cmd, tc.want, tc.why); !e.Due.IsZero() {
				t.Errorf("due again at %s", e.Due)
			}
			if n := len(b.world.writes); n != 1 {
				t.Errorf("%d writes", n)
			}
			want := []string{"verified"}
			if tc.want == schemas.StateReverted {
				want = append(want, "reverted")
			}
			if d := cmp.Diff(want, b.published()); d != "" {
				t.Errorf("outcomes (-want +got):\n%s", d)
			}
			if tc.want == schemas.StateReverted {
				u := b.get(cmd)
				if u.Standing() {
					t.Error("what was changed back counts as an effect that stands")
				}
			}
		})
	}
}

// TestRecheckWaitsForTheAPI: an API that is away is no sign of somebody who changed something.
func TestRecheckWaitsForTheAPI(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	b.world.value["x"] = "bad"
	cmd := b.command(1)
	b.enters(cmd)
	b.round()
	b.world.value["x"], b.world.fail["plan"] = "bad", errAway
	b.clock.Add(b.cfg.Recheck)
	b.round()
	e := b.state(cmd, schemas.StateVerified, "")
	delete(b.world.fail, "plan")
	b.clock.Add(e.Due.Sub(b.clock.Now()))
	b.round()
	b.state(cmd, schemas.StateReverted, "")
}

// TestRevertedBySomebodyWhoIsNamed: when the rule comes again, what it did before was reverted, and the new event says by whom.
func TestRevertedBySomebodyWhoIsNamed(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	b.world.value["x"] = "bad"
	first, second := b.command(1, made("ann")), b.command(2, made("deployer"))
	b.enters(first)
	b.round()
	b.clock.Add(time.Minute)
	b.world.value["x"] = "bad"
	b.enters(second)
	b.round()
	b.state(first, schemas.StateReverted, "it was changed back by deployer; command "+second.ID)
	b.state(second, schemas.StateVerified, "")
	if d := cmp.Diff([]string{"verified", "verified", "reverted"}, b.published()); d != "" {
		t.Errorf("outcomes (-want +got):\n%s", d)
	}
}

// TestTwoThatWaitedAreNotReverted: a plan that was made before the effect says nothing of what became of it.
func TestTwoThatWaitedAreNotReverted(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	b.world.value["x"] = "bad"
	asks := func(c *schemas.Command) { c.Approval = "required" }
	first, second := b.command(1, asks), b.command(2, asks)
	b.enters(first, second)
	b.round()
	b.clock.Add(time.Minute)
	decide(b, first, true)
	b.round()
	b.clock.Add(time.Minute)
	decide(b, second, false)
	b.round()
	b.state(second, schemas.StateRejected, "")
	b.clock.Add(b.cfg.Recheck)
	b.round()
	b.state(first, schemas.StateVerified, "")
}

// TestTwoRulesAgainstEachOther: each takes the other's work back; it ends with a question that names both.
func TestTwoRulesAgainstEachOther(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	b.world.value["x"] = "bad"
	last := ""
	b.d.Ours = func(_ context.Context, event []byte) (string, bool, error) {
		id := gjson.GetBytes(event, "made_by").Str
		return id, id != "", nil
	}
	b.before, b.after = b.guards()
	var cmds []schemas.Command
	for i := range 8 {
		cmd := b.command(i, func(c *schemas.Command) {
			c.Rule, c.Event = []string{"opens", "closes"}[i%2], []byte(`{"api":{"operation":"Set"},"made_by":"`+last+`"}`)
			c.With = map[string]any{"value": []string{"open", "closed"}[i%2]}
		})
		b.enters(cmd)
		b.round()
		cmds = append(cmds, cmd)
		if b.get(cmd).State == schemas.StateApproval {
			break
		}
		last = cmd.ID
	}
	end := cmds[len(cmds)-1]
	if len(cmds) != 5 {
		t.Errorf("it ended with command %d; the fifth expected", len(cmds))
	}
	b.state(end, schemas.StateApproval, "a chain of 4 responses led here: closes set on x <- opens set on x")
	b.cfg.Loop.Chain = 0
	b.before, b.after = b.guards()
	again := b.command(20, func(c *schemas.Command) {
		c.Rule, c.With, c.Event = "opens", map[string]any{"value": "open"}, []byte(`{"api":{"operation":"Set"},"made_by":"`+last+`"}`)
	})
	b.enters(again)
	b.round()
	b.state(again, schemas.StateApproval, "the changes were made by rule closes (command "+cmds[3].ID+")")
}

// TestNothingIsPutBackInADryRun: who goes back to a dry run wants no calls, and none that mend.
func TestNothingIsPutBackInADryRun(t *testing.T) {
	t.Parallel()
	b, w := newWall(t)
	cmd := b.command(1, block(4*time.Hour))
	b.enters(cmd)
	b.round()
	w.set("x", "")
	cfg := b.cfg
	cfg.Mode = guard.DryRun
	b.Service = b.service(cfg, b.ledger, w)
	b.reconciled()
	b.state(cmd, schemas.StateInForce, "is not put back: mode is dry_run")
	b.value("")
}

// TestAnotherPlanAsksAgainAloud: that a plan changed after its approval is an outcome of its own, or nobody would hear of it.
func TestAnotherPlanAsksAgainAloud(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	b.world.value["x"] = "bad"
	cmd := b.command(1, func(c *schemas.Command) { c.Approval = "required" })
	b.enters(cmd)
	b.round()
	b.clock.Add(time.Minute)
	b.world.value["x"] = "worse"
	decide(b, cmd, true)
	b.round()
	b.state(cmd, schemas.StateApproval, "")
	b.value("worse")
	b.published()
	uids := map[string]bool{}
	for _, m := range b.broker.on(b.broker.Topics().Outcomes) {
		uids[m.Header(schemas.HeaderID)] = true
	}
	if len(uids) != 2 {
		t.Errorf("two questions have the uids %v", uids)
	}
}
