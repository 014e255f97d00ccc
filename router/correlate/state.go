package correlate

import (
	"container/heap"
	"hash/maphash"
	"math"
	"slices"
	"sync/atomic"
	"time"
)

// A Verdict says what became of a contribution.
type Verdict int

// The verdicts.
const (
	Counted  Verdict = iota // it is known now
	Repeated                // it was known before, or can make no difference
	Late                    // it came after what it belongs to was decided, and makes no difference
	Shed                    // there was no memory for it: it is lost
	Unknown                 // there is no such correlation, or not in such a form
)

// String is the verdict's name in metrics.
func (v Verdict) String() string {
	switch v {
	case Counted:
		return "counted"
	case Repeated:
		return "repeated"
	case Late:
		return "late"
	case Shed:
		return "shed"
	case Unknown:
		return "unknown"
	}
	return "none"
}

// A Budget bounds the memory of several states together, in bytes as they estimate it.
type Budget struct {
	Limit int64
	used  atomic.Int64
}

// Used is how much is in use.
func (b *Budget) Used() int64 { return b.used.Load() }

// A State is what is known of one partition. It is not safe for concurrent use.
type State struct {
	specs   map[string]*Spec
	budget  *Budget
	rules   map[string]*tally
	clock   int64 // latest arrival, in milliseconds
	sealed  int64 // up to here, in milliseconds, what waits for its lateness has been decided
	sources interned
	seed    maphash.Seed
	scratch map[uint64]int
}

// A tally is the state of one correlation.
type tally struct {
	spec   *Spec
	groups map[string]*group
	queue  dueQueue
	used   int64
	swept  int64 // clock at which groups that are over were last looked for
}

// NewState makes the state of a partition of which nothing is known yet. specs are the correlations by id; they do not change.
func NewState(specs map[string]*Spec, b *Budget) *State {
	return &State{specs: specs, budget: b, rules: map[string]*tally{}, seed: maphash.MakeSeed(), scratch: map[uint64]int{}}
}

// Close gives back what the state has of the budget. It must not be used afterwards.
func (s *State) Close() {
	for _, t := range s.rules {
		s.budget.used.Add(-t.used)
	}
	s.rules = nil
}

// Groups is how many groups there are.
func (s *State) Groups() int {
	n := 0
	for _, t := range s.rules {
		n += len(t.groups)
	}
	return n
}

// Apply takes a contribution that arrived at a time, and returns what fires. Arrivals of one partition never go back in time; a clock that does
// is taken to stand still. A contribution may come again.
func (s *State) Apply(c *Contribution, arrived time.Time) ([]Firing, Verdict) {
	s.clock = max(s.clock, arrived.UnixMilli())
	spec := s.specs[c.Rule]
	if spec == nil || !spec.takes(c) {
		return nil, Unknown
	}
	e := entry{
		time: c.Time, uid: maphash.String(s.seed, c.UID), at: uint32(s.clock / 1000), //nolint:gosec // until 2106
		from: s.sources.of(c.Source), part: uint8(c.Part), //nolint:gosec // below MaxRules
	}
	switch spec.Type {
	case ValueCount, NewValue:
		e.value = maphash.String(s.seed, c.Value)
	case ValueSum:
		e.value = uint64(Thousandths(c.Number)) //nolint:gosec // it is not negative
	case Travel:
		e.value = c.Place.pack()
	case EventCount, Temporal, TemporalOrdered, Absence:
	}
	if spec.Sealed() {
		e.time = min(e.time, s.clock) // what lies in the future would wait for it to come
		seen := c.Seen
		if seen == 0 {
			seen = s.clock
		}
		if late := spec.Lateness.Milliseconds(); seen-e.time > late || e.time+late < s.sealed {
			return nil, Late
		}
	}
	return s.put(spec, c, e)
}

// takes tells whether a contribution is one that this edition of the correlation can use.
func (s *Spec) takes(c *Contribution) bool {
	switch {
	case c.Form != s.Form, c.Part >= max(1, len(s.Rules)), arity(c.Group) != len(s.GroupBy):
		return false
	case s.Type == ValueSum:
		return c.Number >= 0 && !math.IsInf(c.Number, 0)
	case s.Type == Travel:
		return c.Place != nil
	}
	return true
}

// arity is how many values a group has. Values are scalars: commas outside of strings separate them.
func arity(group []byte) int {
	n, quoted, empty := 0, false, true
	for i := 1; i < len(group)-1; i++ {
		switch c := group[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted, empty = !quoted, false
		case !quoted && c == ',':
			n++
		case c > ' ':
			empty = false
		}
	}
	if empty {
		return 0
	}
	return n + 1
}

func (s *State) put(spec *Spec, c *Contribution, e entry) ([]Firing, Verdict) {
	t := s.rules[spec.Rule]
	if t == nil {
		t = &tally{spec: spec, groups: map[string]*group{}, swept: s.clock}
		s.rules[spec.Rule] = t
	}
	s.sweep(t, false)
	key := string(c.Group)
	g := t.groups[key]
	if g == nil {
		if !s.room(t, newGroups) {
			return nil, Shed
		}
		g = &group{}
		if spec.Sealed() {
			g.sealing = &sealing{}
		}
		t.groups[key] = g
		s.charge(t, groupCost+2*int64(len(key)))
	} else if !s.room(t, 1) {
		return nil, Shed
	}
	before := g.cost()
	firings, v := s.add(t, key, g, c, e)
	if spec.Temporal() && c.Until > c.Time {
		e.time, e.value = c.Until, farEnd
		e.uid ^= farEnd
		more, _ := s.add(t, key, g, c, e)
		firings = append(firings, more...)
	}
	s.charge(t, g.cost()-before)
	return firings, v
}

// add puts an entry into its group.
func (s *State) add(t *tally, key string, g *group, c *Contribution, e entry) ([]Firing, Verdict) {
	spec := t.spec
	if spec.Sealed() {
		return nil, s.addSealed(t, key, g, c, e)
	}
	g.expire(spec, s.horizon(spec))
	if !g.insert(e, spec.Temporal()) {
		return nil, Repeated
	}
	if e.of(spec) == e.uid {
		g.remember(e.uid, c.UID)
	}
	var out []Firing
	bucket := spec.Bucket(e.time)
	for b := bucket; b <= bucket+1; b++ {
		if slices.Contains(g.fired, b) {
			continue
		}
		w, ok := spec.holds(g, b, s.scratch)
		if spec.Type == Travel {
			w, ok = spec.travels(g, &e, b)
		}
		if ok {
			out = append(out, s.firing(spec, key, g, b, w))
			g.fired = append(g.fired, b)
		}
	}
	if spec.thin(g, bucket, slices.Contains(g.fired, bucket)) > 0 {
		return out, Shed
	}
	return out, Counted
}

// horizon is the arrival, in seconds, before which a contribution makes no difference any more.
func (s *State) horizon(spec *Spec) uint32 {
	return uint32(max(0, (s.clock-spec.Horizon().Milliseconds())/1000)) //nolint:gosec // until 2106
}

// newGroups is the part of the budget up to which there is room for new groups; the rest is for those that are known.
const newGroups = 0.9

// room tells whether another contribution may be kept, within a part of the budget. A correlation gets no more than half of it where there are
// others.
func (s *State) room(t *tally, part float64) bool {
	limit := int64(part * float64(s.budget.Limit))
	full := func() bool {
		return s.budget.used.Load() >= limit || len(s.specs) > 1 && t.used >= limit/2
	}
	if !full() {
		return true
	}
	s.sweep(t, true)
	return !full()
}

// Memory of a group beside its entries, and of what a map needs for it, by measurement.
const (
	groupCost  = 176
	entryCost  = 32
	sampleCost = 24
)

func (g *group) cost() int64 {
	n := cap(g.entries)*entryCost + cap(g.fired)*8 + cap(g.uids)*sampleCost
	for i := range g.uids {
		n += (len(g.uids[i].uid) + 15) &^ 15
	}
	if g.sealing != nil {
		n += 96 + cap(g.past)*8
		for _, t := range g.texts {
			n += len(t) + 48
		}
	}
	return int64(n)
}

func (s *State) charge(t *tally, n int64) {
	t.used += n
	s.budget.used.Add(n)
}

// sweep drops what is over of a correlation: now and then, or now, if asked for, though not twice in a second.
func (s *State) sweep(t *tally, now bool) {
	every := max(1000, t.spec.Horizon().Milliseconds()/8)
	if now {
		every = 1000
	}
	if s.clock-t.swept < every {
		return
	}
	t.swept = s.clock
	if t.spec.Sealed() {
		return // Seal removes what it has decided, and nothing may go before
	}
	before := s.horizon(t.spec)
	for key, g := range t.groups {
		cost := g.cost()
		g.expire(t.spec, before)
		if len(g.entries) == 0 {
			s.charge(t, -cost-groupCost-2*int64(len(key)))
			delete(t.groups, key)
			continue
		}
		if cap(g.entries) > 8 && len(g.entries) < cap(g.entries)/4 {
			g.entries = slices.Clone(g.entries)
		}
		s.charge(t, g.cost()-cost)
	}
}

// waits tells whether there is something to decide in the group.
func (g *group) waits() bool { return g.sealing != nil && g.due != 0 }

// dueQueue orders groups by when there is something to decide.
type dueQueue []dueGroup

type dueGroup struct {
	at  int64
	key string
}

// Len, Less, Swap, Push and Pop are those of heap.Interface.
func (q dueQueue) Len() int           { return len(q) }
func (q dueQueue) Less(i, j int) bool { return q[i].at < q[j].at }
func (q dueQueue) Swap(i, j int)      { q[i], q[j] = q[j], q[i] }

// Push appends.
func (q *dueQueue) Push(x any) { *q = append(*q, x.(dueGroup)) }

// Pop removes the last.
func (q *dueQueue) Pop() any {
	old := *q
	x := old[len(old)-1]
	*q = old[:len(old)-1]
	return x
}

var _ heap.Interface = (*dueQueue)(nil)
