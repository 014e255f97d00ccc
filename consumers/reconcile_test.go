package consumers

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/riposte-security/riposte/consumers/guard"
	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// A wall is a set of addresses in one place, which others can edit: an IP set, say.
type wall struct {
	*world
	inspected int
}

func (w *wall) Enforcer(schemas.Command) string { return "the wall" }

func (w *wall) Touches(schemas.Command, schemas.Plan) ([]schemas.Target, error) {
	return []schemas.Target{{Type: "wall", ID: "the wall"}}, nil
}

func (w *wall) Inspect(_ context.Context, cmds []schemas.Command) (missing, others []string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inspected++
	ours := map[string]bool{}
	for _, c := range cmds {
		ours[c.Target.ID] = true
		if w.value[c.Target.ID] != "good" {
			missing = append(missing, c.ID)
		}
	}
	for id, v := range w.value {
		if v == "good" && !ours[id] {
			others = append(others, id)
		}
	}
	slices.Sort(others)
	return missing, others, nil
}

func (w *wall) set(id, value string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.put(id, value)
}

func newWall(t *testing.T, edit ...func(*Config)) (*bench, *wall) {
	t.Helper()
	cfg := enforcing()
	for _, f := range edit {
		if f != nil {
			f(&cfg)
		}
	}
	b := newBench(t, cfg)
	w := &wall{world: b.world}
	b.Service = b.service(cfg, b.ledger, w)
	return b, w
}

func at(id string) func(*schemas.Command) { return func(c *schemas.Command) { c.Target.ID = id } }

func (b *bench) reconciled() {
	b.t.Helper()
	if err := b.reconcileOnce(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	b.round()
}

// TestReconcile: somebody edits the set by hand; both ways are mended, and what is not ours stays.
func TestReconcile(t *testing.T) {
	t.Parallel()
	b, w := newWall(t)
	x, y, z := b.command(1, block(4*time.Hour)), b.command(2, block(4*time.Hour), at("y")), b.command(3, block(time.Hour), at("z"))
	b.enters(x, y, z)
	b.round()
	b.reconciled()
	if n := len(w.writes); n != 3 {
		t.Fatalf("%d writes where nothing had changed; 3 expected", n)
	}
	w.set("x", "")             // taken out by hand
	w.set("stranger", "good")  // put in by hand
	b.clock.Add(2 * time.Hour) // z is over
	b.round()
	b.state(z, schemas.StateExpired, "")
	w.set("z", "good") // it comes back: an enforcer restored from a copy, say
	b.reconciled()
	b.value("good")
	if e := b.state(x, schemas.StateInForce, "put back again at"); string(e.Plan.Before) != `""` || e.Ends != b.get(y).Ends {
		t.Errorf("the pre-image is %s, the end %s", e.Plan.Before, e.Ends)
	}
	if w.value["z"] != "good" {
		t.Error("what has just ended was taken away: a command may be about to use it")
	}
	b.clock.Add(5 * time.Minute)
	b.reconciled()
	if w.value["z"] == "good" || w.value["stranger"] != "good" || w.value["y"] != "good" {
		t.Errorf("the wall holds %v", w.value)
	}
	b.reconciled()
	b.published()
	if d := cmp.Diff([]string{"foreign", "drift"}, b.notices()); d != "" {
		t.Errorf("notices (-want +got):\n%s", d)
	}
	b.clock.Add(10 * time.Hour)
	b.round()
	b.state(x, schemas.StateExpired, "")
	b.value("")
}

// TestReconcileHasOneWriter: of two processes one compares; when it is gone, the other does.
func TestReconcileHasOneWriter(t *testing.T) {
	t.Parallel()
	b, w := newWall(t)
	other := b.service(b.cfg, b.ledger, w)
	other.d.Owner = "other"
	b.enters(b.command(1, block(100*time.Hour)))
	b.round()
	for range 3 {
		for _, s := range []*Service{b.Service, other} {
			if err := s.reconcileOnce(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
	if w.inspected != 3 {
		t.Errorf("looked %d times; 3 expected", w.inspected)
	}
	b.clock.Add(time.Hour) // the first is gone
	if err := other.reconcileOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w.inspected != 4 {
		t.Error("nobody took over")
	}
}

// TestNotPutBack: what has come onto the list of what is never touched, and what cannot be put back now.
func TestNotPutBack(t *testing.T) {
	t.Parallel()
	b, w := newWall(t)
	cmd := b.command(1, block(4*time.Hour))
	b.enters(cmd)
	b.round()
	w.set("x", "")
	b.world.fail["apply"] = fault.Permanent(errAway)
	b.reconciled()
	b.state(cmd, schemas.StateInForce, "away")
	delete(b.world.fail, "apply")
	cfg := b.cfg
	cfg.Never = []guard.Entry{{Name: "x", Reason: "a customer"}}
	b.Service = b.service(cfg, b.ledger, w)
	b.reconciled()
	b.state(cmd, schemas.StateInForce, "not put back: on the list of what is never touched: name x (a customer)")
	b.value("")
	b.Service = b.service(b.cfg, b.ledger, w)
	b.cfg.Never = nil
	b.before, b.after = b.guards()
	b.reconciled()
	b.value("good")
}

// TestReconcileWithoutInspector: an action that cannot read its place at once is asked for a plan for each command.
func TestReconcileWithoutInspector(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	cmd := b.command(1, block(4*time.Hour))
	b.enters(cmd)
	b.round()
	b.world.value["x"] = "bad"
	b.reconciled()
	b.value("good")
	if e := b.get(cmd); !strings.Contains(e.Outcome.Message, "put back") {
		t.Errorf("outcome %+v", e.Outcome)
	}
}

// TestNeverTouchedByWayOfAnEnforcer: what must not be changed gets no entry, and none is put back, whatever the target.
func TestNeverTouchedByWayOfAnEnforcer(t *testing.T) {
	t.Parallel()
	listed := []guard.Entry{{Name: "the wall", Reason: "the network team's"}}
	b, w := newWall(t)
	blocked := b.command(1, block(4*time.Hour))
	b.enters(blocked)
	b.round()
	w.set("x", "")
	cfg := b.cfg
	cfg.Never = listed
	b.Service = b.service(cfg, b.ledger, w)
	b.reconciled()
	b.state(blocked, schemas.StateInForce, "is not put back: on the list of what is never touched: name the wall (the network team's), by way of wall the wall")
	cmd := b.command(2, block(time.Hour), at("y"))
	b.enters(cmd)
	b.round()
	if e := b.state(cmd, schemas.StateRefused, "by way of wall the wall"); e.Applied || e.Plan == nil {
		t.Errorf("applied %v, plan %v; a plan expected that was not carried out", e.Applied, e.Plan)
	}
	if len(w.writes) != 1 {
		t.Errorf("writes: %v", w.writes)
	}
}

// TestStopEndsReconciling: what outlived its time is not taken away any more once the lane is stopped, though the comparison is in course.
func TestStopEndsReconciling(t *testing.T) {
	t.Parallel()
	b, w := newWall(t)
	for n := range 3 {
		b.enters(b.command(n, block(time.Hour), at(fmt.Sprint("t", n))))
	}
	b.enters(b.command(9, block(100*time.Hour)))
	b.round()
	b.clock.Add(2 * time.Hour)
	b.round()
	for n := range 3 {
		w.set(fmt.Sprint("t", n), "good")
	}
	b.clock.Add(time.Hour)
	undone := 0
	w.onCall = func(step string) {
		if step == "undo" {
			undone++
			b.brake.set(map[schemas.Lane]ledger.Switch{schemas.LaneBlock: {Lane: schemas.LaneBlock, Stopped: true}})
		}
	}
	b.brake.set(nil)
	for range 2 { // under way, and when it is stopped already
		if err := b.reconcileUnlessStopped(t.Context(), t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if undone != 1 || w.value["t1"] != "good" || w.value["t2"] != "good" {
		t.Errorf("%d undone, the wall holds %v", undone, w.value)
	}
}
