package correlate

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

func spec(s Spec) map[string]*Spec {
	s.Rule = "r"
	if s.GroupBy == nil {
		s.GroupBy = []string{"g"}
	}
	if s.Max == 0 {
		s.Max = Unbounded
	}
	return map[string]*Spec{"r": &s}
}

func contribution(uid string, group any, at time.Duration) Contribution {
	g, _ := json.Marshal([]any{group})
	return Contribution{Rule: "r", UID: uid, Group: g, Time: epoch - epoch%60_000 + at.Milliseconds()}
}

func arrives(at time.Duration) time.Time {
	return time.UnixMilli(epoch - epoch%60_000 + at.Milliseconds())
}

// TestFirstOfManyMatters: of many events of one rule, the first is the one that meets an event which comes late.
func TestFirstOfManyMatters(t *testing.T) {
	t.Parallel()
	s := NewState(spec(Spec{Type: Temporal, Rules: []string{"a", "b"}, Within: time.Minute, Lateness: 10 * time.Minute}), &Budget{Limit: 1 << 20})
	for i, at := range []int{1, 20, 25, 30, 35, 40, 45, 50, 55} {
		c := contribution(fmt.Sprint(i), "g", time.Duration(at)*time.Second)
		if fired, v := s.Apply(&c, arrives(time.Minute)); len(fired) > 0 || v != Counted {
			t.Fatal(fired, v)
		}
	}
	late := contribution("b", "g", -55*time.Second)
	late.Part = 1
	fired, _ := s.Apply(&late, arrives(2*time.Minute))
	if len(fired) != 1 || fired[0].Events != 2 {
		t.Errorf("%+v", fired)
	}
}

// TestForgedFuture: an event that claims to be of the year 2099 neither pushes out what is known nor ends what waits.
func TestForgedFuture(t *testing.T) {
	t.Parallel()
	future := 73 * 365 * 24 * time.Hour
	for _, typ := range []Type{EventCount, Absence} {
		sp := Spec{Type: typ, Within: time.Minute, Lateness: time.Minute}
		if typ == EventCount {
			sp.Min = 3 * milli
		}
		s := NewState(spec(sp), &Budget{Limit: 1 << 20})
		apply := func(uid string, at time.Duration) []Firing {
			c := contribution(uid, "g", at)
			fired, _ := s.Apply(&c, arrives(10*time.Second))
			return fired
		}
		apply("1", time.Second)
		apply("2", 2*time.Second)
		for i := range 100 {
			if fired := apply(fmt.Sprint("f", i), future+time.Duration(i)*time.Hour); len(fired) > 0 {
				t.Errorf("%s: forged events fire: %v", typ, fired)
			}
		}
		if typ == EventCount {
			if fired := apply("3", 3*time.Second); len(fired) != 1 || fired[0].Events != 3 {
				t.Errorf("%s: %v", typ, fired)
			}
			continue
		}
		// The forged heartbeats count as of when they arrived, not as of when they say.
		if fired := s.Seal(arrives(2*time.Minute + 9*time.Second)); len(fired) != 0 {
			t.Errorf("%s: too early: %v", typ, fired)
		}
		if fired := s.Seal(arrives(2*time.Minute + 10*time.Second)); len(fired) != 1 {
			t.Errorf("%s: %v", typ, fired)
		}
	}
}

// TestBounded floods a state: it stays within its budget and says of every contribution that it left out. What was known before stays.
func TestBounded(t *testing.T) {
	t.Parallel()
	b := &Budget{Limit: 1 << 20}
	s := NewState(spec(Spec{Type: EventCount, Min: 2 * milli, Within: time.Minute, Lateness: time.Minute}), b)
	first := contribution("1", "victim", 0)
	s.Apply(&first, arrives(0))
	counted, shed := 1, 0
	for i := range 50_000 {
		c := contribution("x", i, 0)
		switch _, v := s.Apply(&c, arrives(time.Second)); v {
		case Counted:
			counted++
		case Shed:
			shed++
		default:
			t.Fatal(v)
		}
	}
	if counted+shed != 50_001 || shed == 0 || b.Used() > b.Limit+1024 || s.Groups() != counted {
		t.Errorf("%d counted, %d shed, %d groups, %d of %d bytes", counted, shed, s.Groups(), b.Used(), b.Limit)
	}
	second := contribution("2", "victim", time.Second)
	if fired, v := s.Apply(&second, arrives(time.Second)); v != Counted || len(fired) != 1 {
		t.Errorf("a group that was known is %s, %d findings", v, len(fired))
	}
	// When that is over, there is room again.
	c := contribution("y", "new", 3*time.Minute)
	if _, v := s.Apply(&c, arrives(3*time.Minute)); v != Counted || s.Groups() != 1 {
		t.Errorf("%s, %d groups", v, s.Groups())
	}
	s.Close()
	if b.Used() != 0 {
		t.Errorf("%d bytes after the end", b.Used())
	}
}

// TestHotGroup sends a million events into one group: it keeps what can make a difference, and fires once in each bucket.
func TestHotGroup(t *testing.T) {
	t.Parallel()
	for _, typ := range []Type{EventCount, ValueCount, Temporal} {
		sp := Spec{Type: typ, Within: time.Minute, Lateness: time.Minute, Min: 10 * milli}
		if typ == Temporal {
			sp.Rules, sp.Min = []string{"a", "b"}, 0
		}
		b := &Budget{Limit: 1 << 20}
		s := NewState(spec(sp), b)
		fired := 0
		const n = 50_000
		for i := range n {
			at := time.Duration(i) * 6 * time.Millisecond // five minutes in all
			c := contribution(fmt.Sprint(i), "g", at)
			c.Value, c.Part = fmt.Sprint(i%50), i%max(1, len(sp.Rules))
			f, v := s.Apply(&c, arrives(at))
			fired += len(f)
			if v == Shed {
				t.Fatal(typ, "shed")
			}
		}
		if fired != 5 || b.Used() > 8<<10 {
			t.Errorf("%s: fired %d times, %d bytes", typ, fired, b.Used())
		}
	}
}
