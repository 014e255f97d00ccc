package router

import (
	"sync"
	"time"
)

const (
	// windows is how many seconds of a rule are counted at once: partitions that lag are at other times than those that do not.
	windows = 64
	// burstOver is how long a rule must keep below its rate until the next burst is worth another alert.
	burstOver = 10 // seconds
)

// A valve bounds how often a second each rule fires. A second is one of the log's, not of the clock on the wall: the time at which Kafka got
// the message. So a router that catches up sheds nothing that it would have let through at its time, and a replay meets the same seconds.
type valve struct {
	rate func(rule string) int

	mu    sync.Mutex
	rules map[string]*gauge
}

// A gauge counts the firings of one rule.
type gauge struct {
	counts [windows]struct {
		second int64
		n      int
	}
	shed   bool  // ever
	shedAt int64 // the last second in which something was shed
}

func newValve(rate func(rule string) int) *valve {
	return &valve{rate: rate, rules: map[string]*gauge{}}
}

// admit counts a firing of a rule at a time. pass tells whether it may go on; begins, whether it is the first of a burst that may not.
func (v *valve) admit(rule string, at time.Time) (pass, begins bool) {
	limit, second := v.rate(rule), at.Unix()
	v.mu.Lock()
	defer v.mu.Unlock()
	g := v.rules[rule]
	if g == nil {
		g = &gauge{}
		v.rules[rule] = g
	}
	w := &g.counts[(second%windows+windows)%windows]
	if w.second != second {
		w.second, w.n = second, 0
	}
	if w.n++; w.n <= limit {
		return true, false
	}
	since := second - g.shedAt
	begins = !g.shed || since > burstOver || since < -burstOver
	g.shed, g.shedAt = true, second
	return false, begins
}
