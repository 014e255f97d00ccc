package correlate

import (
	"cmp"
	"slices"
)

// An entry is what is kept of a contribution: 32 bytes.
type entry struct {
	time  int64  // of the event, in milliseconds
	uid   uint64 // hash of its uid
	value uint64 // hash of the value; thousandths; or a place: see pack
	at    uint32 // seconds at which it arrived
	from  uint16 // source, see State.sources
	part  uint8  // which of the rules
	done  bool   // new_value: it has been decided
}

// farEnd is the value, and part of the uid, of an entry that stands for the end of a window: see Contribution.Until.
const farEnd = 0x9e3779b97f4a7c15

// of is the uid of the event, or finding, that the entry is of.
func (e *entry) of(s *Spec) uint64 {
	if s.Temporal() && e.value == farEnd {
		return e.uid ^ farEnd
	}
	return e.uid
}

func (e *entry) order(f *entry) int {
	return cmp.Or(cmp.Compare(e.time, f.time), cmp.Compare(e.part, f.part), cmp.Compare(e.uid, f.uid))
}

// samples is how many uids a group remembers, to name some in the finding.
const samples = 5

// A sample is a uid by its hash.
type sample struct {
	hash uint64
	uid  string
}

// A group is the state of one group of one correlation.
type group struct {
	entries []entry // by time
	fired   []int64 // buckets
	uids    []sample
	*sealing
}

// sealing is what correlations keep beside that are decided when the lateness is over.
type sealing struct {
	due   int64             // when there is something to decide; 0: nothing
	past  []int64           // times at which the group was seen, thinned: see thinTimes
	texts map[uint64]string // of values that are undecided, or fired
}

// insert adds an entry in its place. It returns false if the event is there already; parts tells whether an event may be there once for every rule.
// An event that comes again with another time, as one without a time of its own does, counts once, at the earlier.
func (g *group) insert(e entry, parts bool) bool {
	for i := len(g.entries) - 1; i >= 0; i-- { // repetitions mostly come soon
		have := &g.entries[i]
		if have.uid != e.uid || parts && have.part != e.part {
			continue
		}
		if have.time <= e.time || have.done {
			return false
		}
		g.entries = slices.Delete(g.entries, i, i+1)
		break
	}
	i, _ := slices.BinarySearchFunc(g.entries, e, func(a, b entry) int { return a.order(&b) })
	if g.entries == nil {
		g.entries = make([]entry, 0, 1) // most groups stay small
	}
	g.entries = slices.Insert(g.entries, i, e)
	return true
}

// remember keeps the uid of an entry, as one of some.
func (g *group) remember(h uint64, uid string) {
	if len(g.uids) >= samples {
		copy(g.uids, g.uids[1:])
		g.uids = g.uids[:samples-1]
	}
	if g.uids == nil {
		g.uids = make([]sample, 0, 1)
	}
	g.uids = append(g.uids, sample{h, uid})
}

// between gives the entries with from <= time < to.
func (g *group) between(from, to int64) []entry {
	at := func(t int64) int {
		i, _ := slices.BinarySearchFunc(g.entries, t, func(e entry, t int64) int { return cmp.Compare(e.time, t) })
		return i
	}
	return g.entries[at(from):at(to)]
}

// expire drops entries that arrived before a time, in seconds, and buckets that nothing is left of.
func (g *group) expire(s *Spec, before uint32) {
	g.entries = slices.DeleteFunc(g.entries, func(e entry) bool { return e.at < before })
	g.fired = slices.DeleteFunc(g.fired, func(b int64) bool {
		w := s.Within.Milliseconds()
		return len(g.between(b*w, (b+1)*w)) == 0
	})
}
