package correlate

import "slices"

// What is kept, of correlations that need every event, of one rule's events in one group and bucket. Sums are of many small things.
const (
	perBucket    = 2048
	perBucketSum = 16384
)

// thin leaves out entries of a bucket that can make no difference any more, whatever comes. It returns how many it had to leave out although
// they could.
//
// A bucket is as long as a window. So once the bucket has fired, its entries only matter to windows that end in the next one, and those hold an
// end of it: of events and sums, the latest that are enough by themselves; of values, the latest of each. In a bucket that has not fired, values
// and rules matter by their first occurrence, to windows that end here, and by their last.
func (s *Spec) thin(g *group, bucket int64, fired bool) (lost int) {
	w := s.Within.Milliseconds()
	es := g.between(bucket*w, (bucket+1)*w)
	drop := func(e entry) {
		i, _ := slices.BinarySearchFunc(g.entries, e, func(a, b entry) int { return a.order(&b) })
		g.entries = slices.Delete(g.entries, i, i+1)
	}
	switch s.Type {
	case EventCount, ValueSum:
		if !fired && s.Type == EventCount {
			return 0 // so many that they are enough by themselves would have fired
		}
		if fired {
			sum, i := int64(0), len(es)
			for i > 0 && sum < s.Min {
				i--
				sum = add(sum, s.weight(&es[i]))
			}
			from, _ := slices.BinarySearchFunc(g.entries, es[0], func(a, b entry) int { return a.order(&b) })
			g.entries = slices.Delete(g.entries, from, from+i)
			return 0
		}
	case ValueCount, Temporal:
		s.thinValues(g, es, fired)
		return 0
	case TemporalOrdered, Travel:
	case NewValue, Absence: // see seal.go
		return 0
	}
	// Every event matters. What is above the bound is lost, the oldest of a rule first.
	most := perBucket
	if s.Type == ValueSum {
		most = perBucketSum
	}
	if len(es) <= most {
		return 0
	}
	var counts [MaxRules]int
	for i := range es {
		counts[es[i].part]++
	}
	for i := 0; i < len(es); i++ {
		if p := es[i].part; counts[p] > most {
			counts[p]--
			drop(es[i])
			es = g.between(bucket*w, (bucket+1)*w)
			i--
			lost++
		}
	}
	return lost
}

// thinValues keeps, of each value or rule in es, the first and the last entry; in a bucket that has fired only the last.
func (s *Spec) thinValues(g *group, es []entry, fired bool) {
	of := func(e *entry) uint64 {
		if s.Type == Temporal {
			return uint64(e.part)
		}
		return e.value
	}
	if slack := int(s.Min/milli) + 2; len(es) <= 2*slack { // not worth the work yet; that it is done later makes no difference
		return
	}
	first, last := map[uint64]int{}, map[uint64]int{}
	for i := range es {
		v := of(&es[i])
		if _, seen := first[v]; !seen {
			first[v] = i
		}
		last[v] = i
	}
	if len(es) <= len(last) { // each occurs once
		if !fired || s.Type == Temporal || int64(len(last))*milli <= s.Min {
			return
		}
	}
	from, _ := slices.BinarySearchFunc(g.entries, es[0], func(a, b entry) int { return a.order(&b) })
	kept := g.entries[:from]
	latest := len(last) // of the values, only so many of the latest matter
	enough := latest
	if fired && s.Type == ValueCount {
		enough = int(min(int64(latest), (s.Min+milli-1)/milli))
	}
	rest := slices.Clone(g.entries[from+len(es):])
	for i := range es {
		v := of(&es[i])
		if last[v] == i {
			if latest > enough {
				latest--
				continue
			}
			kept = append(kept, es[i])
		} else if first[v] == i && !fired {
			kept = append(kept, es[i])
		}
	}
	g.entries = append(kept, rest...)
}
