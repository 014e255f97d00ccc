package router

import (
	"cmp"
	"slices"
	"time"

	"github.com/riposte-security/riposte/router/correlate"
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
	// Memory bounds the state of correlations, of each of the two sets, in bytes as it is estimated; DefaultMemory if zero.
	Memory int64
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
	totals             map[[2]string]*actionTally
}

// side is one of the two sets of rules.
type side struct {
	decider RuledDecider
	rules   map[string]*rule.Rule
	valve   *valve
	player  *rule.Player
	// later are the commands that follow from what correlations found: they can be compared only when all is over, as each set finds at its time.
	later map[string]laterCommand
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
	s := &Simulation{of: of, began: time.Now(), rules: map[string]*ruleTally{}, totals: map[[2]string]*actionTally{}}
	s.of.Memory = cmp.Or(of.Memory, DefaultMemory)
	s.candidate = s.newSide(of.Candidate, s.found)
	if of.Current != nil {
		s.current = s.newSide(of.Current, s.foundCurrent)
	}
	return s
}

func (s *Simulation) newSide(d RuledDecider, found func(rule.Found)) *side {
	x := &side{decider: d, rules: map[string]*rule.Rule{}, later: map[string]laterCommand{}}
	x.player = rule.NewPlayer(d.Rules(), s.of.Memory, found)
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
	x.player.Add(d.Contributions, at, 0)
	return d, x.hold(&d, at)
}

// hold takes out of a decision what the valve holds back.
func (x *side) hold(d *rule.Decision, at time.Time) (shed []string) {
	for _, id := range d.Fired {
		if r := x.rules[id]; r != nil && r.Silent() {
			continue
		}
		if pass, _ := x.valve.admit(id, at); !pass {
			shed = append(shed, id)
		}
	}
	hold(d, shed)
	return shed
}

// Unreadable counts a message that is no event.
func (s *Simulation) Unreadable() { s.report.Unreadable++ }

// Event has the rules decide on an event that came in at a time; outcomes tells that it came from the outcomes topic. What correlations found at
// that time is passed over: those of the simulation find for themselves.
func (s *Simulation) Event(ev schemas.Event, outcomes bool, at time.Time) {
	if !outcomes && correlate.IsFinding(ev) {
		s.report.Findings++
		return
	}
	s.report.Events++
	if s.report.From.IsZero() || at.Before(s.report.From) {
		s.report.From = at
	}
	if at.After(s.report.To) {
		s.report.To = at
	}
	d, shed := s.candidate.decide(ev, outcomes, at)
	s.count(&d, shed, at)
	if s.current != nil {
		s.compare(ev, outcomes, at, d.Commands)
	}
}

// count counts a decision of the candidate.
func (s *Simulation) count(d *rule.Decision, shed []string, at time.Time) {
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
	for i := range d.Commands {
		s.command(&d.Commands[i], at)
	}
}

// command counts one of the candidate's.
func (s *Simulation) command(c *schemas.Command, at time.Time) {
	var state schemas.State
	if s.of.Guard != nil {
		state = s.of.Guard(c, at)
	}
	for _, a := range []*actionTally{s.rule(c.Rule).action(c.Lane, c.Action), actionOf(s.totals, c.Lane, c.Action)} {
		a.Commands++
		a.targets.add(c.Target.Key())
		switch state {
		case schemas.StateStale:
			a.Stale++
		case schemas.StateRefused:
			a.Refused++
		default: // no other guard is asked
		}
	}
}

// tallies has a rule's action counted, and in the totals.
func (s *Simulation) tallies(id string, lane schemas.Lane, act string, count func(*actionTally)) {
	count(s.rule(id).action(lane, act))
	count(actionOf(s.totals, lane, act))
}

func (s *Simulation) rule(id string) *ruleTally {
	t := s.rules[id]
	if t == nil {
		t = &ruleTally{RuleSimulation: RuleSimulation{Rule: id}, actions: map[[2]string]*actionTally{}}
		s.rules[id] = t
	}
	return t
}

func (t *ruleTally) action(lane schemas.Lane, act string) *actionTally {
	return actionOf(t.actions, lane, act)
}

func actionOf(all map[[2]string]*actionTally, lane schemas.Lane, act string) *actionTally {
	key := [2]string{string(lane), act}
	a := all[key]
	if a == nil {
		a = &actionTally{ActionSimulation: ActionSimulation{Lane: lane, Action: act}}
		all[key] = a
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
