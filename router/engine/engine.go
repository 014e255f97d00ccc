// Package engine decides on events by many rules at once.
package engine

import (
	"fmt"
	"slices"
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

// Engine evaluates every rule of the event's class, one after the other. It is safe for concurrent use.
type Engine struct {
	log    zerolog.Logger
	rules  []*rule.Rule
	counts []counter // of the rules

	events, outcomes index
	unreadable       atomic.Int64
}

// counter is what happened to one rule.
type counter struct{ matches, failures atomic.Int64 }

// index finds the rules that look at a class, in the order of the set.
type index struct {
	byClass map[int][]int // places in Engine.rules; rules without class included
	rest    []int         // rules without class: all that look at classes which no rule names
}

// Counts is what happened to one rule since the engine was made.
type Counts struct {
	Rule     string
	Matches  int64
	Failures int64 // predicates that could not be evaluated, each of which counted as no match
}

// New returns an engine over the rules.
func New(rules []*rule.Rule, log zerolog.Logger) *Engine {
	return &Engine{
		log: log, rules: rules, counts: make([]counter, len(rules)),
		events: newIndex(rules, false), outcomes: newIndex(rules, true),
	}
}

func newIndex(rules []*rule.Rule, outcomes bool) index {
	x := index{byClass: map[int][]int{}}
	for _, r := range rules {
		if r.Outcomes == outcomes {
			for _, c := range r.ClassUIDs() {
				x.byClass[c] = nil
			}
		}
	}
	for i, r := range rules {
		switch classes := r.ClassUIDs(); {
		case r.Outcomes != outcomes:
		case len(classes) == 0:
			x.rest = append(x.rest, i)
			for c := range x.byClass {
				x.byClass[c] = append(x.byClass[c], i)
			}
		default:
			for n, c := range classes {
				if !slices.Contains(classes[:n], c) {
					x.byClass[c] = append(x.byClass[c], i)
				}
			}
		}
	}
	return x
}

func (x index) of(class int) []int {
	if l, ok := x.byClass[class]; ok {
		return l
	}
	return x.rest
}

// Decide implements Decider. An event that is no JSON object, which the reader of messages turns away before, fires nothing; it is counted.
func (e *Engine) Decide(ev schemas.Event, outcomes bool, now time.Time) rule.Decision {
	var d rule.Decision
	x := e.events
	if outcomes {
		x = e.outcomes
	}
	candidates := x.of(ev.Class)
	if len(candidates) == 0 {
		return d
	}
	decoded, err := predicate.Decode(ev.Data)
	if err != nil {
		if n := e.unreadable.Add(1); sampled(n) {
			e.log.Error().Err(err).Str("event", ev.UID).Int64("count", n).Msg("an event could not be decoded and no rule was asked")
		}
		return d
	}
	for _, i := range candidates {
		holds, err := e.rules[i].Match(decoded)
		if err != nil {
			e.failed(i, ev, err)
			continue
		}
		if holds {
			e.counts[i].matches.Add(1)
			e.rules[i].Decide(ev, decoded, now, &d)
		}
	}
	return d
}

// failed counts a predicate that could not be evaluated, and logs the 1st, 10th, 100th … of a rule.
func (e *Engine) failed(i int, ev schemas.Event, err error) {
	if n := e.counts[i].failures.Add(1); sampled(n) {
		e.log.Warn().Err(err).Str("rule", e.rules[i].ID).Str("event", ev.UID).Int64("count", n).
			Msg("a rule could not be evaluated on an event; it counts as no match")
	}
}

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
