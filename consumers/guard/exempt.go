package guard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/riposte-security/riposte/schemas"
)

// An Exemption keeps riposte from acting on events of some kind, until a day that somebody has to name.
type Exemption struct {
	ID      string         `yaml:"id" json:"id"`
	When    string         `yaml:"when" json:"when"`             // a predicate, as in rules
	Lanes   []schemas.Lane `yaml:"lanes" json:"lanes,omitempty"` // block and remediate if empty
	Rules   []string       `yaml:"rules" json:"rules,omitempty"` // ids, with * and ?; every rule if empty
	Owner   string         `yaml:"owner" json:"owner"`           // whom to ask
	Reason  string         `yaml:"reason" json:"reason"`         // why
	Expires time.Time      `yaml:"expires" json:"expires"`       // when it ends
	Holds   Predicate      `yaml:"-" json:"-"`                   // When, compiled
}

// A Predicate tells whether something holds of an event.
type Predicate func(event []byte) (bool, error)

// LongestExemption is how far away the end of an exemption may be: what lasts for ever is no exemption but a rule that says so.
const LongestExemption = 366 * 24 * time.Hour

// Validate checks what needs no other.
func (x Exemption) Validate(now time.Time) error {
	switch {
	case x.ID == "":
		return errors.New("id is missing")
	case x.When == "":
		return errors.New("when is missing: a predicate expected, as in rules")
	case x.Owner == "":
		return errors.New("owner is missing: somebody has to answer for it")
	case x.Reason == "":
		return errors.New("reason is missing")
	case x.Expires.IsZero():
		return errors.New("expires is missing: every exemption ends")
	case x.Expires.Sub(now) > LongestExemption:
		return fmt.Errorf("expires %s: more than a year away", x.Expires.Format(time.DateOnly))
	}
	for _, l := range x.Lanes {
		if !slices.Contains(schemas.Lanes(), l) {
			return fmt.Errorf("lanes: no lane %q; alert, block or remediate expected", l)
		}
	}
	return nil
}

// Over tells whether the exemption has ended.
func (x Exemption) Over(now time.Time) bool { return !now.Before(x.Expires) }

// Covers tells whether the exemption is about commands of a rule in a lane, whatever the event.
func (x Exemption) Covers(lane schemas.Lane, rule string) bool {
	return x.CoversLane(lane) && x.CoversRule(rule)
}

// CoversLane tells whether the exemption is about commands of a lane.
func (x Exemption) CoversLane(lane schemas.Lane) bool {
	lanes := x.Lanes
	if len(lanes) == 0 {
		lanes = schemas.EffectLanes()
	}
	return slices.Contains(lanes, lane)
}

// CoversRule tells whether the exemption is about commands of a rule.
func (x Exemption) CoversRule(rule string) bool {
	return len(x.Rules) == 0 || slices.ContainsFunc(x.Rules, func(p string) bool { return match(p, rule) })
}

// Exempt ends commands that an exemption covers.
type Exempt struct {
	// List returns the exemptions as they are now.
	List func() []Exemption
}

// Check is a Guard's; it needs no plan. An exemption that cannot be evaluated exempts nothing: the command is tried again later.
func (g Exempt) Check(_ context.Context, c Case) (Verdict, error) {
	for _, x := range g.List() {
		if x.Over(c.Now) || !x.Covers(c.Command.Lane, c.Command.Rule) {
			continue
		}
		holds, err := x.Holds(c.Command.Event)
		if err != nil {
			return Verdict{}, fmt.Errorf("exemption %s: %w", x.ID, err)
		}
		if holds {
			return Verdict{State: schemas.StateExempted, Reason: fmt.Sprintf("exemption %s of %s: %s (until %s)",
				x.ID, x.Owner, x.Reason, x.Expires.UTC().Format(time.RFC3339))}, nil
		}
	}
	return Verdict{}, nil
}
