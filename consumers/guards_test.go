package consumers

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/riposte-security/riposte/consumers/guard"
	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/schemas"
)

// TestMisguidedRule: a rule that matches everything does as much as its budget allows, spares what is on the list, and tells somebody once.
func TestMisguidedRule(t *testing.T) {
	t.Parallel()
	cfg := enforcing()
	cfg.Budgets = []guard.Limit{{Lanes: []schemas.Lane{schemas.LaneRemediate}, Per: "rule", Max: 5, Within: time.Hour}}
	cfg.Never = []guard.Entry{{Name: "prod-*", Reason: "production"}}
	b := newBench(t, cfg)
	other := b.service(cfg, b.ledger, b.world) // a second process, on the same ledger
	var cmds []schemas.Command
	for i := range 40 {
		cmds = append(cmds, b.command(i, func(c *schemas.Command) {
			c.Target.ID = fmt.Sprintf("dev-%d", i)
			if i%4 == 0 {
				c.Target.ID = fmt.Sprintf("prod-%d", i)
			}
		}))
	}
	b.enters(cmds[:20]...)
	b.round()
	b.enters(cmds[20:]...)
	rounds(t, other, b.ledger, b.clock)
	got := map[schemas.State]int{}
	for i, c := range cmds {
		e := b.get(c)
		got[e.State]++
		if i%4 == 0 {
			b.state(c, schemas.StateRefused, "name prod-* (production)")
		}
	}
	want := map[schemas.State]int{schemas.StateVerified: 5, schemas.StateRefused: 10, schemas.StateApproval: 25}
	if d := cmp.Diff(want, got); d != "" {
		t.Fatalf("states (-want +got):\n%s", d)
	}
	if len(b.world.writes) != 5 {
		t.Errorf("%d effects", len(b.world.writes))
	}
	b.published()
	if d := cmp.Diff([]string{"budget"}, b.notices()); d != "" {
		t.Errorf("notices (-want +got):\n%s", d)
	}
	waits := cmds[39]
	b.state(waits, schemas.StateApproval, "the budget of rule a-rule in lane remediate within 1h0m0s is spent: 5 in 1h0m0s")
	decide(b, waits, true)
	b.round()
	b.state(waits, schemas.StateVerified, "")
	b.clock.Add(time.Hour)
	late := b.command(99, func(c *schemas.Command) { c.Target.ID = "dev-late" })
	b.enters(late)
	b.round()
	b.state(late, schemas.StateVerified, "")
}

func TestNobodyDecides(t *testing.T) {
	t.Parallel()
	cfg := enforcing()
	cfg.Approval.Within = time.Hour
	b := newBench(t, cfg)
	cmd := b.command(1, func(c *schemas.Command) { c.Approval = "required" })
	b.enters(cmd)
	b.round()
	b.state(cmd, schemas.StateApproval, "")
	b.clock.Add(time.Hour - time.Second)
	b.round()
	b.state(cmd, schemas.StateApproval, "")
	b.clock.Add(time.Second)
	b.round()
	b.state(cmd, schemas.StateRefused, "nobody decided within 1h0m0s: the rule says approval: required")
	b.value("")
	if _, err := b.ledger.Decide(t.Context(), b.clock.Now(), cmd.ID, ledger.Decision{Approve: true, By: "ann"}); err == nil {
		t.Error("what was refused could be approved")
	}
}

func TestFourEyes(t *testing.T) {
	t.Parallel()
	cfg := enforcing()
	cfg.Approval.FourEyes = true
	b := newBench(t, cfg)
	cmd := b.command(1, func(c *schemas.Command) { c.Approval = "required" })
	b.enters(cmd)
	b.round()
	decide(b, cmd, true)
	if n := b.round(); n != 0 {
		t.Errorf("%d entries were taken up after one approval of two", n)
	}
	if _, err := b.ledger.Decide(t.Context(), b.clock.Now(), cmd.ID, ledger.Decision{Approve: true, By: "bob"}); err != nil {
		t.Fatal(err)
	}
	b.round()
	if e := b.state(cmd, schemas.StateVerified, ""); e.ApprovedBy != "ann and bob" {
		t.Errorf("approved by %q", e.ApprovedBy)
	}
}

// TestDryRunAsksEveryGuard: it says what would have happened in earnest, and spends nothing.
func TestDryRunAsksEveryGuard(t *testing.T) {
	t.Parallel()
	cfg := enforcing()
	cfg.Mode = guard.DryRun
	cfg.Never = []guard.Entry{{Name: "prod"}}
	cfg.Budgets = []guard.Limit{{Per: "rule", Max: 1, Within: time.Hour}}
	b := newBench(t, cfg)
	asks := b.command(1, func(c *schemas.Command) { c.Approval = "required" })
	never := b.command(2, func(c *schemas.Command) { c.Target.ID = "prod" })
	plain := []schemas.Command{b.command(3), b.command(4), b.command(5)}
	b.enters(append(plain, asks, never)...)
	b.round()
	b.state(asks, schemas.StateDryRun, "mode is dry_run; in earnest it would wait for an approval: the rule says approval: required")
	b.state(never, schemas.StateRefused, "name prod")
	for _, c := range plain {
		if e := b.state(c, schemas.StateDryRun, "mode is dry_run"); e.Plan.Empty() {
			t.Error("the plan does not say which calls would follow")
		}
	}
	if len(b.world.writes) != 0 {
		t.Errorf("a dry run wrote %v", b.world.writes)
	}
}

// TestFlapping: a deployer that puts back what its code says meets a question, and is named.
func TestFlapping(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	deployer := func(c *schemas.Command) { c.Event = []byte(`{"actor":{"user":{"name":"deployer"}}}`) }
	for i := range 2 {
		b.world.value["x"] = "bad" // the deployer
		cmd := b.command(i, deployer)
		b.enters(cmd)
		b.round()
		b.state(cmd, schemas.StateVerified, "")
		b.clock.Add(time.Hour)
	}
	b.world.value["x"] = "bad"
	third := b.command(3, deployer)
	b.enters(third)
	b.round()
	b.state(third, schemas.StateApproval, "2 times within 24h0m0s, and each time it was changed back; the changes were made by deployer")
	b.value("bad")
}

func TestExemptionsRemind(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	end := b.clock.Now().Add(10 * 24 * time.Hour)
	b.d.Exemptions = func() []guard.Exemption {
		return []guard.Exemption{{ID: "migration", When: "true", Owner: "ann", Reason: "the great move", Expires: end}}
	}
	for _, c := range []struct {
		at   time.Time
		want int
	}{
		{b.clock.Now(), 0}, {end.Add(-7*24*time.Hour - time.Second), 0}, {end.Add(-7 * 24 * time.Hour), 1}, {end.Add(-time.Hour), 1}, {end, 2}, {end.Add(time.Hour), 2},
	} {
		b.clock.Add(c.at.Sub(b.clock.Now()))
		for range 2 { // two processes that know nothing of each other
			b.remind(t.Context(), map[string]bool{})
		}
		b.published()
		if got := b.notices(); len(got) != c.want {
			t.Errorf("at %s: notices %v; %d expected", c.at, got, c.want)
		}
	}
}
