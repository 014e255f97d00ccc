package consumers

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// A press is an action that starts runs, which take a while.
type press struct {
	alarm
	started           []string // ids of commands
	asked             int      // how often somebody asked
	runs              int      // so many questions say that it runs
	startErr, pollErr error
}

func (p *press) Start(_ context.Context, cmd schemas.Command, _ schemas.Plan) (schemas.Run, error) {
	p.started = append(p.started, cmd.ID)
	return schemas.Run{Ref: "run-" + cmd.ID}, p.startErr
}

func (p *press) Poll(_ context.Context, cmd schemas.Command, plan schemas.Plan) (schemas.Outcome, time.Duration, error) {
	p.asked++
	switch {
	case plan.Run.Ref != "run-"+cmd.ID:
		return schemas.Outcome{}, 0, fault.Permanent(workError("asked about " + plan.Run.Ref))
	case p.pollErr != nil:
		return schemas.Outcome{}, 0, p.pollErr
	case p.asked <= p.runs:
		return schemas.Outcome{Message: "it runs"}, 10 * time.Second, nil
	}
	return schemas.Outcome{Message: "it is done", After: []byte(`{"n":1}`)}, 0, nil
}

// newPress is a bench whose action starts runs.
func newPress(t *testing.T, edit func(*Config)) (*bench, *press, schemas.Command) {
	t.Helper()
	cfg := enforcing()
	if edit != nil {
		edit(&cfg)
	}
	b, p := newBench(t, cfg), &press{}
	b.Service = b.service(cfg, b.ledger, p)
	cmd := b.command(1, func(c *schemas.Command) { c.Approval = schemas.ApprovalWaived })
	b.enters(cmd)
	return b, p, cmd
}

// A run is started once and asked about at its times, which are the ledger's: more often than there are tries, over restarts, with the lease much longer than the
// time between. What follows on the target waits. When it has ended, its result is the outcome, and nobody looks whether it still holds.
func TestRunIsFollowed(t *testing.T) {
	t.Parallel()
	b, p, cmd := newPress(t, func(c *Config) { c.Attempts, c.Lease = 3, time.Hour })
	p.runs = 8
	next := b.command(2, func(c *schemas.Command) { c.Approval = schemas.ApprovalWaived })
	b.enters(next)
	for i := range p.runs {
		if n := b.round(); n != 1 {
			t.Fatalf("round %d: %d entries", i, n)
		}
		e := b.state(cmd, schemas.StateVerifying, "it runs")
		if e.Plan.Run == nil || e.Plan.Run.Ref != "run-"+cmd.ID || e.Plan.Run.Since.IsZero() || e.Attempts != 0 {
			t.Fatalf("%+v, run %+v", e, e.Plan.Run)
		}
		if n := b.round(); n != 0 {
			t.Fatalf("asked %d times before it was due", n)
		}
		b.Service = b.service(b.cfg, b.ledger, p) // a restart
		b.clock.Add(10 * time.Second)
	}
	b.round()
	e := b.state(cmd, schemas.StateVerified, "it is done")
	if string(e.Outcome.After) != `{"n":1}` || !e.Due.IsZero() {
		t.Errorf("%+v", e)
	}
	b.state(next, schemas.StateVerified, "it is done")
	if len(p.started) != 2 {
		t.Errorf("started %v", p.started)
	}
	b.clock.Add(time.Hour)
	if n := b.round(); n != 0 {
		t.Errorf("%d entries are looked at once more", n)
	}
	if got := strings.Join(b.published(), " "); got != "verified verified" {
		t.Errorf("published %s", got)
	}
}

func TestRunThatEndsBadly(t *testing.T) {
	t.Parallel()
	b, p, cmd := newPress(t, nil)
	p.pollErr = fault.Permanent(workError("execution aborted: no memory"))
	b.round()
	b.state(cmd, schemas.StateFailed, "no memory")
	if len(p.started) != 1 {
		t.Errorf("started %v", p.started)
	}
}

// Questions that fail are asked again, and nothing is started twice for it.
func TestRunThatCannotBeAskedAbout(t *testing.T) {
	t.Parallel()
	b, p, cmd := newPress(t, nil)
	p.pollErr = errAway
	b.round()
	b.state(cmd, schemas.StateRetrying, "away")
	p.pollErr = nil
	b.clock.Add(time.Hour)
	b.round()
	b.state(cmd, schemas.StateVerified, "it is done")
	if len(p.started) != 1 {
		t.Errorf("started %v", p.started)
	}
}

func TestRunThatDoesNotStart(t *testing.T) {
	t.Parallel()
	b, p, cmd := newPress(t, nil)
	p.startErr = errAway
	b.round()
	if e := b.state(cmd, schemas.StateRetrying, "away"); e.Plan.Run != nil || !e.Applied {
		t.Errorf("%+v", e)
	}
	p.startErr = nil
	b.clock.Add(time.Hour)
	b.round()
	b.state(cmd, schemas.StateVerified, "it is done")
	if len(p.started) != 2 || p.started[0] != p.started[1] {
		t.Errorf("started %v", p.started)
	}
}

// Who has not said that nobody need be asked waits for a person, since nothing takes an invocation back.
func TestRunNeedsApproval(t *testing.T) {
	t.Parallel()
	b, p, _ := newPress(t, nil)
	b.round()
	for approval, why := range map[string]string{"": "cannot take its effect back", schemas.ApprovalRequired: "the rule says approval: required"} {
		cmd := b.command(len(why), func(c *schemas.Command) { c.Approval = approval })
		b.enters(cmd)
		b.round()
		b.state(cmd, schemas.StateApproval, why)
	}
	if len(p.started) != 1 {
		t.Errorf("started %v", p.started)
	}
}
