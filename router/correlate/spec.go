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
	MaxRules    = 32
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
