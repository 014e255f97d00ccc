package guard_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/riposte-security/riposte/consumers/guard"
	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/schemas"
)

func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func TestExempt(t *testing.T) {
	t.Parallel()
	always := func([]byte) (bool, error) { return true, nil }
	x := guard.Exemption{ID: "migration", When: "true", Owner: "ann", Reason: "the great move", Expires: noon().Add(time.Hour), Holds: always}
	for _, c := range []struct {
		name string
		edit func(*guard.Exemption)
		lane schemas.Lane
		now  time.Time
		hit  bool
	}{
		{name: "covers", hit: true},
		{name: "alerts are sent unless it says so", lane: schemas.LaneAlert},
		{name: "alerts", edit: func(x *guard.Exemption) { x.Lanes = schemas.Lanes() }, lane: schemas.LaneAlert, hit: true},
		{name: "another lane", edit: func(x *guard.Exemption) { x.Lanes = []schemas.Lane{schemas.LaneBlock} }},
		{name: "the rule", edit: func(x *guard.Exemption) { x.Rules = []string{"other", "a-*"} }, hit: true},
		{name: "another rule", edit: func(x *guard.Exemption) { x.Rules = []string{"other"} }},
		{name: "another event", edit: func(x *guard.Exemption) { x.Holds = func([]byte) (bool, error) { return false, nil } }},
		{name: "the last moment", now: noon().Add(time.Hour - 1), hit: true},
		{name: "over", now: noon().Add(time.Hour)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			x := x
			if c.edit != nil {
				c.edit(&x)
			}
			if c.lane == "" {
				c.lane = schemas.LaneRemediate
			}
			if c.now.IsZero() {
				c.now = noon()
			}
			g := guard.Exempt{List: func() []guard.Exemption { return []guard.Exemption{x} }}
			v, err := g.Check(t.Context(), guard.Case{Now: c.now, Command: command(c.lane, target("s3-bucket", "logs"))})
			if err != nil || c.hit != (v.State == schemas.StateExempted) || c.hit && !strings.Contains(v.Reason, "migration of ann: the great move (until 2026-03-01T13:00:00Z)") {
				t.Errorf("%+v, %v", v, err)
			}
		})
	}
	broken := x
	broken.Holds = func([]byte) (bool, error) { return false, errors.New("too long") }
	if _, err := (guard.Exempt{List: func() []guard.Exemption { return []guard.Exemption{broken} }}).Check(t.Context(), guard.Case{Now: noon(), Command: command(schemas.LaneBlock, target("ip", "198.51.100.7"))}); err == nil {
		t.Error("an exemption that cannot be evaluated lets pass")
	}
}

func TestExemptionsSayWhoWhyAndUntilWhen(t *testing.T) {
	t.Parallel()
	good := guard.Exemption{ID: "x", When: "true", Owner: "ann", Reason: "because", Expires: noon().Add(time.Hour)}
	if err := good.Validate(noon()); err != nil {
		t.Fatal(err)
	}
	for want, edit := range map[string]func(*guard.Exemption){
		"id": func(x *guard.Exemption) { x.ID = "" }, "when": func(x *guard.Exemption) { x.When = "" }, "owner": func(x *guard.Exemption) { x.Owner = "" },
		"reason": func(x *guard.Exemption) { x.Reason = "" }, "expires": func(x *guard.Exemption) { x.Expires = time.Time{} },
		"year": func(x *guard.Exemption) { x.Expires = noon().Add(400 * 24 * time.Hour) }, "lane": func(x *guard.Exemption) { x.Lanes = []schemas.Lane{"fast"} },
	} {
		x := good
		edit(&x)
		if err := x.Validate(noon()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestApproval(t *testing.T) {
	t.Parallel()
	required := guard.Wanted{Required: true, Because: "actions.act.approval is required"}
	for _, c := range []struct {
		name   string
		c      guard.Case
		wanted guard.Wanted
		why    string
	}{
		{name: "nobody is asked", c: guard.Case{Reversible: true}},
		{name: "irreversible", why: "cannot take its effect back"},
		{name: "irreversible, and waived", wanted: guard.Wanted{Waived: true}},
		{name: "the configuration", c: guard.Case{Reversible: true}, wanted: required, why: "actions.act.approval"},
		{name: "the plan", c: guard.Case{Reversible: true, Plan: &schemas.Plan{Approval: "no predecessor"}}, why: "no predecessor"},
		{name: "approved", c: guard.Case{ApprovedHash: "h", PlanHash: "h"}, wanted: required},
		{name: "another plan", c: guard.Case{Reversible: true, ApprovedHash: "h", PlanHash: "i", ApprovedBy: "ann"}, why: "changed since ann"},
	} {
		c.c.Command = command(schemas.LaneRemediate, target("s3-bucket", "logs"))
		v, err := guard.Approval{Of: func(schemas.Command) guard.Wanted { return c.wanted }}.Check(t.Context(), c.c)
		if err != nil || (c.why == "") != v.Pass() || !strings.Contains(v.Reason, c.why) {
			t.Errorf("%s: %+v, %v", c.name, v, err)
		}
	}
}

func TestBudget(t *testing.T) {
	t.Parallel()
	var asked []ledger.Budget
	var over *ledger.Budget
	g := guard.Budget{Limits: guard.DefaultLimits(), Spend: func(_ context.Context, _ time.Time, _ string, bs []ledger.Budget) (*ledger.Budget, error) {
		asked = bs
		return over, nil
	}}
	c := guard.Case{Now: noon().Add(17 * time.Minute), Command: command(schemas.LaneRemediate, target("s3-bucket", "logs"))}
	if v, err := g.Check(t.Context(), c); err != nil || !v.Pass() {
		t.Fatalf("%+v, %v", v, err)
	}
	keys := map[string]bool{}
	for _, b := range asked {
		keys[b.Key] = true
	}
	for _, want := range []string{"rule a-rule", "action act", "account 111122223333", "targets of type s3-bucket"} {
		if !keys[want+" in lane remediate within 1h0m0s"] {
			t.Errorf("no budget of %s among %v", want, keys)
		}
	}
	if len(keys) != 4 {
		t.Errorf("budgets %v", keys)
	}
	over = &asked[0]
	v, err := g.Check(t.Context(), c)
	if err != nil || v.State != schemas.StateApproval || v.Notice == nil || !v.Notice.Once.Equal(noon()) {
		t.Errorf("over: %+v, %v", v, err)
	}
	for name, c := range map[string]guard.Case{
		"a dry run": {Command: c.Command, DryRun: "mode is dry_run"}, "approved": {Command: c.Command, ApprovedHash: "h", PlanHash: "h"},
		"an alert": {Command: command(schemas.LaneAlert, target("s3-bucket", "logs"))},
	} {
		if v, err := g.Check(t.Context(), c); err != nil || !v.Pass() {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
	}
}

func TestInDryRun(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in    guard.Verdict
		state schemas.State
		why   string
	}{
		{guard.Verdict{}, schemas.StateDryRun, "mode is dry_run"},
		{guard.Verdict{State: schemas.StateApproval, Reason: "the rule says so"}, schemas.StateDryRun, "mode is dry_run; in earnest it would wait for an approval: the rule says so"},
		{guard.Verdict{State: schemas.StateRefused, Reason: "never"}, schemas.StateRefused, "never"},
		{guard.Verdict{State: schemas.StateStale, Reason: "old"}, schemas.StateStale, "old"},
	} {
		if v := guard.InDryRun(c.in, "mode is dry_run"); v.State != c.state || v.Reason != c.why {
			t.Errorf("%+v: %+v", c.in, v)
		}
	}
}
