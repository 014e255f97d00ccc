package consumers

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

func TestBlockEnds(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	cmd := b.command(1, block(4*time.Hour))
	b.enters(cmd)
	b.round()
	e := b.state(cmd, schemas.StateInForce, "")
	if want := b.clock.Now().Add(4 * time.Hour); !e.Ends.Equal(want) || !e.Due.Equal(want) {
		t.Errorf("ends %s, due %s; %s expected", e.Ends, e.Due, want)
	}
	b.value("good")
	b.clock.Add(4*time.Hour - time.Second)
	if n := b.round(); n != 0 {
		t.Errorf("%d entries too early", n)
	}
	b.clock.Add(time.Second)
	b.round()
	b.state(cmd, schemas.StateExpired, "taken back")
	b.value("")
	if d := cmp.Diff([]string{"in_force", "expired"}, b.published()); d != "" {
		t.Errorf("outcomes (-want +got):\n%s", d)
	}
}

// TestBlocksAreAUnion: the effect lasts until the last command that wants it has ended, in whatever order they end.
func TestBlocksAreAUnion(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name          string
		first, second time.Duration // zero: for good
		lifted        time.Duration // zero: never
	}{
		{"a later block extends", 4 * time.Hour, 6 * time.Hour, 7 * time.Hour},
		{"a shorter block does not shorten", 9 * time.Hour, 2 * time.Hour, 9 * time.Hour},
		{"one for good stays", 4 * time.Hour, 0, 0},
		{"one for good was first", 0, 4 * time.Hour, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, enforcing())
			first, second := b.command(1, block(tc.first)), b.command(2, block(tc.second))
			second.With["note"] = "another" // no part of the enforcer
			b.enters(first)
			b.round()
			b.clock.Add(time.Hour)
			b.enters(second)
			b.round()
			if second := b.get(second); second.State != schemas.StateInForce && second.State != schemas.StateVerified {
				t.Fatalf("the second is %s", second.State)
			}
			if len(b.world.writes) != 1 {
				t.Errorf("writes: %v", b.world.writes)
			}
			for at := time.Hour; at <= 20*time.Hour; at += 30 * time.Minute {
				b.round()
				want := "good"
				if tc.lifted != 0 && at >= tc.lifted {
					want = ""
				}
				if got := b.world.value["x"]; got != want {
					t.Fatalf("after %s the value is %q; %q expected", at, got, want)
				}
				b.clock.Add(30 * time.Minute)
			}
			for _, cmd := range []schemas.Command{first, second} {
				if want := schemas.StateExpired; cmd.For > 0 {
					b.state(cmd, want, "")
				} else {
					b.state(cmd, schemas.StateVerified, "")
				}
			}
		})
	}
}

func TestBlockThatWasThereIsNotOurs(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	b.world.value["x"] = "good"
	cmd := b.command(1, block(time.Hour))
	b.enters(cmd)
	b.round()
	b.state(cmd, schemas.StateUnchanged, "")
	b.clock.Add(2 * time.Hour)
	b.round()
	b.value("good")
}

func TestBlockIsTakenBackThoughItTakesManyTries(t *testing.T) {
	t.Parallel()
	cfg := enforcing()
	cfg.Attempts = 3
	b := newBench(t, cfg)
	cmd := b.command(1, block(time.Hour))
	b.enters(cmd)
	b.round()
	b.world.fail["undo"] = errAway
	b.clock.Add(time.Hour)
	for range 8 {
		if n := b.round(); n != 1 {
			t.Fatalf("%d entries", n)
		}
		b.clock.Add(b.state(cmd, schemas.StateInForce, "away").Due.Sub(b.clock.Now()))
	}
	delete(b.world.fail, "undo")
	b.round()
	b.state(cmd, schemas.StateExpired, "")
	b.value("")
}

func TestBlockThatSomebodyChangedIsNotLifted(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	cmd := b.command(1, block(time.Hour))
	b.enters(cmd)
	b.round()
	b.world.value["x"] = "theirs"
	b.clock.Add(time.Hour)
	b.round()
	b.state(cmd, schemas.StateFailed, "changed since")
	b.value("theirs")
	b.published()
	if n := len(b.broker.on(b.broker.Topics().DeadLetter)); n != 1 {
		t.Errorf("%d dead letters", n)
	}
}

func TestUndoAndHold(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	b.world.value["x"] = "bad"
	cmd := b.command(1)
	b.enters(cmd)
	b.round()
	requestUndo(b, cmd, false)
	b.round()
	b.state(cmd, schemas.StateUndone, "undone by ann")
	b.value("bad")
	if d := cmp.Diff([]string{"verified", "undone"}, b.published()); d != "" {
		t.Errorf("outcomes (-want +got):\n%s", d)
	}

	again, other := b.command(2), b.command(3, func(c *schemas.Command) { c.Rule = "another-rule" })
	b.enters(again)
	b.round()
	b.state(again, schemas.StateApproval, "undone by ann")
	b.value("bad")
	b.enters(other)
	b.round()
	b.state(other, schemas.StateVerified, "")

	b.world.value["x"] = "bad"
	b.clock.Add(b.cfg.Hold)
	late := b.command(4)
	b.enters(late)
	b.round()
	b.state(late, schemas.StateVerified, "")
}

func TestUndoOfWhatWasChanged(t *testing.T) {
	t.Parallel()
	b := newBench(t, enforcing())
	b.world.value["x"] = "bad"
	cmd := b.command(1)
	b.enters(cmd)
	b.round()
	b.world.value["x"] = "theirs"
	requestUndo(b, cmd, false)
	b.round()
	e := b.state(cmd, schemas.StateVerified, ErrChanged.Error())
	if e.Undo == nil || !strings.Contains(e.Undo.Refused, "--force") {
		t.Fatalf("the request is %+v; a refusal that names --force expected", e.Undo)
	}
	b.value("theirs")
	requestUndo(b, cmd, true)
	b.round()
	b.state(cmd, schemas.StateUndone, "")
	b.value("bad")
}

func TestUndoThatFails(t *testing.T) {
	t.Parallel()
	cfg := enforcing()
	cfg.Attempts = 2
	b := newBench(t, cfg)
	cmd := b.command(1, block(10*time.Hour))
	b.enters(cmd)
	b.round()
	ends := b.get(cmd).Ends
	b.world.fail["undo"] = errAway
	requestUndo(b, cmd, false)
	b.round()
	b.clock.Add(time.Minute)
	b.round()
	e := b.state(cmd, schemas.StateInForce, "away")
	if e.Undo.Refused != "away" || !e.Due.Equal(ends) {
		t.Errorf("refused %q, due %s; away, %s expected", e.Undo.Refused, e.Due, ends)
	}
	b.world.fail["undo"] = fault.Permanent(errAway)
	requestUndo(b, cmd, false)
	b.round()
	if e := b.get(cmd); e.Undo.Refused != "away" || e.Attempts != 0 {
		t.Errorf("entry %+v", e)
	}
	delete(b.world.fail, "undo")
	b.clock.Add(10 * time.Hour)
	b.round()
	b.state(cmd, schemas.StateExpired, "")
}
