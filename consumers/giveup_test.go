package consumers

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// TestGivenUpAfterApplyIsStillTakenBack: a block whose effect nobody could verify ends when it was to end.
func TestGivenUpAfterApplyIsStillTakenBack(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	b.world.fail["verify"] = fault.Permanent(errAway)
	cmd := b.command(1, block(4*time.Hour))
	b.enters(cmd)
	b.round()
	e := b.state(cmd, schemas.StateFailed, "taken back at 2026-03-01T16:00:00Z")
	if want := b.clock.Now().Add(4 * time.Hour); !e.Ends.Equal(want) || !e.Due.Equal(want) || e.Plan == nil || e.Effect == "" {
		t.Fatalf("ends %s, due %s, plan %v, effect %q; %s expected, and both", e.Ends, e.Due, e.Plan, e.Effect, want)
	}
	b.value("good")
	b.clock.Add(4 * time.Hour)
	b.world.fail["undo"] = errAway
	b.round()
	e = b.state(cmd, schemas.StateFailed, "away")
	delete(b.world.fail, "undo")
	b.clock.Add(e.Due.Sub(b.clock.Now()))
	b.round()
	b.state(cmd, schemas.StateExpired, "taken back")
	b.value("")
	if d := cmp.Diff([]string{"failed", "expired"}, b.published()); d != "" {
		t.Errorf("outcomes (-want +got):\n%s", d)
	}
	if n := len(b.broker.on(b.broker.Topics().DeadLetter)); n != 1 {
		t.Errorf("%d dead letters", n)
	}
}

// TestTriesExhaustedAfterTheTimeIsOver: what was applied is then taken back at once.
func TestTriesExhaustedAfterTheTimeIsOver(t *testing.T) {
	t.Parallel()
	cfg := enforcing()
	cfg.Attempts = 2
	b := newBench(t, cfg)
	b.world.fail["verify"] = fault.After(errAway, time.Hour)
	cmd := b.command(1, block(time.Minute))
	b.enters(cmd)
	b.round()
	b.value("good")
	b.clock.Add(time.Hour)
	b.round()
	b.state(cmd, schemas.StateExpired, "taken back")
	b.value("")
	if d := cmp.Diff([]string{"failed", "expired"}, b.published()); d != "" {
		t.Errorf("outcomes (-want +got):\n%s", d)
	}
}

func TestGivenUpAfterApplyCanBeUndone(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*schemas.Command){"for good": func(*schemas.Command) {}, "for a time": block(time.Hour)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, enforcing())
			b.world.value["x"] = "bad"
			b.world.fail["verify"] = fault.Permanent(errAway)
			cmd := b.command(1, edit)
			b.enters(cmd)
			b.round()
			b.state(cmd, schemas.StateFailed, "what it may have done")
			requestUndo(b, cmd, false)
			b.round()
			b.state(cmd, schemas.StateUndone, "undone by ann")
			b.value("bad")
			b.clock.Add(2 * time.Hour)
			if n := b.round(); n != 0 {
				t.Errorf("%d entries are due after the undo", n)
			}
		})
	}
}

// TestGivenUpTwiceIsToldTwice: that the effect could not be taken back is an outcome of its own, after which only a person can do more.
func TestGivenUpTwiceIsToldTwice(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	b.world.fail["verify"] = fault.Permanent(errAway)
	cmd := b.command(1, block(time.Hour))
	b.enters(cmd)
	b.round()
	b.world.value["x"] = "theirs"
	b.clock.Add(time.Hour)
	b.round()
	e := b.state(cmd, schemas.StateFailed, "changed since")
	if !e.Due.IsZero() || !e.Ends.IsZero() || e.Effect != "" {
		t.Errorf("due %s, ends %s, effect %q; none expected", e.Due, e.Ends, e.Effect)
	}
	b.published()
	uids := map[string]bool{}
	for _, m := range b.broker.on(b.broker.Topics().Outcomes) {
		uids[m.Header(schemas.HeaderID)] = true
	}
	if len(uids) != 2 {
		t.Errorf("the two failures have the uids %v", uids)
	}
	requestUndo(b, cmd, true)
	b.round()
	b.state(cmd, schemas.StateUndone, "")
	b.value("")
}

// TestGivenUpIsAHolder: what a block that failed may have done is its own until its time is over; another block on the target does not take it away, and
// counts on it only as long as itself.
func TestGivenUpIsAHolder(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	b.world.fail["verify"] = fault.Permanent(errAway)
	failed, shorter := b.command(1, block(4*time.Hour)), b.command(2, block(time.Hour))
	b.enters(failed)
	b.round()
	delete(b.world.fail, "verify")
	b.enters(shorter)
	b.round()
	b.state(shorter, schemas.StateInForce, failed.ID)
	b.clock.Add(time.Hour)
	b.round()
	b.state(shorter, schemas.StateExpired, "the effect stays")
	b.value("good")
	b.clock.Add(3 * time.Hour)
	b.round()
	b.state(failed, schemas.StateExpired, "taken back")
	b.value("")
}

// TestApplyThatFailedKeepsNothingForGood: a block for good that never got through does not make one with a time last for ever.
func TestApplyThatFailedKeepsNothingForGood(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	b.world.fail["apply"] = fault.Permanent(errAway)
	failed, timed := b.command(1, block(0)), b.command(2, block(time.Hour))
	b.enters(failed)
	b.round()
	b.state(failed, schemas.StateFailed, "stands until it is undone")
	delete(b.world.fail, "apply")
	b.enters(timed)
	b.round()
	b.clock.Add(time.Hour)
	b.round()
	b.state(timed, schemas.StateExpired, "taken back")
	b.value("")
}

// TestFailureSaysWhy: a list of commands shows messages alone.
func TestFailureSaysWhy(t *testing.T) {
	t.Parallel()
	long := errors.New(strings.Repeat("\u00fc", 200) + "\nand a second line")
	for _, tc := range []struct {
		name     string
		attempts int
		step     string
		err      error
		want     string
	}{
		{"permanent", 3, "plan", fault.Permanent(errAway), "failed for good: away"},
		{"one try", 1, "plan", errAway, "given up after 1 try: away"},
		{"applied", 1, "apply", errAway, "given up after 1 try: away; what it may have done stands until it is undone"},
		{"long", 1, "plan", long, "given up after 1 try: " + strings.Repeat("\u00fc", 150) + "..."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			cfg := enforcing()
			cfg.Attempts = tc.attempts
			b := newBench(t, cfg)
			b.world.fail[tc.step] = tc.err
			cmd := b.command(1)
			b.enters(cmd)
			b.round()
			if e := b.state(cmd, schemas.StateFailed, ""); e.Outcome.Message != tc.want || e.Outcome.Error != tc.err.Error() {
				t.Errorf("message %q, error %q", e.Outcome.Message, e.Outcome.Error)
			}
		})
	}
}
