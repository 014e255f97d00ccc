package rule

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/riposte-security/riposte/router/rule/predicate"
	"github.com/riposte-security/riposte/schemas"
)

// A Decider says what a set of rules makes of an event; router/engine has one.
type Decider interface {
	Decide(ev schemas.Event, outcomes bool, now time.Time) Decision
}

// A Normaliser turns a record of a format into its events.
type Normaliser func(format string, settings map[string]string, record []byte) ([]schemas.Event, error)

// A FileReader turns the records in a file into their events; without a format, they are events. A record that gives none because it is malformed is an error.
type FileReader func(path, format string, settings map[string]string) ([]schemas.Event, error)

// A Runner runs the tests of rules.
type Runner struct {
	// Decider must hold the rules.
	Decider Decider
	// Record and File are asked for the events of a test's record and file; a test that needs one that is nil fails.
	Record Normaliser
	File   FileReader
}

// RunTests runs the tests of all rules, in order. decider must hold the rules; normalise is asked for the events of a record.
func RunTests(rules []*Rule, decider Decider, normalise Normaliser) []TestResult {
	return Runner{Decider: decider, Record: normalise}.Run(rules)
}

// Run runs the tests of all rules, in order.
func (x Runner) Run(rules []*Rule) []TestResult {
	var results []TestResult
	for _, r := range rules {
		for i := range r.Tests {
			began := time.Now()
			res := r.runTest(&r.Tests[i], x)
			res.Seconds = time.Since(began).Seconds()
			results = append(results, res)
		}
	}
	return results
}

func (r *Rule) runTest(t *Test, x Runner) TestResult {
	res := TestResult{Rule: r.ID, Name: t.Name, File: r.File, Line: t.Line, Column: t.Column, Match: t.Match}
	if r.given == nil && !t.given.empty() {
		res.Failures = append(res.Failures, "the rules are loaded with lists of their own; tests that bring lists along cannot run on them")
		return res
	}
	defer r.given.during(t)()
	if t.Timeline != nil {
		r.runTimeline(t, x, &res)
		return res
	}
	events, err := t.input(filepath.Dir(r.File), x)
	if err != nil {
		res.Failures = append(res.Failures, err.Error())
		return res
	}
	fired := false
	var got Decision
	for _, ev := range events {
		d := x.Decider.Decide(ev, r.Outcomes, ev.Time)
		fired = fired || slices.Contains(d.Fired, r.ID) || r.Correlation != nil && slices.ContainsFunc(d.Contributions, r.feeding)
		for _, c := range d.Commands {
			if c.Rule == r.ID {
				got.Commands = append(got.Commands, c)
			}
		}
		for _, m := range d.Misses {
			if m.Rule == r.ID {
				got.Misses = append(got.Misses, m)
			}
		}
	}
	if fired != t.Match {
		res.Line, res.Column = t.matchAt[0], t.matchAt[1]
		res.Failures = append(res.Failures, fmt.Sprintf("match: %v expected, got %v", t.Match, fired))
		res.Parts = r.parts(events)
		return res
	}
	t.compare(got, &res)
	return res
}

// input gives the events of the test of a rule whose file lies in the folder dir.
func (t *Test) input(dir string, x Runner) ([]schemas.Event, error) {
	var (
		events []schemas.Event
		err    error
	)
	switch {
	case t.Event != nil:
		ev, err := schemas.ReadEvent(t.Event, schemas.Envelope{Origin: testOrigin, Position: t.Name})
		if err != nil {
			return nil, fmt.Errorf("event: %w", err)
		}
		return []schemas.Event{ev}, nil
	case t.File != "":
		if x.File == nil {
			return nil, errors.New("no formats are known here, so the file cannot be read")
		}
		if events, err = x.File(filepath.Join(dir, t.File), t.Format, t.Set); err != nil {
			return nil, err
		}
	default:
		if x.Record == nil {
			return nil, errors.New("no formats are known here, so the record cannot be read")
		}
		if events, err = x.Record(t.Format, t.Set, t.Record); err != nil {
			return nil, fmt.Errorf("the record is no %s record: %w", t.Format, err)
		}
	}
	if len(events) == 0 {
		what := "record"
		if t.File != "" {
			what = "file"
		}
		return nil, fmt.Errorf("the %s gives no event", what)
	}
	return events, nil
}

// parts explains the predicate on the events of the test, and the class filter where that is what kept the rule from being asked.
func (r *Rule) parts(events []schemas.Event) []Part {
	const most = 5 // of a file with many, the first tell enough
	var parts []Part
	for i, ev := range events[:min(len(events), most)] {
		if len(events) > 1 {
			parts = append(parts, Part{Text: fmt.Sprintf("event %d of %d", i+1, len(events)), Value: ev.UID})
		}
		if !r.Asked(ev.Class) {
			parts = append(parts, Part{
				Line: r.Line, Text: "class_uid (the rule looks at " + strings.Join(r.Classes, ", ") + " only)", Value: int64(ev.Class),
			})
			continue
		}
		decoded, err := predicate.Decode(ev.Data)
		if err != nil {
			continue // the decider has said so
		}
		tree, err := r.Trace(decoded)
		parts = r.lay(parts, tree)
		if err != nil {
			parts = append(parts, Part{Text: "the predicate as a whole", Value: err.Error()})
		}
	}
	return parts
}

// Asked tells whether the rule looks at events of a class.
func (r *Rule) Asked(class int) bool {
	return len(r.classUIDs) == 0 || slices.Contains(r.classUIDs, class)
}
