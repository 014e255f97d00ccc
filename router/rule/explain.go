package rule

import (
	"fmt"
	"strings"

	"github.com/riposte-security/riposte/router/rule/predicate"
	"github.com/riposte-security/riposte/schemas"
)

// An Explanation says why a rule did or did not fire on an event.
type Explanation struct {
	Rule  string `json:"rule"`
	File  string `json:"file"`
	Line  int    `json:"line"`
	Fired bool   `json:"fired"`
	// Counts tells that the condition of a correlation holds: the event counts, and whether that is enough is told when all events are known.
	Counts bool `json:"counts,omitempty"`
	// Asked tells whether the rule looks at events of this class and kind at all.
	Asked bool `json:"asked"`
	// Reason is that in a few words.
	Reason string `json:"reason"`
	// Distance is the least number of conditions that would have to be otherwise for the rule to fire.
	Distance int `json:"distance"`
	// Error says why the predicate could not be evaluated; it counts as no match then.
	Error string `json:"error,omitempty"`
	// Parts are the conditions with their values, before each its operands; Blocking those that keep the rule from firing.
	Parts    []Part `json:"parts,omitempty"`
	Blocking []Part `json:"-"`
}

// Verdict is a word for what happened.
func (e *Explanation) Verdict() string {
	switch {
	case e.Fired:
		return "fired"
	case e.Counts:
		return "count"
	case e.Error != "":
		return "error"
	}
	return "no"
}

// Why explains the rule on an event. Among events from files, Remediation Activity is an outcome; everything else is not. The error is one of the
// event: it is no JSON.
func (r *Rule) Why(ev schemas.Event) (Explanation, error) {
	e := Explanation{Rule: r.ID, File: r.File, Line: r.Line}
	outcome := ev.Class == schemas.ClassRemediationActivity
	switch {
	case r.Outcomes && !outcome:
		e.Reason = "it asks for outcomes (on: outcomes), and this is none"
		return e, nil
	case !r.Outcomes && outcome:
		e.Reason = "it asks for events, and this is an outcome (on: outcomes asks for those)"
		return e, nil
	case r.whenAt == nil:
		e.Reason = "it counts the matches of other rules: " + strings.Join(r.Correlation.Rules, ", ")
		return e, nil
	case !r.Asked(ev.Class):
		e.Reason = fmt.Sprintf("it looks at class %s; this event is of class %d %s", strings.Join(r.Classes, ", "), ev.Class, schemas.ClassName(ev.Class))
		return e, nil
	}
	e.Asked = true
	decoded, err := predicate.Decode(ev.Data)
	if err != nil {
		return e, fmt.Errorf("event %s: %w", ev.UID, err)
	}
	holds, err := r.Match(decoded)
	if err == nil {
		var tree []predicate.Part
		if tree, err = r.Trace(decoded); err == nil {
			r.explain(&e, tree, holds)
			return e, nil
		}
	}
	e.Error = err.Error()
	e.Reason = "the predicate could not be evaluated, which counts as no match: " + e.Error
	return e, nil
}

// explain fills in what the values of the parts say.
func (r *Rule) explain(e *Explanation, tree []predicate.Part, holds bool) {
	e.Fired, e.Counts = holds && r.Correlation == nil, holds && r.Correlation != nil
	e.Parts = r.lay(nil, tree)
	if holds {
		e.Reason = "its condition holds"
		if r.Correlation != nil {
			e.Reason += ", so the event counts"
		}
		return
	}
	e.Distance = 1
	e.Reason = "its condition does not hold"
	if len(tree) == 0 {
		e.Reason = "its condition is a constant"
		return
	}
	body := &tree[len(tree)-1] // before it stand variables, and what chose between the sides of ?:
	blocking := body.Blocking(true)
	if len(blocking) == 0 {
		e.Blocking = e.Parts
		return
	}
	e.Distance = body.Distance(true)
	e.Blocking = r.lay(nil, blocking)
	switch {
	case e.Distance > 1:
		e.Reason = fmt.Sprintf("%d conditions are not as they would have to be", e.Distance)
	case len(blocking) > 1:
		e.Reason = "one of these conditions would have to be otherwise"
	default:
		e.Reason = "one condition is not as it would have to be"
	}
}
