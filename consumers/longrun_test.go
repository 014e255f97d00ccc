package consumers

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/riposte-security/riposte/schemas"
)

// What lasts gives its place away once, and counts from then on until it is over; what ends before does neither.
func TestLongRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, left := &longRuns{after: lingering, most: 1}, 0
		leave := func() { left++ }
		quick, ok := l.begin(leave)
		if !ok {
			t.Fatal("the first may not begin")
		}
		quick()
		over, ok := l.begin(leave)
		if !ok {
			t.Fatal("one that was quick counts")
		}
		other, ok := l.begin(leave)
		if !ok {
			t.Fatal("one that has not lasted yet counts")
		}
		other()
		<-time.After(lingering + time.Second)
		synctest.Wait()
		if _, ok := l.begin(leave); ok || left != 1 {
			t.Errorf("beside a long one another may begin: %t; %d have left", ok, left)
		}
		over()
		if over, ok := l.begin(leave); !ok {
			t.Error("when it is over none may begin")
		} else {
			over()
		}
	})
}

// A marathon is an action whose Start lasts until done is closed.
type marathon struct {
	*press
	begun chan string
	done  <-chan struct{}
}

func (m *marathon) Lingers(schemas.Command) bool { return true }

func (m *marathon) Start(ctx context.Context, cmd schemas.Command, _ schemas.Plan) (schemas.Run, error) {
	m.begun <- cmd.EventUID
	select {
	case <-m.done:
	case <-ctx.Done():
		return schemas.Run{}, ctx.Err()
	}
	return schemas.Run{Ref: "run-" + cmd.ID}, nil
}

// TestLongRunsStarveNobody: with one worker and two runs that do not end, what is quick is done in the meantime; the second of the runs waits, and that is no try.
func TestLongRunsStarveNobody(t *testing.T) {
	t.Parallel()
	cfg := enforcing()
	cfg.Workers = 1
	b, done := newBench(t, cfg), make(chan struct{})
	m := &marathon{press: &press{}, begun: make(chan string, 2), done: done}
	b.d.Actions[Name{schemas.LaneRemediate, "run"}] = m
	b.long[schemas.LaneRemediate].after = time.Millisecond
	b.world.value["x"] = "bad"
	runs := make([]schemas.Command, 2)
	for i := range runs {
		runs[i] = b.command(i, func(c *schemas.Command) {
			c.Action, c.Approval, c.Severity, c.Target.ID = "run", schemas.ApprovalWaived, "critical", []string{"r1", "r2"}[i]
		})
	}
	quick := b.command(9)
	b.enters(runs[0], runs[1], quick)
	stop := b.start()
	defer stop()
	b.eventually("what is quick is done", func() bool { return b.get(quick).State == schemas.StateVerified })
	b.eventually("the second run waits", func() bool { return b.get(runs[1]).State == schemas.StateRetrying })
	b.state(runs[1], schemas.StateRetrying, "waits for one of 1 long runs to end")
	if e := b.get(runs[1]); e.Attempts != 0 || len(m.begun) != 1 || b.get(runs[0]).State != schemas.StateRunning {
		t.Errorf("%d have begun; %+v", len(m.begun), e)
	}
	close(done)
	b.eventually("the first run ends", func() bool { return b.get(runs[0]).State == schemas.StateVerified })
	b.clock.Add(2 * longWait)
	b.eventually("the second follows", func() bool { return b.get(runs[1]).State == schemas.StateVerified })
}
