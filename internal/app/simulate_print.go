package app

import (
	"fmt"
	"math"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/riposte-security/riposte/router"
)

// print writes a table of what the rules would have done, and, where there are rules to compare with, what would be different.
func (c *simulateCmd) print(a *App, r router.SimulationReport) error {
	if c.JSON {
		return a.printJSON(r)
	}
	head := count(r.Events, "event")
	if r.Events > 0 {
		head += fmt.Sprintf(" of %s to %s", r.From.UTC().Format(time.RFC3339), r.To.UTC().Format(time.RFC3339))
	}
	if r.Unreadable > 0 {
		head += fmt.Sprintf(", %d more that cannot be read", r.Unreadable)
	}
	if r.Findings > 0 {
		head += fmt.Sprintf(", %s of correlations passed over, as they find for themselves here", count(r.Findings, "finding"))
	}
	fmt.Fprintf(a.Out, "%s; %s; %.1f s\n\n", head, count(r.Candidate, "rule"), r.Seconds)
	w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "RULE\tMATCHES\tLANE\tACTION\tCOMMANDS\tTARGETS\tNOTES")
	quiet := r.Candidate
	for i := range r.Rules {
		x := &r.Rules[i]
		if x.Edition == "removed" {
			continue
		}
		if x.Matches+x.Counted > 0 {
			quiet--
			ruleLines(w, x)
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("output: %w", err)
	}
	printTotals(a, r.Actions)
	if quiet > 0 {
		fmt.Fprintf(a.Out, "%s would have done nothing\n", count(quiet, "rule"))
	}
	if len(c.Against) > 0 {
		return c.printDifferences(a, r)
	}
	return nil
}

// printTotals writes what all rules together would have had each action do.
func printTotals(a *App, actions []router.ActionSimulation) {
	for i := range actions {
		if x := &actions[i]; x.Commands > 0 {
			fmt.Fprintf(a.Out, "in all %s %s: %s on %s\n", x.Lane, x.Action, count(x.Commands, "command"), targets(x))
		}
	}
}

// targets says how many there are.
func targets(a *router.ActionSimulation) string {
	text := count(int(min(a.Targets, math.MaxInt32)), "target")
	if a.Approximate {
		return "about " + text
	}
	return text
}

// ruleLines writes a line for each action of a rule; one at least.
func ruleLines(w *tabwriter.Writer, x *router.RuleSimulation) {
	name, matches := x.Rule, fmt.Sprint(x.Matches)
	notes := ruleNotes(x)
	lines := 0
	for i := range x.Actions {
		a := &x.Actions[i]
		if a.Commands == 0 {
			continue
		}
		targets := fmt.Sprint(a.Targets)
		if a.Approximate {
			targets = "about " + targets
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n", name, matches, a.Lane, a.Action, a.Commands, targets, strings.Join(append(actionNotes(a), notes...), ", "))
		name, matches, notes = "", "", nil
		lines++
	}
	if lines == 0 {
		fmt.Fprintf(w, "%s\t%s\t\t\t0\t0\t%s\n", name, matches, strings.Join(notes, ", "))
	}
}

func actionNotes(a *router.ActionSimulation) []string {
	var out []string
	if a.Refused > 0 {
		out = append(out, fmt.Sprintf("%d refused: source not trusted", a.Refused))
	}
	if a.Stale > 0 {
		out = append(out, fmt.Sprintf("%d stale", a.Stale))
	}
	return out
}

func ruleNotes(x *router.RuleSimulation) []string {
	var out []string
	if x.Shed > 0 {
		out = append(out, fmt.Sprintf("%d of the matches held back by max_rate", x.Shed))
	}
	if x.Misses > 0 {
		out = append(out, count(x.Misses, "dead letter"))
	}
	if x.Publications > 0 {
		out = append(out, fmt.Sprintf("%d published", x.Publications))
	}
	if x.Counted > 0 {
		out = append(out, count(x.Counted, "event")+" counted")
	}
	if x.LeftOut > 0 {
		out = append(out, fmt.Sprintf("%d left out: too late, or more than the memory of correlations holds", x.LeftOut))
	}
	return out
}

// printDifferences writes what would change with the candidate.
func (c *simulateCmd) printDifferences(a *App, r router.SimulationReport) error {
	fmt.Fprintf(a.Out, "\ncompared with %s of %s:\n", count(r.Current, "rule"), strings.Join(c.Against, ", "))
	w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	same := true
	for i := range r.Rules {
		x := &r.Rules[i]
		differs := x.Edition != "" || x.Matches != x.MatchesCurrent
		lines := 0
		for j := range x.Actions {
			act := &x.Actions[j]
			if !act.Differs() {
				continue
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\tsuch as event %s\n", x.Rule, x.Edition, act.Lane, act.Action, change(act), clean(strings.Join(act.Samples, ", ")))
			lines++
		}
		if lines == 0 && differs {
			fmt.Fprintf(w, "%s\t%s\t\t\t%d matches instead of %d\tthe commands are the same\n", x.Rule, x.Edition, x.Matches, x.MatchesCurrent)
		}
		same = same && lines == 0 && !differs
	}
	if r.Uncompared {
		fmt.Fprintln(a.Out, "the commands that follow from correlations are too many to be compared one by one")
	} else if same {
		fmt.Fprintln(a.Out, "no difference")
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("output: %w", err)
	}
	return nil
}

// change is what becomes of an action's commands: +3 -1 ~2 (new, gone, asking for something else).
func change(a *router.ActionSimulation) string {
	var out []string
	for _, x := range []struct {
		sign string
		n    int
	}{{"+", a.Added}, {"-", a.Removed}, {"~", a.Changed}} {
		if x.n > 0 {
			out = append(out, fmt.Sprintf("%s%d", x.sign, x.n))
		}
	}
	return strings.Join(out, " ") + fmt.Sprintf(" (%d instead of %d)", a.Commands, a.CommandsCurrent)
}
