package consumers

import (
	"testing"
	"time"

	"github.com/riposte-security/riposte/consumers/guard"
	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/schemas"
)

// TestClockPutForward: what has a time ends early, what is due is done, and no budget is spent twice.
func TestClockPutForward(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	blocked, waits := b.command(1, block(4*time.Hour)), b.command(2, at("y"), func(c *schemas.Command) { c.Approval = "required" })
	b.enters(blocked, waits)
	b.round()
	b.clock.Add(48 * time.Hour)
	old := b.command(3, at("z"), func(c *schemas.Command) { c.EventTime = b.clock.Now().Add(-48 * time.Hour) }) // of before the jump
	b.enters(old)
	b.round()
	b.state(blocked, schemas.StateExpired, "its time is over")
	b.state(waits, schemas.StateRefused, "nobody decided within 24h0m0s")
	b.state(old, schemas.StateStale, "")
}

// TestClockPutBack: a block lasts no longer than its rule says, a budget that is spent stays so, and what waits is still refused in the end.
func TestClockPutBack(t *testing.T) {
	t.Parallel()
	b, _ := newWall(t, func(c *Config) { c.Budgets = []guard.Limit{{Per: "rule", Max: 1, Within: time.Hour}} })
	right := b.clock.Now()
	b.clock.Add(30 * 24 * time.Hour) // the clock is wrong
	blocked := b.command(1, block(4*time.Hour))
	b.enters(blocked)
	b.round()
	b.state(blocked, schemas.StateInForce, "")
	b.clock.Add(right.Sub(b.clock.Now())) // and right again
	second := b.command(2, at("y"), block(4*time.Hour))
	b.enters(second)
	b.round()
	b.state(second, schemas.StateApproval, "is spent")
	b.reconciled()
	e := b.state(blocked, schemas.StateInForce, "the clock was put back")
	if left := e.Ends.Sub(right); left > 4*time.Hour || left <= 0 || !e.Due.Equal(e.Ends) {
		t.Errorf("the block ends in %s; 4h expected", left)
	}
	b.clock.Add(4 * time.Hour)
	b.round()
	b.state(blocked, schemas.StateExpired, "")
	b.value("")
	b.clock.Add(24 * time.Hour)
	b.round()
	b.state(second, schemas.StateRefused, "nobody decided")
}

// TestLeaseWhenTheClockJumps: a lease that a jump has ended is another's; whoever had it writes nothing any more.
func TestLeaseWhenTheClockJumps(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	cmd := b.command(1)
	b.enters(cmd)
	had, err := b.ledger.Claim(t.Context(), b.clock.Now(), ledger.Claim{Owner: "one", Lanes: b.lanes, N: 1, Lease: b.cfg.Lease})
	if err != nil || len(had) != 1 {
		t.Fatal(had, err)
	}
	b.clock.Add(-time.Hour)
	if n := b.round(); n != 0 {
		t.Fatal("a lease was lost to a clock that was put back")
	}
	b.clock.Add(3 * time.Hour)
	b.round()
	b.state(cmd, schemas.StateVerified, "")
	had[0].State = schemas.StateFailed
	if err := b.ledger.Save(t.Context(), b.clock.Now(), had[0]); err == nil {
		t.Error("a lease that was lost still wrote")
	}
	b.state(cmd, schemas.StateVerified, "")
}
