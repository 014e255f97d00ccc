package correlate

import (
	"container/heap"
	"math"
	"slices"
	"time"
)

// maxSealed bounds the entries of a group whose correlation waits for its lateness.
const maxSealed = 4 * perBucket

// addSealed puts an entry into a group whose correlation is decided when the lateness is over.
func (s *State) addSealed(t *tally, key string, g *group, c *Contribution, e entry) Verdict {
	spec := t.spec
	w := spec.Within.Milliseconds()
	if spec.Type != Absence && spec.Type != NewValue {
		b := spec.Bucket(e.time)
		if sum, full := spec.measure(g.between(b*w, (b+1)*w), s.scratch); full && sum > spec.Max {
			return Repeated // more of it changes nothing
		}
	}
	if !g.insert(e, false) {
		return Repeated
	}
	if len(g.entries) > maxSealed {
		i, _ := slices.BinarySearchFunc(g.entries, e, func(a, b entry) int { return a.order(&b) })
		g.entries = slices.Delete(g.entries, i, i+1)
		return Shed
	}
	g.remember(e.uid, c.UID)
	switch spec.Type {
	case Absence:
		g.thinGaps(w)
	case NewValue:
		if g.texts == nil {
			g.texts = map[uint64]string{}
		}
		g.texts[e.value] = c.Value
		g.past = insertTime(g.past, e.time)
		g.past = thinTimes(g.past, w-spec.Learn.Milliseconds())
	case EventCount, ValueCount, ValueSum, Temporal, TemporalOrdered, Travel:
	}
	s.schedule(t, key, g, spec.dueAt(e.time))
	return Counted
}

// dueAt is when an entry of a time can be decided, as far as nothing before it has to be.
func (s *Spec) dueAt(ms int64) int64 {
	w, late := s.Within.Milliseconds(), s.Lateness.Milliseconds()
	switch s.Type {
	case Absence:
		return ms + w + late
	case NewValue:
		return ms + late
	case EventCount, ValueCount, ValueSum, Temporal, TemporalOrdered, Travel:
	}
	return (s.Bucket(ms)+1)*w + late
}

// schedule sees to it that a group is looked at by then.
func (s *State) schedule(t *tally, key string, g *group, at int64) {
	if g.due != 0 && g.due <= at {
		return
	}
	g.due = at
	heap.Push(&t.queue, dueGroup{at, key})
}

// measure is count or sum of the entries of one bucket; full, whether there is a bound that it can be above.
func (s *Spec) measure(es []entry, scratch map[uint64]int) (sum int64, bounded bool) {
	if s.Type == ValueCount {
		defer clear(scratch)
		for i := range es {
			scratch[es[i].value]++
		}
		return int64(len(scratch)) * milli, s.Max != Unbounded
	}
	for i := range es {
		sum = add(sum, s.weight(&es[i]))
	}
	return sum, s.Max != Unbounded
}

// Seal tells that everything that came into the source topics before a time has been applied, and returns what fires now that it is known that
// nothing more of its time is to come.
func (s *State) Seal(at time.Time) []Firing {
	s.sealed = max(s.sealed, at.UnixMilli())
	var out []Firing
	for _, t := range s.rules {
		out = append(out, s.seal(t, s.sealed)...)
	}
	return out
}

// End is for an input that is over: it lets time pass until something else is due, and returns what fires then, and when. It is false if nothing
// is left to decide. clock is when the input ended: what nobody heard of since, though it was due by then, is absent; later, nobody listened.
func (s *State) End(clock time.Time) (fired []Firing, at time.Time, more bool) {
	next, found := int64(math.MaxInt64), false
	until := func(t *tally) int64 {
		if t.spec.Type == Absence {
			return clock.UnixMilli() + t.spec.Lateness.Milliseconds()
		}
		return math.MaxInt64
	}
	for _, t := range s.rules {
		if len(t.queue) > 0 && t.queue[0].at <= until(t) {
			next, found = min(next, t.queue[0].at), true
		}
	}
	if !found {
		return nil, clock, false
	}
	s.sealed = max(s.sealed, next)
	for _, t := range s.rules {
		fired = append(fired, s.seal(t, min(s.sealed, until(t)))...)
	}
	return fired, time.UnixMilli(next).UTC(), true
}

// seal decides what is due of a correlation by a time.
func (s *State) seal(t *tally, by int64) []Firing {
	var out []Firing
	for len(t.queue) > 0 && t.queue[0].at <= by {
		d := heap.Pop(&t.queue).(dueGroup)
		g := t.groups[d.key]
		if g == nil || g.sealing == nil || g.due != d.at {
			continue // it was put in again for an earlier time
		}
		g.due = 0
		cost := g.cost()
		out = append(out, s.decide(t, d.key, g, by)...)
		if len(g.entries) == 0 && !g.waits() {
			s.charge(t, -cost-groupCost-2*int64(len(d.key)))
			delete(t.groups, d.key)
			continue
		}
		s.charge(t, g.cost()-cost)
	}
	return out
}

// Waiting tells whether anything waits for its lateness, and since when at most: the earliest due time.
func (s *State) Waiting() (time.Time, bool) {
	var first int64
	for _, t := range s.rules {
		if len(t.queue) > 0 && (first == 0 || t.queue[0].at < first) {
			first = t.queue[0].at
		}
	}
	return time.UnixMilli(first).UTC(), first != 0
}

// decide decides what is due in a group, and schedules what is not.
func (s *State) decide(t *tally, key string, g *group, by int64) []Firing {
	switch t.spec.Type {
	case Absence:
		return s.decideAbsence(t, key, g, by)
	case NewValue:
		return s.decideNew(t, key, g, by)
	case EventCount, ValueCount, ValueSum, Temporal, TemporalOrdered, Travel:
	}
	return s.decideBounds(t, key, g, by)
}

// decideBounds decides whole buckets: a window that could lie anywhere would always find a place where there is little.
func (s *State) decideBounds(t *tally, key string, g *group, by int64) []Firing {
	var out []Firing
	spec, w := t.spec, t.spec.Within.Milliseconds()
	for len(g.entries) > 0 {
		b := spec.Bucket(g.entries[0].time)
		if due := spec.dueAt(g.entries[0].time); due > by {
			s.schedule(t, key, g, due)
			break
		}
		es := g.between(b*w, (b+1)*w)
		if m, _ := spec.measure(es, s.scratch); m >= spec.Min && m <= spec.Max {
			out = append(out, s.firing(spec, key, g, b, window{es[len(es)-1].time, es, m}))
		}
		g.entries = slices.Delete(g.entries, 0, len(es))
	}
	return out
}

// decideAbsence fires for every event that no other followed within the window.
func (s *State) decideAbsence(t *tally, key string, g *group, by int64) []Firing {
	var out []Firing
	spec, w := t.spec, t.spec.Within.Milliseconds()
	for len(g.entries) > 0 {
		e := g.entries[0]
		if due := spec.dueAt(e.time); due > by {
			s.schedule(t, key, g, due)
			break
		}
		if len(g.entries) == 1 || g.entries[1].time > e.time+w {
			out = append(out, s.firing(spec, key, g, spec.Bucket(e.time+w), window{e.time + w, g.entries[:1], milli}))
		}
		g.entries = slices.Delete(g.entries, 0, 1)
	}
	return out
}

// decideNew fires for every event whose value the group has not had within the window before, if the group has been known for long enough.
func (s *State) decideNew(t *tally, key string, g *group, by int64) []Firing {
	var out []Firing
	spec, w := t.spec, t.spec.Within.Milliseconds()
	latest := map[uint64]int64{} // of the values so far
	next := int64(0)
	for i := range g.entries {
		e := &g.entries[i]
		if !e.done {
			if due := spec.dueAt(e.time); due > by {
				next = due
				break
			}
			e.done = true
			before, known := latest[e.value]
			isNew := !known || before <= e.time-w
			if isNew && g.knownFor(e.time, w, spec.Learn.Milliseconds()) {
				f := s.firing(spec, key, g, spec.Bucket(e.time), window{e.time, g.entries[i : i+1], milli})
				f.Value = g.texts[e.value]
				out = append(out, f)
			}
		}
		latest[e.value] = e.time
	}
	s.forgetValues(g, latest, s.sealed-spec.Lateness.Milliseconds()-w)
	if next != 0 {
		s.schedule(t, key, g, next)
	} else if len(g.entries) > 0 { // nothing to decide, but the group is to be forgotten some time
		s.schedule(t, key, g, g.entries[len(g.entries)-1].time+w+2*spec.Lateness.Milliseconds()+1)
	}
	return out
}

// forgetValues keeps of the values that have been decided the latest entry, and that only if it is later than a time; and drops the texts of those
// that nothing waits for.
func (s *State) forgetValues(g *group, latest map[uint64]int64, after int64) {
	open := map[uint64]bool{}
	for i := range g.entries {
		if !g.entries[i].done {
			open[g.entries[i].value] = true
		}
	}
	seen := map[uint64]bool{}
	g.entries = slices.DeleteFunc(g.entries, func(e entry) bool {
		if !e.done {
			return false
		}
		last := latest[e.value] == e.time && !seen[e.value]
		seen[e.value] = seen[e.value] || last
		return !last || e.time <= after
	})
	for v := range g.texts {
		if !open[v] {
			delete(g.texts, v)
		}
	}
	g.past = slices.DeleteFunc(g.past, func(t int64) bool { return t <= after })
}

// knownFor tells whether the group was seen in (at-within, at-learn].
func (g *group) knownFor(at, within, learn int64) bool {
	return slices.ContainsFunc(g.past, func(t int64) bool { return t > at-within && t <= at-learn })
}

// thinGaps leaves out entries between two others that are at most a window apart: with or without them, none of the three is the last for long.
func (g *group) thinGaps(w int64) {
	for i := len(g.entries) - 2; i > 0; i-- {
		if g.entries[i+1].time-g.entries[i-1].time <= w {
			g.entries = slices.Delete(g.entries, i, i+1)
		}
	}
}

func insertTime(l []int64, t int64) []int64 {
	i, found := slices.BinarySearch(l, t)
	if found {
		return l
	}
	return slices.Insert(l, i, t)
}

// thinTimes leaves out times between two others that are less than an interval apart: whoever asks for one in an interval of that length finds
// another.
func thinTimes(l []int64, interval int64) []int64 {
	for i := len(l) - 2; i > 0; i-- {
		if l[i+1]-l[i-1] < interval {
			l = slices.Delete(l, i, i+1)
		}
	}
	return l
}
