// Package rule is one rule: a predicate over events and the steps to take when it holds. It loads rules from YAML, strictly and with every
// problem at its place, turns a match into commands, and runs the tests that rules bring along.
package rule

import (
	"slices"
	"time"

	"github.com/riposte-security/riposte/router/rule/predicate"
	"github.com/riposte-security/riposte/schemas"
)

// DefaultMaxRate is how often, a second, a rule may fire if neither it nor the configuration of the router says so.
const DefaultMaxRate = 1000

// LogReceiver is the receiver that always exists.
const LogReceiver = "log"

// A Rule is a loaded rule. It is read-only and safe for concurrent use.
type Rule struct {
	ID          string
	Title       string
	Description string
	Severity    string   // informational low medium high critical
	Classes     []string // names of OCSF classes; empty: all
	Outcomes    bool     // the rule asks for outcomes (`on: outcomes`) and not for events
	When        string   // the predicate as written
	Accept      string   // "any": acts on events from untrusted sources as well
	MaxRate     int      // firings a second, above which the valve closes; 0: as the router is configured
	Author      string
	Tags        []string
	References  []string
	Tests       []Test
	// Correlation makes the rule one over several events; nil for a rule over one.
	Correlation *Correlation
	// Hash identifies this edition of the rule: it changes with everything but tests, layout and comments.
	Hash string
	// File and Line say where the rule stands.
	File string
	Line int

	classUIDs []int
	when      *predicate.Program
	whenAt    places
	steps     []step
	feeds     []feed  // correlations that count the events for which the rule holds
	over      []*Rule // of a correlation, the rules that it counts
	uses      predicate.Uses
	given     *Given // what its tests bring along; nil if it looks into something else
}

// A step is one entry of `then`.
type step struct {
	name     string
	lane     schemas.Lane
	action   string
	spec     *schemas.ActionSpec // nil in the alert lane
	target   *predicate.Program  // nil in the alert lane
	groupBy  []grouping
	with     map[string]*template
	settings []schemas.Setting // that the action, or every receiver, takes; nil: not known
	keep     time.Duration     // for
	approval string
	mode     string
	publish  string // a topic; all but name is empty then
	byKey    bool   // an alert of a correlation, grouped as that is
}

// grouping is one expression of group_by.
type grouping struct {
	text  string
	value *predicate.Program
}

// Uses tells what the rule's expressions look up: lists, places, networks.
func (r *Rule) Uses() predicate.Uses { return r.uses }

// Receiver is who the rule alerts first; "log" if nobody.
func (r *Rule) Receiver() string {
	for i := range r.steps {
		if r.steps[i].lane == schemas.LaneAlert {
			return r.steps[i].action
		}
	}
	return LogReceiver
}

// Receivers are the names that the rule's alerts go to, apart from the one that always exists.
func (r *Rule) Receivers() []string {
	var out []string
	for _, st := range r.steps {
		if st.lane == schemas.LaneAlert && st.action != LogReceiver && !slices.Contains(out, st.action) {
			out = append(out, st.action)
		}
	}
	return out
}

// ClassUIDs are the class_uids of the events that the rule looks at; empty: all.
func (r *Rule) ClassUIDs() []int { return r.classUIDs }

// Silent tells whether a match of the rule leads to nothing but contributions to correlations.
func (r *Rule) Silent() bool { return len(r.steps) == 0 && len(r.feeds) > 0 }

// Match evaluates the rule's predicate on a decoded event (predicate.Decode). The only error is predicate.ErrBudget. It does not look at
// class and kind of the event: that is the engine's part.
func (r *Rule) Match(event map[string]any) (bool, error) { return r.when.Test(event) }

// Condition is what the syntax of the predicate says about when it holds.
func (r *Rule) Condition() predicate.Condition { return r.when.Condition() }

// WhenAt says where in File the character of When at an offset (in characters) stands.
func (r *Rule) WhenAt(offset int) (line, column int) { return r.whenAt.at(offset) }

// Trace returns the values of the parts of the predicate on a decoded event, as a tree; see predicate.Program.
func (r *Rule) Trace(event map[string]any) ([]predicate.Part, error) {
	parts, _, err := r.when.Trace(event)
	return parts, err
}

// Explain returns the values of the parts of the predicate on a decoded event, in the order in which they were evaluated.
func (r *Rule) Explain(event map[string]any) ([]predicate.Part, error) { return r.when.Explain(event) }

// Options is what a rule set is checked against.
type Options struct {
	// Actions are the actions of the block and remediate lanes.
	Actions []schemas.ActionSpec
	// AlertSettings are what an alert step may say in its `with`, whatever the receiver. nil: not known, and not checked.
	AlertSettings []schemas.Setting
	// Receivers are the names that alerts may go to, beside "log". nil: not known, and not checked.
	Receivers []string
	// Lists are the names that inList may say, where Sources is nil. nil: not known, and not checked.
	Lists []string
	// Sources is what predicates look things up in. nil: what the tests of the rules bring along, and nothing besides.
	Sources predicate.Sources
	// Prefix is the prefix of riposte's own topics, to which rules may not publish; "riposte" always is one.
	Prefix string
	// Language is used if it is set, to save the building of one (some ten milliseconds).
	Language *predicate.Language
}
