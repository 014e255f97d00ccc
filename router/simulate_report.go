package router

import (
	"cmp"
	"slices"
	"time"

	"github.com/axiomhq/hyperloglog"

	"github.com/riposte-security/riposte/router/correlate"
	"github.com/riposte-security/riposte/schemas"
)

// A SimulationReport is what came of a simulation.
type SimulationReport struct {
	Events     int       `json:"events"`
	Unreadable int       `json:"unreadable"`         // messages that would have become dead letters
	Findings   int       `json:"findings,omitempty"` // of correlations, which were passed over: the simulation makes its own
	From       time.Time `json:"from"`               // when the first and the last of the events came in
	To         time.Time `json:"to"`
	Seconds    float64   `json:"seconds"` // that the simulation took
	Candidate  int       `json:"candidate_rules"`
	Current    int       `json:"current_rules"` // 0 without rules to compare with
	// Rules are those that did something, or differ between the two sets, in the order of the candidate.
	Rules []RuleSimulation `json:"rules"`
	// Actions are what all rules together would have had each action, or receiver, do.
	Actions []ActionSimulation `json:"actions"`
	// Uncompared tells that correlations led to so many commands that those are not compared.
	Uncompared bool `json:"uncompared,omitempty"`
}

// A RuleSimulation is what one rule would have done.
type RuleSimulation struct {
	Rule  string `json:"rule"`
	Title string `json:"title"`
	// Edition is how the rule differs between the two sets: added, removed, changed; "" for the same, or without rules to compare with.
	Edition        string `json:"edition,omitempty"`
	Matches        int    `json:"matches"`
	MatchesCurrent int    `json:"matches_current"`
	Shed           int    `json:"shed"`                   // of the matches, those above max_rate, which would have been held back
	Misses         int    `json:"misses"`                 // steps that would have become dead letters
	Publications   int    `json:"publications,omitempty"` // copies of events on topics of others
	// Counted is how many events a correlation counted. LeftOut is how many more made no difference, as there was no memory for them, or they came
	// too late.
	Counted int                `json:"counted,omitempty"`
	LeftOut int                `json:"left_out,omitempty"`
	Actions []ActionSimulation `json:"actions"`
}

// An ActionSimulation is what one rule would have had one action, or receiver, do.
type ActionSimulation struct {
	Lane     schemas.Lane `json:"lane"`
	Action   string       `json:"action"`
	Commands int          `json:"commands"`
	Targets  uint64       `json:"targets"` // different ones
	// Approximate tells that there were so many that Targets is an estimate, within two per cent.
	Approximate bool `json:"targets_approximate,omitempty"`
	Stale       int  `json:"stale"`   // commands that would have waited for approval: the event was too old
	Refused     int  `json:"refused"` // commands that would have been refused: the source of the event is not trusted
	// Compared with the current rules: their commands, and those that are new, gone, or ask for something else; and events that show it.
	CommandsCurrent int      `json:"commands_current"`
	Added           int      `json:"added"`
	Removed         int      `json:"removed"`
	Changed         int      `json:"changed"`
	Samples         []string `json:"samples,omitempty"`
}

// Differs tells whether the action would have done anything else.
func (a *ActionSimulation) Differs() bool { return a.Added+a.Removed+a.Changed > 0 }

// Report says what came of it until now.
func (s *Simulation) Report() SimulationReport {
	out := s.report
	out.Seconds = time.Since(s.began).Seconds()
	out.Candidate = len(s.candidate.rules)
	if s.current != nil {
		out.Current = len(s.current.rules)
	}
	out.Rules = []RuleSimulation{}
	for _, r := range s.candidate.decider.Rules() {
		edition := ""
		if s.current != nil {
			switch was := s.current.rules[r.ID]; {
			case was == nil:
				edition = "added"
			case was.Hash != r.Hash:
				edition = "changed"
			}
		}
		p := s.candidate.player
		if n := p.Count(r.ID, correlate.Counted); n > 0 {
			s.rule(r.ID).Counted = n
		}
		if n := p.Count(r.ID, correlate.Shed) + p.Count(r.ID, correlate.Late); n > 0 {
			s.rule(r.ID).LeftOut = n
		}
		out.add(s.rules[r.ID], r.ID, r.Title, edition)
	}
	out.Actions = actionsOf(s.totals)
	if s.current != nil {
		for _, r := range s.current.decider.Rules() {
			if s.candidate.rules[r.ID] == nil {
				out.add(s.rules[r.ID], r.ID, r.Title, "removed")
			}
		}
	}
	return out
}

func (r *SimulationReport) add(t *ruleTally, id, title, edition string) {
	if t == nil && edition == "" {
		return
	}
	out := RuleSimulation{Rule: id}
	if t != nil {
		out = t.RuleSimulation
		out.Actions = actionsOf(t.actions)
	}
	if out.Actions == nil {
		out.Actions = []ActionSimulation{}
	}
	out.Title, out.Edition = title, edition
	r.Rules = append(r.Rules, out)
}

func actionsOf(all map[[2]string]*actionTally) []ActionSimulation {
	out := make([]ActionSimulation, 0, len(all))
	for _, a := range all {
		x := a.ActionSimulation
		x.Targets, x.Approximate = a.targets.count()
		slices.Sort(x.Samples)
		out = append(out, x)
	}
	slices.SortFunc(out, func(a, b ActionSimulation) int {
		return cmp.Or(cmp.Compare(a.Lane, b.Lane), cmp.Compare(a.Action, b.Action))
	})
	return out
}

// exactTargets is how many different targets are counted one by one, for each rule and action. Above it an estimate has to do: memory is bounded
// whatever events hold.
const exactTargets = 1000

// distinct counts different texts.
type distinct struct {
	exact  map[string]struct{}
	sketch *hyperloglog.Sketch
}

func (d *distinct) add(text string) {
	if d.sketch != nil {
		d.sketch.Insert([]byte(text))
		return
	}
	if d.exact == nil {
		d.exact = map[string]struct{}{}
	}
	d.exact[text] = struct{}{}
	if len(d.exact) <= exactTargets {
		return
	}
	d.sketch = hyperloglog.New14() // 16 KiB, a standard error of 0.8 %
	for t := range d.exact {
		d.sketch.Insert([]byte(t))
	}
	d.exact = nil
}

func (d *distinct) count() (n uint64, approximate bool) {
	if d.sketch != nil {
		return d.sketch.Estimate(), true
	}
	return uint64(len(d.exact)), false
}
