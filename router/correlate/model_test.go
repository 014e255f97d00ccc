package correlate

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// An arrival is a contribution and when it arrives, in milliseconds.
type arrival struct {
	c  Contribution
	at int64
}

const epoch = 1_772_800_000_000

// model says, by definition and without a thought to cost, which findings follow from a set of events.
func model(s *Spec, arrivals []arrival) map[string]bool {
	out := map[string]bool{}
	groups := map[string][]Contribution{}
	seen := map[string]bool{}
	for _, a := range arrivals {
		key := a.c.UID
		if s.Temporal() {
			key = fmt.Sprint(key, "/", a.c.Part)
		}
		if !seen[key] {
			seen[key] = true
			groups[string(a.c.Group)] = append(groups[string(a.c.Group)], a.c)
			if s.Temporal() && a.c.Until > 0 { // it counts at both ends
				a.c.Time = a.c.Until
				groups[string(a.c.Group)] = append(groups[string(a.c.Group)], a.c)
			}
		}
	}
	w := s.Within.Milliseconds()
	for g, events := range groups {
		fire := func(at int64, value string) {
			f := Firing{Spec: s, Group: json.RawMessage(g), Bucket: s.Bucket(at), Value: value}
			out[f.UID()] = true
		}
		between := func(from, to int64) (in []Contribution) { // from < time <= to
			for _, e := range events {
				if e.Time > from && e.Time <= to {
					in = append(in, e)
				}
			}
			return in
		}
		for _, e := range events {
			x := e.Time
			switch {
			case s.Type == Absence:
				if len(between(x, x+w)) == 0 {
					fire(x+w, "")
				}
			case s.Type == NewValue:
				known := len(between(x-w, x-s.Learn.Milliseconds())) > 0
				old := slices.ContainsFunc(between(x-w, x-1), func(o Contribution) bool { return o.Value == e.Value })
				if known && !old {
					fire(x, e.Value)
				}
			case s.Max != Unbounded:
				b := s.Bucket(x)
				if m := modelMeasure(s, between(b*w-1, (b+1)*w-1)); m >= s.Min && m <= s.Max {
					fire(x, "")
				}
			case s.Measured():
				if modelMeasure(s, between(x-w, x)) >= s.Min {
					fire(x, "")
				}
			case s.Type == Temporal:
				parts := map[int]bool{}
				for _, o := range between(x-w, x) {
					parts[o.Part] = true
				}
				if len(parts) == len(s.Rules) {
					fire(x, "")
				}
			case s.Type == TemporalOrdered:
				if e.Part == len(s.Rules)-1 && modelChain(between(x-w, x), e.Part, x) {
					fire(x, "")
				}
			case s.Type == Travel:
				for _, o := range between(x-w, x) {
					km := unpack(o.Place.pack()).distance(unpack(e.Place.pack()))
					if km >= s.MinDistance && km/(math.Max(float64(x-o.Time), 1)/3_600_000) > s.Speed {
						fire(x, "")
					}
				}
			}
		}
	}
	return out
}

// modelChain tells whether events of the rules before part precede a time.
func modelChain(in []Contribution, part int, before int64) bool {
	if part == 0 {
		return true
	}
	return slices.ContainsFunc(in, func(o Contribution) bool {
		return o.Part == part-1 && o.Time <= before && modelChain(in, part-1, o.Time)
	})
}

func modelMeasure(s *Spec, in []Contribution) int64 {
	values, sum := map[string]bool{}, int64(0)
	for _, e := range in {
		values[e.Value] = true
		sum += Thousandths(e.Number)
	}
	switch s.Type {
	case ValueCount:
		return int64(len(values)) * milli
	case ValueSum:
		return sum
	default:
		return int64(len(in)) * milli
	}
}

// randomSpec makes a correlation of a type, with small numbers, so that all cases occur.
func randomSpec(r *rand.Rand, typ Type) *Spec {
	s := &Spec{
		Rule: "r", Type: typ, GroupBy: []string{"g"}, Within: time.Duration(5+r.IntN(60)) * time.Second, Lateness: time.Duration(r.IntN(90)) * time.Second,
		Max: Unbounded,
	}
	switch typ {
	case EventCount, ValueCount, ValueSum:
		s.Min = int64(1+r.IntN(5)) * milli
		if r.IntN(3) == 0 {
			s.Max = s.Min + int64(r.IntN(3))*milli
			s.Min *= int64(r.IntN(2))
		}
		if typ == EventCount && r.IntN(2) == 0 {
			s.Rules = []string{"a", "b"}
		}
	case Temporal, TemporalOrdered:
		s.Rules = []string{"a", "b", "c"}[:2+r.IntN(2)]
		s.Over(&Spec{Within: findingWindow})
	case NewValue:
		s.Learn = time.Duration(r.Int64N(int64(s.Within/2) + 1)).Truncate(time.Millisecond)
	case Travel:
		s.Speed, s.MinDistance = 1000, 200
	case Absence:
	}
	return s
}

// findingWindow is how long windows of findings are among random arrivals.
const findingWindow = 5 * time.Second

// latest is how much later than its time an event may arrive.
func latest(s *Spec) int64 {
	if s.Temporal() {
		return (s.Lateness - findingWindow).Milliseconds()
	}
	return s.Lateness.Milliseconds()
}

// randomArrivals makes events of some groups, each within the lateness, some of them twice, in the order of their arrival.
func randomArrivals(r *rand.Rand, s *Spec, n int) []arrival {
	w, late := s.Within.Milliseconds(), latest(s)
	step := int64(1)
	if r.IntN(2) == 0 {
		step = 1000 // logs that know whole seconds only
	}
	values := 1 + r.IntN(6)
	span := w * int64(1+r.IntN(8))
	var out []arrival
	for i := range n {
		c := Contribution{
			Rule: "r", UID: fmt.Sprint("u", i), Group: json.RawMessage(fmt.Sprintf(`["g%d"]`, r.IntN(2))),
			Time: (epoch + r.Int64N(span)) / step * step, Part: r.IntN(max(1, len(s.Rules))), Source: "s",
		}
		switch s.Type {
		case ValueCount, NewValue:
			c.Value = fmt.Sprint("v", r.IntN(values))
		case ValueSum:
			c.Number = float64(r.IntN(2500)) / milli
		case Travel:
			c.Place = &Place{Latitude: float64(r.IntN(3)), Longitude: float64(r.IntN(60)) / 1000 * float64(r.IntN(20))}
		case EventCount, Absence:
		case Temporal, TemporalOrdered:
			if c.Part == 1 { // what another correlation finds
				c.Time -= c.Time % findingWindow.Milliseconds()
				c.Until = c.Time + findingWindow.Milliseconds() - 1
			}
		}
		for range 1 + r.IntN(4)/3 {
			a := arrival{c: c, at: c.Time + r.Int64N(late+1)}
			a.c.Seen = a.at
			out = append(out, a)
		}
		if r.IntN(4) == 0 { // the same event, by another rule
			c.Part = r.IntN(max(1, len(s.Rules)))
			a := arrival{c: c, at: c.Time + r.Int64N(late+1)}
			a.c.Seen = a.at
			out = append(out, a)
		}
	}
	slices.SortStableFunc(out, func(a, b arrival) int { return int(a.at - b.at) })
	return out
}

// run has a state take arrivals, and time pass between them if passing is set.
func run(s *Spec, arrivals []arrival, passing *rand.Rand) map[string]bool {
	st := NewState(map[string]*Spec{"r": s}, &Budget{Limit: 1 << 30})
	out := map[string]bool{}
	note := func(fs []Firing) {
		for _, f := range fs {
			out[f.UID()] = true
		}
	}
	for i := range arrivals {
		a := &arrivals[i]
		fs, _ := st.Apply(&a.c, time.UnixMilli(a.at))
		note(fs)
		if passing != nil && passing.IntN(5) == 0 && i+1 < len(arrivals) && arrivals[i+1].at > a.at {
			note(st.Seal(time.UnixMilli(a.at + passing.Int64N(arrivals[i+1].at-a.at))))
		}
	}
	note(st.Seal(time.UnixMilli(epoch + int64(48*time.Hour/time.Millisecond))))
	return out
}

func same(t *testing.T, what string, s *Spec, got, want map[string]bool, arrivals []arrival) {
	t.Helper()
	missing, more := 0, 0
	for k := range want {
		if !got[k] {
			missing++
		}
	}
	for k := range got {
		if !want[k] {
			more++
		}
	}
	if missing+more > 0 {
		lines := ""
		for _, a := range arrivals {
			lines += fmt.Sprintf("\n  at %d: %s time %d part %d %s %s %g", a.at-epoch, a.c.Group, a.c.Time-epoch, a.c.Part, a.c.UID, a.c.Value, a.c.Number)
		}
		if len(lines) > 4000 {
			lines = lines[:4000]
		}
		t.Fatalf("%s: %+v: %d of %d findings are missing, %d too many%s", what, *s, missing, len(want), more, lines)
	}
}

// TestFunctionOfTheSet holds states against the model: whatever the order of arrival, with events that come twice, with time that passes in
// between, and after a restart that reads only the window again.
func TestFunctionOfTheSet(t *testing.T) {
	t.Parallel()
	for _, typ := range Types() {
		t.Run(string(typ), func(t *testing.T) {
			t.Parallel()
			fired := 0
			for seed := range uint64(400) {
				r := rand.New(rand.NewPCG(seed, 1))
				s := randomSpec(r, typ)
				n := 2 + r.IntN(60)
				if seed%20 == 0 {
					n = 300 // so many that some are left out
				}
				arrivals := randomArrivals(r, s, n)
				want := model(s, arrivals)
				fired += len(want)
				same(t, fmt.Sprint("seed ", seed), s, run(s, arrivals, nil), want, arrivals)
				same(t, fmt.Sprint("seed ", seed, ", time passes"), s, run(s, arrivals, r), want, arrivals)
				// The same events, otherwise late.
				again := randomArrivals(r, s, 0)
				for _, a := range arrivals {
					a.at = a.c.Time + r.Int64N(latest(s)+1)
					a.c.Seen = a.at
					again = append(again, a)
				}
				slices.SortStableFunc(again, func(a, b arrival) int { return int(a.at - b.at) })
				same(t, fmt.Sprint("seed ", seed, ", another order"), s, run(s, again, r), want, again)
				// A successor that begins at some message reads from the horizon before it.
				cut := r.IntN(len(arrivals))
				from := slices.IndexFunc(arrivals, func(a arrival) bool { return a.at >= arrivals[cut].at-s.Horizon().Milliseconds() })
				both := run(s, arrivals[:cut], nil)
				if s.Sealed() {
					both = map[string]bool{} // the predecessor's clock stood still: it has decided nothing
				}
				for k := range run(s, arrivals[from:], nil) {
					both[k] = true
				}
				if !s.Sealed() || from == 0 {
					same(t, fmt.Sprint("seed ", seed, ", restart at ", cut), s, both, want, arrivals)
				}
			}
			if fired < 100 {
				t.Errorf("only %d findings in all: the cases prove little", fired)
			}
			t.Logf("%d findings", fired)
		})
	}
}
