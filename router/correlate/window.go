package correlate

import (
	"math"
	"slices"
)

// A window is a place at which a correlation holds.
type window struct {
	end     int64   // time of its last event
	entries []entry // in it; of impossible_travel, the two
	measure int64   // count or sum, in thousandths
}

// holds looks for a window that ends in a bucket and holds: the first such. A window that ends at x has the events with x-within < time <= x.
func (s *Spec) holds(g *group, bucket int64, scratch map[uint64]int) (window, bool) {
	w := s.Within.Milliseconds()
	es := g.between((bucket-1)*w+1, (bucket+1)*w)
	first := 0
	for first < len(es) && es[first].time < bucket*w {
		first++
	}
	if first == len(es) {
		return window{}, false
	}
	switch s.Type {
	case EventCount, ValueSum:
		return s.sums(es, first)
	case ValueCount:
		return s.distinct(es, first, scratch)
	case Temporal:
		return s.together(es, first)
	case TemporalOrdered:
		return s.sequence(es, first)
	case Travel: // see travels
	case NewValue, Absence: // decided in seal.go
	}
	return window{}, false
}

// weight is what an entry adds to the measure.
func (s *Spec) weight(e *entry) int64 {
	if s.Type == ValueSum {
		return int64(e.value) //nolint:gosec // it was put there as one
	}
	return milli
}

// add adds without running over: a sum that is too large is above every bound as well.
func add(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

func (s *Spec) sums(es []entry, first int) (window, bool) {
	sum, lo := int64(0), 0
	for hi := range es {
		sum = add(sum, s.weight(&es[hi]))
		for es[lo].time <= es[hi].time-s.Within.Milliseconds() {
			sum -= s.weight(&es[lo])
			lo++
		}
		if hi >= first && sum >= s.Min {
			return window{es[hi].time, es[lo : hi+1], sum}, true
		}
	}
	return window{}, false
}

// distinct counts the different values in windows; scratch is empty before and after.
func (s *Spec) distinct(es []entry, first int, scratch map[uint64]int) (window, bool) {
	defer clear(scratch)
	lo := 0
	for hi := range es {
		scratch[es[hi].value]++
		for es[lo].time <= es[hi].time-s.Within.Milliseconds() {
			if scratch[es[lo].value]--; scratch[es[lo].value] == 0 {
				delete(scratch, es[lo].value)
			}
			lo++
		}
		if n := int64(len(scratch)) * milli; hi >= first && n >= s.Min {
			return window{es[hi].time, es[lo : hi+1], n}, true
		}
	}
	return window{}, false
}

// together looks for windows with an event of each rule.
func (s *Spec) together(es []entry, first int) (window, bool) {
	var counts [MaxRules]int
	lo, have := 0, 0
	for hi := range es {
		if counts[es[hi].part]++; counts[es[hi].part] == 1 {
			have++
		}
		for es[lo].time <= es[hi].time-s.Within.Milliseconds() {
			if counts[es[lo].part]--; counts[es[lo].part] == 0 {
				have--
			}
			lo++
		}
		if hi >= first && have == len(s.Rules) {
			return window{es[hi].time, es[lo : hi+1], int64(hi-lo+1) * milli}, true
		}
	}
	return window{}, false
}

// sequence looks for events of the rules in their order. Events of the same time count as in order: many logs know whole seconds only.
func (s *Spec) sequence(es []entry, first int) (window, bool) {
	const never = math.MinInt64
	var start [MaxRules]int64 // the latest time at which events of the rules up to this one began
	for i := range start {
		start[i] = never
	}
	last := len(s.Rules) - 1
	for i := range es {
		e := &es[i]
		switch {
		case int(e.part) > last:
			continue
		case e.part == 0:
			start[0] = e.time
		default:
			start[e.part] = max(start[e.part], start[e.part-1])
		}
		from := start[last]
		if i >= first && int(e.part) == last && from != never && e.time-from < s.Within.Milliseconds() {
			lo := i
			for lo > 0 && es[lo-1].time >= from {
				lo--
			}
			return window{e.time, es[lo : i+1], int64(i-lo+1) * milli}, true
		}
	}
	return window{}, false
}

// travels looks for a place that nobody can be at so soon before or after the place of an entry that is new, where the later of the two is in a
// bucket: other pairs were looked at when they came. The measure is the speed in km/h.
func (s *Spec) travels(g *group, e *entry, bucket int64) (window, bool) {
	w := s.Within.Milliseconds()
	i, _ := slices.BinarySearchFunc(g.entries, *e, func(a, b entry) int { return a.order(&b) })
	if s.Bucket(e.time) == bucket {
		for lo := i - 1; lo >= 0 && e.time-g.entries[lo].time < w; lo-- {
			if x, ok := s.travel(&g.entries[lo], e); ok {
				return x, true
			}
		}
	}
	for hi := i + 1; hi < len(g.entries) && g.entries[hi].time-e.time < w; hi++ {
		if s.Bucket(g.entries[hi].time) != bucket {
			continue
		}
		if x, ok := s.travel(e, &g.entries[hi]); ok {
			return x, true
		}
	}
	return window{}, false
}

// travel tells whether nobody can be at two places so soon after each other.
func (s *Spec) travel(from, to *entry) (window, bool) {
	km := unpack(from.value).distance(unpack(to.value))
	if km < s.MinDistance {
		return window{}, false
	}
	hours := math.Max(float64(to.time-from.time), 1) / 3_600_000
	speed := km / hours
	return window{to.time, []entry{*from, *to}, Thousandths(speed)}, speed > s.Speed
}

// pack makes a place an entry's value: two float32, exact to a metre.
func (p Place) pack() uint64 {
	return uint64(math.Float32bits(float32(p.Latitude)))<<32 | uint64(math.Float32bits(float32(p.Longitude)))
}

func unpack(v uint64) Place {
	lat, lon := math.Float32frombits(uint32(v>>32)), math.Float32frombits(uint32(v)) //nolint:gosec // the lower half
	return Place{Latitude: float64(lat), Longitude: float64(lon)}
}

// distance is the great-circle distance in km, by the haversine formula on a sphere of the Earth's mean radius.
func (p Place) distance(q Place) float64 {
	const radius, rad = 6371.0088, math.Pi / 180
	dLat, dLon := (q.Latitude-p.Latitude)*rad, (q.Longitude-p.Longitude)*rad
	a := math.Pow(math.Sin(dLat/2), 2) + math.Cos(p.Latitude*rad)*math.Cos(q.Latitude*rad)*math.Pow(math.Sin(dLon/2), 2)
	return 2 * radius * math.Asin(math.Min(1, math.Sqrt(a)))
}
