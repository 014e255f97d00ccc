package app

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/router"
	"github.com/riposte-security/riposte/router/correlate"
	"github.com/riposte-security/riposte/router/engine"
	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/schemas"
)

// playedOver plays the correlations over the events that are explained, and keeps what led to what.
type playedOver struct {
	decider engine.Decider
	player  *rule.Player
	now     time.Time
	counted map[string][]correlate.Contribution // by correlation
	found   map[string][]rule.Found
}

func newPlayed(rules []*rule.Rule) *playedOver {
	p := &playedOver{
		decider: engine.New(rules, zerolog.Nop()), now: time.Now().UTC(), counted: map[string][]correlate.Contribution{}, found: map[string][]rule.Found{},
	}
	p.player = rule.NewPlayer(rules, router.DefaultMemory, func(f rule.Found) {
		p.found[f.Rule.ID] = append(p.found[f.Rule.ID], f)
		p.count(f.Decision.Contributions)
		if f.Event.Data != nil {
			p.decide(f.Event, f.At, f.Record)
		}
	})
	return p
}

func (p *playedOver) event(ev schemas.Event, record int) { p.decide(ev, cameIn(ev, p.now), record) }

func (p *playedOver) decide(ev schemas.Event, at time.Time, record int) {
	d := p.decider.Decide(ev, ev.Class == schemas.ClassRemediationActivity, ev.Time)
	p.count(d.Contributions)
	p.player.Add(d.Contributions, at, record)
}

func (p *playedOver) count(contributions []correlate.Contribution) {
	const most = 10_000 // of a correlation; people read the rest
	for _, c := range contributions {
		if len(p.counted[c.Rule]) < most {
			p.counted[c.Rule] = append(p.counted[c.Rule], c)
		}
	}
}

// A correlationExplained is a line of --json: what became of one group of one correlation.
type correlationExplained struct {
	Correlation string          `json:"correlation"`
	Group       json.RawMessage `json:"group,omitempty"` // none: no event counted
	Fired       bool            `json:"fired"`
	Finding     string          `json:"finding,omitempty"` // its uid
	Events      int             `json:"events"`            // that counted
	Reason      string          `json:"reason"`
}

// correlations says of each correlation for which groups it fired, and how near the others came.
func (x *explainer) correlations() error {
	x.played.player.End()
	if !x.JSON && slices.ContainsFunc(x.rules, func(r *rule.Rule) bool { return r.Correlation != nil }) {
		fmt.Fprintln(x.a.Out, "\nover all the events:")
	}
	for _, r := range x.rules {
		if r.Correlation == nil {
			continue
		}
		for _, e := range x.played.explain(r) {
			if e.Fired {
				x.fired[r.ID] = true
			}
			if x.JSON {
				if err := newEncoder(x.a.Out).Encode(e); err != nil {
					return fmt.Errorf("correlation: %w", err)
				}
				continue
			}
			x.printCorrelation(r, e)
		}
	}
	return nil
}

// explain gives a line for each time that a correlation fired, one for each other group, and one if there is none.
func (p *playedOver) explain(r *rule.Rule) (out []correlationExplained) {
	for _, f := range p.found[r.ID] {
		out = append(out, correlationExplained{
			Correlation: r.ID, Group: f.Firing.Group, Fired: true, Finding: f.Event.UID, Events: f.Firing.Events,
			Reason: "it holds from " + f.Firing.First.Format(time.RFC3339) + " to " + f.Firing.Last.Format(time.RFC3339),
		})
	}
	for _, n := range r.Correlation.Nearest(p.counted[r.ID]) {
		if !slices.ContainsFunc(p.found[r.ID], func(f rule.Found) bool { return string(f.Firing.Group) == string(n.Group) }) {
			out = append(out, correlationExplained{Correlation: r.ID, Group: n.Group, Events: n.Events, Reason: n.Text})
		}
	}
	if len(out) == 0 {
		out = append(out, correlationExplained{Correlation: r.ID, Reason: "no event counts"})
	}
	return out
}

func (x *explainer) printCorrelation(r *rule.Rule, e correlationExplained) {
	full := x.All || len(x.Rule) > 0
	if e.Group == nil && !full {
		return
	}
	verdict, group := "no", ""
	if e.Fired {
		verdict = "fired"
	}
	if e.Group != nil {
		group = fmt.Sprintf(" for %s, %s counted", clean(string(e.Group)), count(e.Events, "event"))
		if len(r.Correlation.GroupBy) == 0 {
			group = fmt.Sprintf(", %s counted", count(e.Events, "event"))
		}
	}
	fmt.Fprintf(x.a.Out, "%-5s %s (%s:%d)%s: %s\n", verdict, r.ID, r.File, r.Line, group, e.Reason)
}
