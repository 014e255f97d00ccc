package router

import (
	"cmp"
	"reflect"
	"slices"
	"time"

	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/schemas"
)

// A RuledDecider is a set of rules at work.
type RuledDecider interface {
	Decider
	Ruled
}

// Simulated is what a simulation is about.
type Simulated struct {
	// Candidate are the rules in question; Current, which may be nil, those to compare them with.
	Candidate, Current RuledDecider
	// MaxRate is as in Config.
	MaxRate int
	// Guard says what would have become of a command that a consumer meets at a time: stale, refused, or "" where it would have gone on. nil: not
	// known.
	Guard func(c *schemas.Command, at time.Time) schemas.State
}

// A Simulation counts what rules would have done over past events. It publishes nothing. It is for one goroutine.
type Simulation struct {
	of                 Simulated
	candidate, current *side
	began              time.Time
	report             SimulationReport
	rules              map[string]*ruleTally
}

// side is one of the two sets of rules.
type side struct {
	decider RuledDecider
	rules   map[string]*rule.Rule
	valve   *valve
}

// ruleTally counts what one rule would have done.
type ruleTally struct {
	RuleSimulation

	actions map[[2]string]*actionTally
}

type actionTally struct {
	ActionSimulation

	targets distinct
}

// NewSimulation begins a simulation.
func NewSimulation(of Simulated) *Simulation {
	s := &Simulation{of: of, began: time.Now(), rules: map[string]*ruleTally{}}
	s.candidate = s.newSide(of.Candidate)
	if of.Current != nil {
		s.current = s.newSide(of.Current)
	}
	return s
}

func (s *Simulation) newSide(d RuledDecider) *side {
	x := &side{decider: d, rules: map[string]*rule.Rule{}}
	for _, r := range d.Rules() {
		x.rules[r.ID] = r
	}
	x.valve = newValve(func(id string) int {
		if r := x.rules[id]; r != nil && r.MaxRate > 0 {
			return r.MaxRate
		}
		return cmp.Or(s.of.MaxRate, rule.DefaultMaxRate)
	})
	return x
}

// decide asks one set of rules, and takes out what its valve holds back.
func (x *side) decide(ev schemas.Event, outcomes bool, at time.Time) (d rule.Decision, shed []string) {
	d = x.decider.Decide(ev, outcomes, at)
	for _, id := range d.Fired {
		if pass, _ := x.valve.admit(id, at); !pass {
			shed = append(shed, id)
		}
	}
	hold(&d, shed)
	return d, shed
}

// Unreadable counts a message that is no event.
func (s *Simulation) Unreadable() { s.report.Unreadable++ }

// Event has the rules decide on an event that came in at a time; outcomes tells that it came from the outcomes topic.
func (s *Simulation) Event(ev schemas.Event, outcomes bool, at time.Time) {
	s.report.Events++
	if s.report.From.IsZero() || at.Before(s.report.From) {
		s.report.From = at
	}
	if at.After(s.report.To) {
		s.report.To = at
	}
	d, shed := s.candidate.decide(ev, outcomes, at)
	for _, id := range d.Fired {
		s.rule(id).Matches++
	}
	for _, id := range shed {
		s.rule(id).Shed++
	}
	for i := range d.Misses {
		s.rule(d.Misses[i].Rule).Misses++
	}
	for i := range d.Publications {
		s.rule(d.Publications[i].Rule).Publications++
	}
	for i := range d.Contributions {
		s.rule(d.Contributions[i].Rule).Counted++
	}
	for i := range d.Commands {
		s.command(&d.Commands[i], at)
	}
	if s.current != nil {
		s.compare(ev, outcomes, at, d.Commands)
	}
}

// command counts one of the candidate's.
func (s *Simulation) command(c *schemas.Command, at time.Time) {
	a := s.rule(c.Rule).action(c)
	a.Commands++
	a.targets.add(c.Target.Key())
	if s.of.Guard == nil {
		return
	}
	switch s.of.Guard(c, at) {
	case schemas.StateStale:
		a.Stale++
	case schemas.StateRefused:
		a.Refused++
	default: // no other guard is asked
	}
}

// compare counts what the current rules would have done otherwise. Commands are the same if their ids are; such a one may still differ in what it
// is to do.
func (s *Simulation) compare(ev schemas.Event, outcomes bool, at time.Time, candidate []schemas.Command) {
	d, _ := s.current.decide(ev, outcomes, at)
	for _, id := range d.Fired {
		s.rule(id).MatchesCurrent++
	}
	for i := range candidate {
		c := &candidate[i]
		switch j := slices.IndexFunc(d.Commands, func(o schemas.Command) bool { return o.ID == c.ID }); {
		case j < 0:
			a := s.rule(c.Rule).action(c)
			a.Added++
			a.sample(ev.UID)
		case !sameCommand(*c, d.Commands[j]):
			a := s.rule(c.Rule).action(c)
			a.Changed++
			a.sample(ev.UID)
		}
	}
	for i := range d.Commands {
		c := &d.Commands[i]
		a := s.rule(c.Rule).action(c)
		a.CommandsCurrent++
		if !slices.ContainsFunc(candidate, func(o schemas.Command) bool { return o.ID == c.ID }) {
			a.Removed++
			a.sample(ev.UID)
		}
	}
}

// sameCommand tells whether two commands of one id ask for the same.
func sameCommand(a, b schemas.Command) bool {
	for _, c := range []*schemas.Command{&a, &b} {
		c.Event, c.RuleHash, c.RuleTitle = nil, "", ""
	}
	return reflect.DeepEqual(a, b)
}

func (s *Simulation) rule(id string) *ruleTally {
	t := s.rules[id]
	if t == nil {
		t = &ruleTally{RuleSimulation: RuleSimulation{Rule: id}, actions: map[[2]string]*actionTally{}}
		s.rules[id] = t
	}
	return t
}

func (t *ruleTally) action(c *schemas.Command) *actionTally {
	key := [2]string{string(c.Lane), c.Action}
	a := t.actions[key]
	if a == nil {
		a = &actionTally{ActionSimulation: ActionSimulation{Lane: c.Lane, Action: c.Action}}
		t.actions[key] = a
	}
	return a
}

// sample keeps the first few events that make a difference.
func (a *actionTally) sample(uid string) {
	const enough = 3
	if len(a.Samples) < enough && !slices.Contains(a.Samples, uid) {
		a.Samples = append(a.Samples, uid)
	}
}
