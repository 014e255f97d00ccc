// Package engine decides on events by many rules at once.
package engine

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/router/rule/predicate"
	"github.com/riposte-security/riposte/schemas"
)

// A Decider says what a set of rules makes of an event. It is safe for concurrent use.
type Decider interface {
	// Decide evaluates the rules that look at events of this kind: those on outcomes where outcomes is set, all others where it is not. The
	// same event gives the same decision, but for the time it is stamped with.
	Decide(ev schemas.Event, outcomes bool, now time.Time) rule.Decision
}

// ClassInData is the Class of an event of which only the data are known: it is what class_uid says in there.
const ClassInData = -1

// maxWork bounds the length of an event times that of a predicate for which what the formula says is taken without running the program. Below
// it, no predicate can exceed the work that the language allows on one event, so that the program would say the same.
const maxWork = 12 << 20

// Engine finds the rules that hold for an event at a cost that hardly grows with their number: build.go makes an index of what their predicates
// demand of single values, run.go looks the values of an event up in it, and only where the syntax of a predicate does not say it all, its
// program is run. It gives exactly what running all programs would give. It is safe for concurrent use.
type Engine struct {
	log    zerolog.Logger
	rules  []*rule.Rule
	counts []counter // of the rules

	events, outcomes *set
	eventRuns        sync.Pool // of *run
	outcomeRuns      sync.Pool
	unreadable       atomic.Int64
}

// counter is what happened to one rule.
type counter struct{ matches, failures atomic.Int64 }

// Counts is what happened to one rule since the engine was made.
type Counts struct {
	Rule     string
	Matches  int64
	Failures int64 // predicates that could not be evaluated, each of which counted as no match
}

// New returns an engine over the rules.
func New(rules []*rule.Rule, log zerolog.Logger) *Engine {
	e := &Engine{log: log, rules: rules, counts: make([]counter, len(rules)), events: newSet(rules, false), outcomes: newSet(rules, true)}
	e.eventRuns.New = func() any { return newRun(e.events) }
	e.outcomeRuns.New = func() any { return newRun(e.outcomes) }
	return e
}

// Decide implements Decider. An event that is no JSON object, which the reader of messages turns away before, fires nothing; it is counted.
func (e *Engine) Decide(ev schemas.Event, outcomes bool, now time.Time) rule.Decision {
	var some *rule.Decision // made for the first rule that holds: of most events, nothing is to be remembered
	failed, err := e.match(ev, outcomes, func(i int32, r *run) error {
		decoded, err := r.decode(ev.Data)
		if err != nil {
			return err
		}
		if some == nil {
			some = new(rule.Decision)
			ev = ev.WithKey()
		}
		e.rules[i].Decide(ev, decoded, now, some)
		return nil
	})
	if err != nil {
		if n := e.unreadable.Add(1); sampled(n) {
			e.log.Error().Err(err).Str("event", ev.UID).Int64("count", n).Msg("an event could not be decoded and no rule was asked")
		}
		return rule.Decision{}
	}
	var d rule.Decision
	if some != nil {
		d = *some
	}
	d.Failed = failed
	return d
}

// Match appends the places in Rules of all that hold for an event, and fails on one that is not a JSON object. The class of the event may be
// ClassInData. Nothing is allocated for an event on which no rule depends, but what grows once.
func (e *Engine) Match(ev schemas.Event, outcomes bool, places []int) ([]int, error) {
	_, err := e.match(ev, outcomes, func(i int32, _ *run) error {
		places = append(places, int(i))
		return nil
	})
	return places, err
}

// match calls found for every rule that holds, in the order of the set, and returns the ids of those that could not be evaluated.
func (e *Engine) match(ev schemas.Event, outcomes bool, found func(int32, *run) error) (failed []string, err error) {
	pool := &e.eventRuns
	if outcomes {
		pool = &e.outcomeRuns
	}
	r, _ := pool.Get().(*run)
	defer pool.Put(r)
	if err := r.read(ev); err != nil {
		return nil, err
	}
	for _, at := range r.candidates() {
		i := r.set.rules[at]
		holds, err := e.holds(r, at, ev)
		switch {
		case errors.Is(err, predicate.ErrBudget):
			e.failed(int(i), ev, err)
			failed = append(failed, e.rules[i].ID)
		case err != nil:
			return nil, err
		case holds:
			e.counts[i].matches.Add(1)
			if err := found(i, r); err != nil {
				return nil, err
			}
		}
	}
	return failed, nil
}

// holds tells whether a rule holds whose formula does. predicate.ErrBudget says that its predicate could not be evaluated.
func (e *Engine) holds(r *run, at int32, ev schemas.Event) (bool, error) {
	i := r.set.rules[at]
	if r.set.formulas[at].exact && len(ev.Data)*len(e.rules[i].When) <= maxWork {
		return true, nil
	}
	decoded, err := r.decode(ev.Data)
	if err != nil {
		return false, err
	}
	return e.rules[i].Match(decoded)
}

// failed counts a predicate that could not be evaluated, and logs the 1st, 10th, 100th … of a rule.
func (e *Engine) failed(i int, ev schemas.Event, err error) {
	if n := e.counts[i].failures.Add(1); sampled(n) {
		e.log.Warn().Err(err).Str("rule", e.rules[i].ID).Str("event", ev.UID).Int64("count", n).
			Msg("a rule could not be evaluated on an event; it counts as no match")
	}
}

// errNoObject says that an event is JSON, but no object.
var errNoObject = errors.New("the event is not a JSON object")

// sampled is true for powers of ten.
func sampled(n int64) bool {
	for n >= 10 && n%10 == 0 {
		n /= 10
	}
	return n == 1
}

// Rules are the rules of the engine.
func (e *Engine) Rules() []*rule.Rule { return e.rules }

// Counts tells what happened to each rule, in the order of the set.
func (e *Engine) Counts() []Counts {
	out := make([]Counts, len(e.rules))
	for i, r := range e.rules {
		out[i] = Counts{Rule: r.ID, Matches: e.counts[i].matches.Load(), Failures: e.counts[i].failures.Load()}
	}
	return out
}

// Unreadable is how many events could not be decoded.
func (e *Engine) Unreadable() int64 { return e.unreadable.Load() }

// Explain returns the values of the parts of one rule's predicate on an event, and whether the rule holds. It looks neither at the event's
// class nor at whether it is an outcome.
func (e *Engine) Explain(id string, ev schemas.Event) ([]predicate.Part, bool, error) {
	for _, r := range e.rules {
		if r.ID != id {
			continue
		}
		decoded, err := predicate.Decode(ev.Data)
		if err != nil {
			return nil, false, fmt.Errorf("event %s: %w", ev.UID, err)
		}
		holds, err := r.Match(decoded)
		if err != nil {
			return nil, false, fmt.Errorf("rule %s: %w", id, err)
		}
		parts, err := r.Explain(decoded)
		return parts, holds, err
	}
	return nil, false, fmt.Errorf("no rule %q", id)
}
