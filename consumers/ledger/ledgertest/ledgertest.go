// Package ledgertest is the suite that every ledger has to pass.
package ledgertest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/schemas"
)

// A Database is an empty ledger's place. Open may be called several times, as several processes would, and again after Close.
type Database struct {
	Open func(t *testing.T) ledger.Ledger
	// Targets counts those that the database knows of: it grows with what is to be done, and not with what ever was.
	Targets func(t *testing.T) int
}

// Run holds a ledger to its contract. fresh makes a new, empty database each time it is called.
func Run(t *testing.T, fresh func(t *testing.T) Database) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(t *testing.T, db Database)
	}{
		{"enters in order, once", entersOnce},
		{"enters hostile text", entersHostile},
		{"enters shed commands as refused", entersShed},
		{"claims by severity, then sequence", claimsBySeverity},
		{"claims one a target", claimsOnePerTarget},
		{"leaves accounts out", leavesOut},
		{"alerts hold no target", alertsHoldNothing},
		{"lanes share a target", lanesShareTarget},
		{"leases expire and fence", leasesFence},
		{"extends leases", extendsLeases},
		{"idle entries wait for their time", idles},
		{"releases leases of who is gone", releases},
		{"waits for due times", waitsForDue},
		{"what is in force holds nothing", inForceHoldsNothing},
		{"time goes before turn", timeBeforeTurn},
		{"keeps what a worker saves", keepsEntry},
		{"outbox", outbox},
		{"approves and rejects", decides},
		{"four eyes", fourEyes},
		{"tries again what failed", triesAgain},
		{"budgets", budgets},
		{"budgets over many processes", budgetsTogether},
		{"kill switch", switches},
		{"duties", duties},
		{"wakes what stands", wakes},
		{"prolongs what is in force", prolongs},
		{"undo and hold", undoes},
		{"what a rule has done to a target", pasts},
		{"undo of what failed", undoesFailed},
		{"undo while a worker is at it", undoWhileClaimed},
		{"finds by prefix and filter", finds},
		{"holders of an effect", holders},
		{"depth and prune", depthAndPrune},
		{"forgets targets with nothing left", forgetsTargets},
		{"an alert ends its target, unless there is more to do", alertsEnd},
		{"survives reopening", survives},
		{"saves together, fails alone", savesTogether},
		{"order under many workers", orderUnderWorkers},
		{"no claim twice under many processes", noDoubleClaim},
		{"a hot target stays cheap", hotTarget},
		{"many targets stay cheap", manyTargets},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, fresh(t)) })
	}
}

// noon is when the tests begin.
func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

const (
	lease = time.Minute
	owner = "tester"
)

// command makes the nth command on a target.
func command(n int, target string) schemas.Command {
	tgt := schemas.Target{Type: "s3-bucket", Account: "111122223333", ID: target}
	c := schemas.Command{
		Rule: "a-rule", RuleHash: "cafe", Step: "remediate:encrypt", Lane: schemas.LaneRemediate, Action: "encrypt", Target: tgt,
		With: map[string]any{"algorithm": "aws:kms"}, Severity: "high", Event: []byte(`{"class_uid":6003}`),
		EventUID: fmt.Sprintf("event-%d", n), EventTime: noon().Add(-time.Minute), Source: "//test", Created: noon(),
	}
	c.ID = schemas.CommandID(c.Rule, c.Step, c.EventUID, c.Target)
	return c
}

// commands are n of them on the target a.
func commands(n int) []schemas.Command {
	cmds := make([]schemas.Command, n)
	for i := range cmds {
		cmds[i] = command(i, "a")
	}
	return cmds
}

func enter(t *testing.T, l ledger.Ledger, now time.Time, cmds ...schemas.Command) {
	t.Helper()
	n, err := l.Enter(t.Context(), now, cmds)
	must(t, err)
	if n != len(cmds) {
		t.Fatalf("%d commands entered, %d expected", n, len(cmds))
	}
}

func claim(t *testing.T, l ledger.Ledger, now time.Time, n int, lanes ...schemas.Lane) []ledger.Entry {
	t.Helper()
	if len(lanes) == 0 {
		lanes = schemas.Lanes()
	}
	es, err := l.Claim(t.Context(), now, ledger.Claim{Owner: owner, Lanes: lanes, N: n, Lease: lease})
	must(t, err)
	return es
}

// one claims and expects a single entry.
func one(t *testing.T, l ledger.Ledger, now time.Time) ledger.Entry {
	t.Helper()
	es := claim(t, l, now, 10)
	if len(es) != 1 {
		t.Fatalf("%d entries claimed, one expected: %v", len(es), uids(es))
	}
	return es[0]
}

func none(t *testing.T, l ledger.Ledger, now time.Time, why string) {
	t.Helper()
	if es := claim(t, l, now, 10); len(es) != 0 {
		t.Fatalf("%s: %v claimed", why, uids(es))
	}
}

// finish saves an entry in a state, due at a time.
func finish(t *testing.T, l ledger.Ledger, now time.Time, e ledger.Entry, state schemas.State, due time.Time, publish ...ledger.Message) {
	t.Helper()
	e.State, e.Due = state, due
	e.Outcome = schemas.Outcome{State: state, Time: now}
	must(t, l.Save(t.Context(), now, e, publish...))
}

func get(t *testing.T, l ledger.Ledger, id string) ledger.Entry {
	t.Helper()
	es, err := l.List(t.Context(), ledger.Filter{IDs: []string{id}})
	must(t, err)
	if len(es) != 1 {
		t.Fatalf("command %s: %d entries", id, len(es))
	}
	return es[0]
}

func uids(es []ledger.Entry) []string {
	out := []string{}
	for _, e := range es {
		out = append(out, e.Command.EventUID)
	}
	return out
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v; %v expected", err, want)
	}
}

func want[T any](t *testing.T, what string, got, expected T) {
	t.Helper()
	if d := cmp.Diff(expected, got); d != "" {
		t.Fatalf("%s (-want +got):\n%s", what, d)
	}
}
