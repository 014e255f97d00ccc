package app

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/schemas"
)

type rulesExplainCmd struct {
	Rules  []string          `required:"" name:"rules" placeholder:"PATH" help:"Files and folders with rules."`
	Event  []string          `required:"" name:"event" placeholder:"FILE" help:"File with one or a few events, or '-' for stdin."`
	Format string            `help:"Format of the records in the file; by default they are events, or any JSON."`
	Set    map[string]string `mapsep:"none" placeholder:"KEY=VALUE" help:"A setting of the format."`
	Rule   []string          `name:"rule" placeholder:"ID" help:"Explain this rule in full; exit code 1 if it never fires. May stand several times."`
	Near   int               `default:"2" placeholder:"N" help:"Without --rule: list rules that lack at most so many conditions (${default})."`
	All    bool              `help:"Explain every rule in full."`
	JSON   bool              `name:"json" help:"Print JSON, a line an event, with every rule."`
}

// Run says of each event which rules fired and why, and which would have with little else; and of each correlation for which groups it fired over
// all the events, and how near the others came. It exits with 1 if a rule that was named with --rule never fires, so that scripts can ask.
func (c *rulesExplainCmd) Run(ctx context.Context, a *App) error {
	cfg, sources, done, err := a.ruleInputs(ctx)
	if err != nil {
		return err
	}
	defer done()
	rules, err := a.loadRulesWith(cfg, sources, c.Rules...)
	if err != nil {
		return a.printProblems(err)
	}
	all := rules
	if rules, err = pickRules(rules, c.Rule); err != nil {
		return err
	}
	format, err := eventsOr(c.Format, c.Set)
	if err != nil {
		return err
	}
	x := explainer{rulesExplainCmd: c, a: a, rules: rules, fired: map[string]bool{}, played: newPlayed(all)}
	bad := 0
	err = a.eachEvent(ctx, format, c.Event, func(file string, record int, ev schemas.Event) error { return x.event(file, record, ev) },
		func(b badRecord) error {
			bad++
			return newEncoder(a.Err).Encode(b)
		})
	if err == nil && x.events > 0 {
		err = x.correlations()
	}
	switch {
	case err != nil:
		return err
	case bad > 0:
		return errReported
	case x.events == 0:
		return errors.New("there is no event in the file")
	case len(x.fired) < len(c.Rule):
		return errReported
	}
	return nil
}

// explainer explains events one after the other.
type explainer struct {
	*rulesExplainCmd
	a      *App
	rules  []*rule.Rule
	events int
	fired  map[string]bool
	played *playedOver
}

// An eventExplained is a line of --json.
type eventExplained struct {
	Event  string             `json:"event"`
	Class  int                `json:"class_uid"`
	File   string             `json:"file"`
	Record int                `json:"record"`
	Rules  []rule.Explanation `json:"rules"`
}

func (x *explainer) event(file string, record int, ev schemas.Event) error {
	x.events++
	x.played.event(ev, x.events)
	out := eventExplained{Event: ev.UID, Class: ev.Class, File: file, Record: record, Rules: []rule.Explanation{}}
	for _, r := range x.rules {
		e, err := r.Why(ev)
		if err != nil {
			return fmt.Errorf("%s: record %d: %w", file, record, err)
		}
		if e.Fired {
			x.fired[r.ID] = true
		}
		out.Rules = append(out.Rules, e)
	}
	if x.JSON {
		return newEncoder(x.a.Out).Encode(out)
	}
	x.print(out)
	return nil
}

// print writes what fired, then the near misses, nearest first, and how many rules are left out.
func (x *explainer) print(e eventExplained) {
	w := x.a.Out
	if x.events > 1 {
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "event %s of class %d %s (%s, record %d)\n", clean(e.Event), e.Class, schemas.ClassName(e.Class), e.File, e.Record)
	slices.SortStableFunc(e.Rules, func(a, b rule.Explanation) int { return rank(a) - rank(b) })
	left, class := 0, 0
	for i := range e.Rules {
		r := &e.Rules[i]
		full := x.All || len(x.Rule) > 0
		switch {
		case full || r.Fired || r.Counts || r.Error != "" || r.Asked && r.Distance <= x.Near:
			x.one(r, full)
		case r.Asked:
			left++
		default:
			class++
		}
	}
	if left > 0 {
		fmt.Fprintf(w, "%d more did not fire, each for more than %d conditions (--near N, --rule ID or --all shows them)\n", left, x.Near)
	}
	if class > 0 {
		fmt.Fprintf(w, "%d more look at other classes of events\n", class)
	}
}

// one writes why one rule did or did not fire: in full with all parts, else with those that were in the way.
func (x *explainer) one(r *rule.Explanation, full bool) {
	w := x.a.Out
	parts := r.Parts
	fmt.Fprintf(w, "%-5s %s (%s:%d): %s\n", r.Verdict(), r.Rule, r.File, r.Line, r.Reason)
	if !full && !r.Fired && !r.Counts {
		parts = r.Blocking
	}
	for _, line := range rule.Table(parts) {
		fmt.Fprintln(w, "      "+clean(line))
	}
}

// rank orders explanations for people: what fired, what failed, then the nearest.
func rank(e rule.Explanation) int {
	const far = 1 << 20
	switch {
	case e.Fired, e.Counts:
		return 0
	case e.Error != "":
		return 1
	case !e.Asked:
		return far
	}
	return 1 + min(e.Distance, far-2)
}
