package correlate

import (
	"math"
	"time"
)

// A Type is what a correlation looks for. The names are those of Sigma's correlations, as far as it has them.
type Type string

// The types.
const (
	EventCount      Type = "event_count"       // so many events
	ValueCount      Type = "value_count"       // so many different values
	ValueSum        Type = "value_sum"         // values that add up to so much
	NewValue        Type = "new_value"         // a value that the group has not had before
	Temporal        Type = "temporal"          // an event of each rule
	TemporalOrdered Type = "temporal_ordered"  // an event of each rule, in their order
	Absence         Type = "absence"           // an event, and none after it
	Travel          Type = "impossible_travel" // two places, too far from each other for the time between
)

// Types lists the types, in the order in which they are explained.
func Types() []Type {
	return []Type{EventCount, ValueCount, ValueSum, NewValue, Temporal, TemporalOrdered, Absence, Travel}
}

// Defaults.
const (
	DefaultLateness    = 20 * time.Minute // CloudTrail delivers up to 15 minutes late
	DefaultLearn       = 7 * 24 * time.Hour
	DefaultSpeed       = 1000.0 // km/h; airliners cruise at about 900
	DefaultMinDistance = 200.0  // km; databases of addresses are no more exact than that
)

// Limits.
const (
	MinWithin = time.Second
	// MaxWithin is bounded by the retention of the topic: a new owner of a group reads again what it needs.
	MaxWithin   = 30 * 24 * time.Hour
	MaxLateness = 24 * time.Hour
	// MaxHorizon is how far a correlation may look back in all, that counts correlations.
	MaxHorizon = MaxWithin + MaxLateness
	MaxRules   = 32
	// MaxEntries is how many events, or values, a correlation may ask for.
	MaxEntries = 10_000
)

// milli is the unit of measures: counts and sums are whole numbers of thousandths, so that the order of adding makes no difference.
const milli = 1000

// A Spec is what a correlation is looking for.
type Spec struct {
	Rule  string   // id of the correlation
	Type  Type     //
	Rules []string // ids of the rules whose matches count; empty: the correlation's own predicate
	// Form identifies what contributions are made of, the expressions of group and value: those of another form are of another edition of the rule and
	// mean something else.
	Form string
	// GroupBy names the values of a group, as the rule has them.
	GroupBy  []string
	Within   time.Duration // length of a window: its events are less than that apart
	Lateness time.Duration // how much later than its time an event may arrive
	Learn    time.Duration // new_value: how long a group must have been known before a value counts as new
	// Min and Max bound count or sum, in thousandths, both inclusive. Max is Unbounded where there is no upper bound.
	Min, Max int64
	// Speed, in km/h, and MinDistance, in km, are those of impossible_travel.
	Speed, MinDistance float64
}

// Unbounded is a Spec.Max that bounds nothing.
const Unbounded = math.MaxInt64

// Sealed tells whether another event can make a window no longer hold, so that the correlation is decided when the lateness is over.
func (s *Spec) Sealed() bool {
	return s.Type == Absence || s.Type == NewValue || s.Max != Unbounded
}

// Measured tells whether the correlation compares a number with bounds.
func (s *Spec) Measured() bool {
	return s.Type == EventCount || s.Type == ValueCount || s.Type == ValueSum
}

// Valued tells whether the correlation looks at a value of each event.
func (s *Spec) Valued() bool {
	return s.Type == ValueCount || s.Type == ValueSum || s.Type == NewValue || s.Type == Travel
}

// Temporal tells whether the correlation wants one event of each of its rules.
func (s *Spec) Temporal() bool { return s.Type == Temporal || s.Type == TemporalOrdered }

// Horizon is how long after its arrival a contribution can still make a difference.
func (s *Spec) Horizon() time.Duration {
	if s.Sealed() { // until then it is decided, and until then others look back at it
		return s.Within + 2*s.Lateness
	}
	return s.Within + s.Lateness
}

// Bucket is floor(time/within).
func (s *Spec) Bucket(ms int64) int64 { return floorDiv(ms, s.Within.Milliseconds()) }

// Start is when a bucket begins.
func (s *Spec) Start(bucket int64) time.Time {
	return time.UnixMilli(bucket * s.Within.Milliseconds()).UTC()
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// Counts tells whether the correlation may count the findings of others. It must not be refuted by one that comes later, since those come when they
// come, and not within a lateness that could be waited for.
func (s *Spec) Counts() bool { return !s.Sealed() && s.Type != Travel }

// Over makes the correlation one that counts the findings of others. Those are dated by both ends of their window: they come later than its
// beginning by its length and the lateness of their events, and may come that much before its end.
func (s *Spec) Over(others ...*Spec) {
	var longest time.Duration
	for _, o := range others {
		s.Lateness = max(s.Lateness, o.Lateness)
		longest = max(longest, o.Within)
	}
	s.Lateness += longest
}

// Window is the time of a bucket's beginning and of its end, in milliseconds.
func (s *Spec) Window(bucket int64) (from, until int64) {
	w := s.Within.Milliseconds()
	return bucket * w, (bucket+1)*w - 1
}

// Thousandths turns a number into the unit of measures. What is too large is cut off: it is above every bound as well.
func Thousandths(v float64) int64 {
	const most = math.MaxInt64 / 4
	switch v = math.Round(v * milli); {
	case v >= most:
		return most
	case v <= -most:
		return -most
	}
	return int64(v)
}
