package consumers

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/riposte-security/riposte/schemas"
)

func TestCrew(t *testing.T) {
	t.Parallel()
	c := newCrew(schemas.LaneBlock, 2)
	room := func(n int, except ...string) {
		t.Helper()
		got, left := c.room()
		slices.Sort(left)
		if got != n || !slices.Equal(left, except) {
			t.Errorf("room for %d without %q; %d without %q expected", got, left, n, except)
		}
	}
	room(2)
	c.join("a")
	room(1) // what is claimed may be the same account's
	c.join("a")
	room(2, "a")
	c.join("b")
	room(1, "a")
	c.leave("a")
	room(1)
	c.leave("a")
	c.leave("b")
	room(2)
	for _, account := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		c.join(account)
		c.join(account)
	}
	room(0, "a", "b", "c", "d", "e", "f", "g", "h")

	alerts := newCrew(schemas.LaneAlert, 2)
	alerts.join("a")
	alerts.join("b")
	if n, _ := alerts.room(); n != 0 {
		t.Errorf("room for %d more alerts", n)
	}
}

// TestSlowAccountDelaysNoOther: one account's calls are not answered, and it has more waiting than there are workers.
func TestSlowAccountDelaysNoOther(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	answers := make(chan struct{})
	slow := stalls{world: b.world, account: "111111111111", answers: answers}
	b.Service = b.service(enforcing(), b.ledger, slow)
	var waiting, others []schemas.Command
	for i := range 40 {
		cmd := b.command(i, func(c *schemas.Command) {
			c.Target.ID, c.Target.Account, c.Severity = fmt.Sprint("slow-", i), "111111111111", "critical"
		})
		if i >= 30 {
			cmd = b.command(i, func(c *schemas.Command) { c.Target.ID, c.Target.Account = fmt.Sprint("quick-", i), "222222222222" })
			others = append(others, cmd)
		} else {
			waiting = append(waiting, cmd)
		}
		b.enters(cmd)
	}
	stop := b.start()
	defer stop()
	b.eventually("the others are done", func() bool {
		for _, cmd := range others {
			if b.get(cmd).State != schemas.StateVerified {
				return false
			}
		}
		return true
	})
	for _, cmd := range waiting {
		if s := b.get(cmd).State; s == schemas.StateVerified {
			t.Errorf("a command of the slow account is %s", s)
		}
	}
	close(answers)
	b.eventually("the slow ones follow", func() bool { return b.get(waiting[29]).State == schemas.StateVerified })
}

// stalls is an action of which one account has no answer until answers is closed.
type stalls struct {
	*world
	account string
	answers <-chan struct{}
}

func (s stalls) Plan(ctx context.Context, cmd schemas.Command) (schemas.Plan, error) {
	if cmd.Target.Account == s.account {
		select {
		case <-s.answers:
		case <-ctx.Done():
			return schemas.Plan{}, ctx.Err()
		}
	}
	return s.world.Plan(ctx, cmd)
}
