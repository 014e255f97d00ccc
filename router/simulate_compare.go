package router

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/schemas"
)

// A laterCommand is what is kept of a command to compare it.
type laterCommand struct {
	rule  string
	lane  schemas.Lane
	act   string
	event string
	sum   [sha256.Size]byte // of what it asks for
}

// maxLater bounds how many commands of correlations are compared.
const maxLater = 500_000

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
			s.tallies(c.Rule, c.Lane, c.Action, func(a *actionTally) { a.Added++; a.sample(ev.UID) })
		case asks(*c) != asks(d.Commands[j]):
			s.tallies(c.Rule, c.Lane, c.Action, func(a *actionTally) { a.Changed++; a.sample(ev.UID) })
		}
	}
	for i := range d.Commands {
		c := &d.Commands[i]
		s.tallies(c.Rule, c.Lane, c.Action, func(a *actionTally) {
			a.CommandsCurrent++
			if !slices.ContainsFunc(candidate, func(o schemas.Command) bool { return o.ID == c.ID }) {
				a.Removed++
				a.sample(ev.UID)
			}
		})
	}
}

// keep notes commands that follow from what a correlation found, for the comparison. It is false if there are too many.
func (x *side) keep(commands []schemas.Command) bool {
	for i := range commands {
		c := &commands[i]
		if _, known := x.later[c.ID]; !known && len(x.later) >= maxLater {
			return false
		}
		x.later[c.ID] = laterCommand{c.Rule, c.Lane, c.Action, c.EventUID, asks(*c)}
	}
	return true
}

// found counts what a correlation of the candidate found, and what the rules make of the finding.
func (s *Simulation) found(f rule.Found) {
	x := s.candidate
	s.count(&f.Decision, x.hold(&f.Decision, f.At), f.At)
	kept := x.keep(f.Decision.Commands)
	if f.Event.Data != nil {
		d, shed := x.decide(f.Event, false, f.At)
		s.count(&d, shed, f.At)
		kept = x.keep(d.Commands) && kept
	}
	s.report.Uncompared = s.report.Uncompared || !kept
}

// foundCurrent does so with one of the current rules.
func (s *Simulation) foundCurrent(f rule.Found) {
	x := s.current
	decisions := []rule.Decision{f.Decision}
	x.hold(&decisions[0], f.At)
	if f.Event.Data != nil {
		d, _ := x.decide(f.Event, false, f.At)
		decisions = append(decisions, d)
	}
	for i := range decisions {
		d := &decisions[i]
		for _, id := range d.Fired {
			s.rule(id).MatchesCurrent++
		}
		for k := range d.Commands {
			c := &d.Commands[k]
			s.tallies(c.Rule, c.Lane, c.Action, func(a *actionTally) { a.CommandsCurrent++ })
		}
		if !x.keep(d.Commands) {
			s.report.Uncompared = true
		}
	}
}

// End says that there are no more events: correlations decide what is left to decide.
func (s *Simulation) End() {
	s.candidate.player.End()
	if s.current == nil {
		return
	}
	s.current.player.End()
	if s.report.Uncompared {
		return
	}
	was, is := s.current.later, s.candidate.later
	for _, id := range slices.Sorted(maps.Keys(is)) {
		c := is[id]
		switch o, both := was[id]; {
		case !both:
			s.tallies(c.rule, c.lane, c.act, func(a *actionTally) { a.Added++; a.sample(c.event) })
		case o.sum != c.sum:
			s.tallies(c.rule, c.lane, c.act, func(a *actionTally) { a.Changed++; a.sample(c.event) })
		}
	}
	for _, id := range slices.Sorted(maps.Keys(was)) {
		c := was[id]
		if _, both := is[id]; !both {
			s.tallies(c.rule, c.lane, c.act, func(a *actionTally) { a.Removed++; a.sample(c.event) })
		}
	}
}

// asks is a hash of what a command asks for: two of one id may differ in it.
func asks(c schemas.Command) [sha256.Size]byte {
	c.Event, c.RuleHash, c.RuleTitle, c.Created, c.EventTime = nil, "", "", time.Time{}, time.Time{}
	text, err := json.Marshal(c)
	if err != nil {
		text = fmt.Append(nil, c)
	}
	return sha256.Sum256(text)
}
