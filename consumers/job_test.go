package consumers

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/riposte-security/riposte/consumers/guard"
	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/internal/kafka"
	"github.com/riposte-security/riposte/schemas"
)

func TestCommandIsCarriedOut(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	b.world.value["x"] = "bad"
	first, second := b.command(1), b.command(2)
	b.enters(first, second)
	b.round()
	e := b.state(first, schemas.StateVerified, "set good")
	b.state(second, schemas.StateUnchanged, "is good already")
	b.value("good")
	if string(e.Plan.Before) != `"bad"` || !e.Applied || string(e.Outcome.After) != `"good"` || e.Outcome.Attempts != 1 {
		t.Errorf("entry %+v, plan %+v", e, e.Plan)
	}
	if d := cmp.Diff([]string{"verified", "unchanged"}, b.published()); d != "" {
		t.Errorf("outcomes (-want +got):\n%s", d)
	}
	m := b.broker.on(b.broker.Topics().Outcomes)[0]
	if string(m.Key) != first.Target.Key() || m.Header(schemas.HeaderCause) != first.ID {
		t.Errorf("key %q, cause %q", m.Key, m.Header(schemas.HeaderCause))
	}
}

func TestGuards(t *testing.T) {
	t.Parallel()
	old := func(c *schemas.Command) { c.EventTime = c.EventTime.Add(-25 * time.Hour) }
	alert := func(c *schemas.Command) { c.Lane, c.Action = schemas.LaneAlert, "bell" }
	for _, tc := range []struct {
		name   string
		cfg    func(*Config)
		edit   func(*schemas.Command)
		before string
		state  schemas.State
		why    string
	}{
		{name: "enforce", state: schemas.StateVerified},
		{name: "dry run by default", cfg: func(c *Config) { c.Mode = Defaults().Mode }, state: schemas.StateDryRun, why: "mode is dry_run"},
		{name: "dry run by lane", cfg: func(c *Config) {
			c.Lanes = map[schemas.Lane]LaneConfig{schemas.LaneRemediate: {Mode: guard.DryRun}}
		}, state: schemas.StateDryRun, why: "lanes.remediate.mode"},
		{name: "enforced by action", cfg: func(c *Config) {
			c.Mode = guard.DryRun
			c.Actions = map[string]ActionConfig{"set": {Mode: guard.Enforce}}
		}, state: schemas.StateVerified},
		{name: "enforced by account", cfg: func(c *Config) {
			c.Mode = guard.DryRun
			c.Accounts = map[string]ModeConfig{"111122223333": {guard.Enforce}}
		}, state: schemas.StateVerified},
		{name: "account over action", cfg: func(c *Config) {
			c.Actions = map[string]ActionConfig{"set": {Mode: guard.Enforce}}
			c.Accounts = map[string]ModeConfig{"111122223333": {guard.DryRun}}
		}, state: schemas.StateDryRun, why: "accounts.111122223333.mode"},
		{name: "action over account", cfg: func(c *Config) {
			c.Actions = map[string]ActionConfig{"set": {Mode: guard.DryRun}}
			c.Accounts = map[string]ModeConfig{"111122223333": {guard.Enforce}}
		}, state: schemas.StateDryRun, why: "actions.set.mode"},
		{name: "rule lowers", edit: func(c *schemas.Command) { c.Mode = guard.DryRun }, state: schemas.StateDryRun, why: "the rule says"},
		{name: "untrusted", edit: func(c *schemas.Command) { c.Source = "//elsewhere" }, state: schemas.StateRefused, why: "//elsewhere"},
		{name: "no source", edit: func(c *schemas.Command) { c.Source = "" }, state: schemas.StateRefused, why: "names no source"},
		{name: "accept any", edit: func(c *schemas.Command) { c.Source, c.Accept = "", "any" }, state: schemas.StateVerified},
		{name: "stale", edit: old, state: schemas.StateStale, why: "25h0m1s old"},
		{name: "stale even as a dry run", cfg: func(c *Config) { c.Mode = guard.DryRun }, edit: old, state: schemas.StateStale},
		{name: "old, and nothing to do", edit: old, before: "good", state: schemas.StateUnchanged},
		{name: "for a person to mend", before: "hopeless", state: schemas.StateReported, why: "it is hopeless"},
		{name: "for a person to mend, in a dry run", cfg: func(c *Config) { c.Mode = guard.DryRun }, before: "hopeless", state: schemas.StateReported},
		{name: "any age", cfg: func(c *Config) {
			zero := time.Duration(0)
			c.Lanes = map[schemas.Lane]LaneConfig{schemas.LaneRemediate: {RespondWithin: &zero}}
		}, edit: old, state: schemas.StateVerified},
		{name: "approval by rule", edit: func(c *schemas.Command) { c.Approval = "required" }, state: schemas.StateApproval, why: "approval: required"},
		{name: "approval by plan", before: "ask", state: schemas.StateApproval, why: "the value was ask"},
		{name: "for without undo", edit: func(c *schemas.Command) { alert(c); c.For = schemas.Duration(time.Hour) }, state: schemas.StateRefused, why: "cannot take it back"},
		{name: "alerts are sent", cfg: func(c *Config) { c.Mode = guard.DryRun }, edit: func(c *schemas.Command) { alert(c); c.Source = "" }, state: schemas.StateVerified},
		{name: "alerts as a dry run", cfg: func(c *Config) {
			c.Lanes = map[schemas.Lane]LaneConfig{schemas.LaneAlert: {Mode: guard.DryRun}}
		}, edit: alert, state: schemas.StateDryRun},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			cfg := enforcing()
			if tc.cfg != nil {
				tc.cfg(&cfg)
			}
			b := newBench(t, cfg)
			b.world.value["x"] = tc.before
			cmd := b.command(1)
			if tc.edit != nil {
				tc.edit(&cmd)
			}
			b.enters(cmd)
			b.round()
			e := b.state(cmd, tc.state, tc.why)
			acted := len(b.world.writes)+len(b.alarm.sent) > 0
			if acted != (tc.state == schemas.StateVerified) {
				t.Errorf("acted: %v, in state %s", acted, tc.state)
			}
			if planned := tc.state == schemas.StateDryRun || tc.state == schemas.StateStale || tc.state == schemas.StateApproval; planned && e.Plan.Empty() {
				t.Error("the plan does not say which calls would follow")
			}
			if d := cmp.Diff([]string{string(tc.state)}, b.published()); d != "" {
				t.Errorf("outcomes (-want +got):\n%s", d)
			}
		})
	}
}

func TestApprovalBindsToThePlan(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	b.world.value["x"] = "bad"
	cmd := b.command(1, func(c *schemas.Command) { c.Approval = "required" })
	b.enters(cmd)
	b.round()
	b.state(cmd, schemas.StateApproval, "")
	b.world.value["x"] = "worse" // the pre-image, and with it the plan, is another one now
	decide(b, cmd, true)
	b.round()
	b.state(cmd, schemas.StateApproval, "changed since ann approved it")
	b.value("worse")
	decide(b, cmd, true)
	b.round()
	b.state(cmd, schemas.StateVerified, "")
	b.value("good")
}

func TestStaleMayBeApproved(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	old := func(c *schemas.Command) { c.EventTime = c.EventTime.Add(-48 * time.Hour) }
	yes, no := b.command(1, old), b.command(2, old, func(c *schemas.Command) { c.Target.ID = "y" })
	b.enters(yes, no)
	b.round()
	decide(b, yes, true)
	decide(b, no, false)
	b.round()
	b.state(yes, schemas.StateVerified, "")
	b.state(no, schemas.StateRejected, "rejected by ann")
	if d := cmp.Diff([]string{"stale", "stale", "verified", "rejected"}, b.published()); d != "" {
		t.Errorf("outcomes (-want +got):\n%s", d)
	}
	if b.world.value["y"] != "" {
		t.Error("what was rejected was done")
	}
}

func TestEnforcingRevivesNothing(t *testing.T) {
	t.Parallel()
	cfg := enforcing()
	cfg.Mode = guard.DryRun
	b := newBench(t, cfg)
	cmd := b.command(1)
	b.enters(cmd)
	b.round()
	later := b.service(enforcing(), b.ledger, b.world)
	b.clock.Add(100 * 24 * time.Hour)
	b.enters(cmd)
	if n := rounds(t, later, b.ledger, b.clock); n != 0 {
		t.Errorf("%d entries were taken up", n)
	}
	b.state(cmd, schemas.StateDryRun, "")
	b.value("")
}

func TestRetriesThenDeadLetter(t *testing.T) {
	t.Parallel()
	cfg := enforcing()
	cfg.Attempts = 4
	b := newBench(t, cfg)
	b.world.fail["apply"] = errAway
	cmd := b.command(1)
	b.enters(cmd)
	var waits []time.Duration
	for range cfg.Attempts - 1 {
		b.round()
		e := b.state(cmd, schemas.StateRetrying, "away")
		waits = append(waits, e.Due.Sub(b.clock.Now()))
		b.clock.Add(waits[len(waits)-1])
	}
	for i, w := range waits {
		if full := cfg.Backoff.Base << i; w > full || w < full*8/10-time.Microsecond {
			t.Errorf("wait %d is %s; %s less at most a fifth expected", i+1, w, full)
		}
	}
	b.round()
	b.state(cmd, schemas.StateFailed, "given up after 4 tries: away")
	if d := cmp.Diff([]string{"failed"}, b.published()); d != "" {
		t.Errorf("outcomes (-want +got):\n%s", d)
	}
	letters := b.broker.on(b.broker.Topics().DeadLetter)
	if len(letters) != 1 {
		t.Fatalf("%d dead letters", len(letters))
	}
	back, err := schemas.ReadCommand(letters[0].Value)
	if err != nil || back.ID != cmd.ID {
		t.Errorf("the dead letter holds %s: %v", letters[0].Value, err)
	}
	for h, want := range map[string]string{
		kafka.HeaderReason: "given up after 4 tries: away", kafka.HeaderStage: "consumer", kafka.HeaderAttempts: "4", kafka.HeaderTopic: "riposte.remediate",
	} {
		if got := letters[0].Header(h); got != want {
			t.Errorf("header %s is %q; %q expected", h, got, want)
		}
	}
	if b.world.plans != 1 {
		t.Errorf("planned %d times; a plan that may have been applied stays", b.world.plans)
	}
	// A person has it tried again, twice: all tries count.
	for n, want := range []string{"8", "12"} {
		if _, err := b.ledger.Retry(t.Context(), b.clock.Now(), cmd.ID, "ann", "mended"); err != nil {
			t.Fatal(err)
		}
		for range cfg.Attempts {
			b.round()
			b.clock.Add(cfg.Backoff.Max)
		}
		b.state(cmd, schemas.StateFailed, "given up after 4 tries: away")
		b.published()
		letters := b.broker.on(b.broker.Topics().DeadLetter)
		if got := letters[len(letters)-1].Header(kafka.HeaderAttempts); len(letters) != n+2 || got != want {
			t.Errorf("%d dead letters, the last after %s attempts; %s expected", len(letters), got, want)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, step string
		err        error
		state      schemas.State
		wait       time.Duration
	}{
		{"permanent in plan", "plan", fault.Permanent(errAway), schemas.StateFailed, 0},
		{"permanent in apply", "apply", fault.Permanent(errAway), schemas.StateFailed, 0},
		{"permanent in verify", "verify", fault.Permanent(errAway), schemas.StateFailed, 0},
		{"passing in plan", "plan", errAway, schemas.StateRetrying, time.Second},
		{"passing in verify", "verify", errAway, schemas.StateRetrying, time.Second},
		{"asked to wait", "apply", fault.After(errAway, time.Hour), schemas.StateRetrying, time.Hour},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, enforcing())
			b.world.fail[tc.step] = tc.err
			cmd := b.command(1)
			b.enters(cmd)
			b.round()
			e := b.state(cmd, tc.state, "away")
			if tc.state == schemas.StateFailed {
				return
			}
			if w := e.Due.Sub(b.clock.Now()); w > tc.wait || w < tc.wait*8/10-time.Microsecond {
				t.Errorf("waits %s", w)
			}
			delete(b.world.fail, tc.step)
			b.clock.Add(tc.wait)
			b.round()
			b.state(cmd, schemas.StateVerified, "")
		})
	}
}

func TestDefectInAnActionEndsItsCommandOnly(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	b.world.onCall = func(string) { var nobody []string; _ = nobody[len(nobody)] }
	cmd := b.command(1)
	b.enters(cmd)
	b.round()
	b.state(cmd, schemas.StateFailed, "defect in the action")
}

func TestUnfinishedTriesAreCounted(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	cmd := b.command(1)
	b.enters(cmd)
	for range b.cfg.Attempts { // claimed, and never heard of again
		if _, err := b.ledger.Claim(t.Context(), b.clock.Now(), ledger.Claim{Owner: "dies", Lanes: schemas.Lanes(), N: 1, Lease: b.cfg.Lease}); err != nil {
			t.Fatal(err)
		}
		b.clock.Add(b.cfg.Lease)
	}
	b.round()
	b.state(cmd, schemas.StateFailed, "given up after 10 tries that nobody finished")
}

func decide(b *bench, cmd schemas.Command, approve bool) {
	b.t.Helper()
	if _, err := b.ledger.Decide(b.t.Context(), b.clock.Now(), cmd.ID, ledger.Decision{Approve: approve, By: "ann"}); err != nil {
		b.t.Fatal(err)
	}
}

func requestUndo(b *bench, cmd schemas.Command, force bool) {
	b.t.Helper()
	u := ledger.UndoRequest{By: "ann", Reason: "by design", Force: force, At: b.clock.Now()}
	if err := b.ledger.RequestUndo(b.t.Context(), b.clock.Now(), cmd.ID, u, b.cfg.Hold); err != nil {
		b.t.Fatal(err)
	}
}

func TestPlanThatCannotBeStored(t *testing.T) {
	t.Parallel()
	_, err := stored(schemas.Plan{Before: json.RawMessage("{")})
	if !fault.IsPermanent(err) {
		t.Errorf("error %v; a permanent one expected", err)
	}
}
