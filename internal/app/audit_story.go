package app

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/riposte-security/riposte/consumers/ledger"
	"github.com/riposte-security/riposte/consumers/ledger/open"
	"github.com/riposte-security/riposte/schemas"
)

// rule finds the text of the rule, if the edition that decided still stands somewhere.
func (t *storyTeller) rule(st *story) {
	st.Rule = ruleText{ID: st.Command.Rule, Hash: st.Command.RuleHash}
	paths := t.c.Rules
	if len(paths) == 0 {
		var conf routerConfig
		if err := t.s.cfg.Router.Decode(&conf); err != nil {
			st.Notes = append(st.Notes, "rules: "+err.Error())
			return
		}
		paths = conf.Rules
	}
	set, err := t.s.loadRuleSet(&t.s.cfg, nil, paths)
	if err != nil {
		st.Notes = append(st.Notes, "the rules cannot be read: "+err.Error())
		return
	}
	for _, r := range set {
		switch {
		case r.ID != st.Rule.ID:
		case r.Hash != st.Rule.Hash:
			st.Notes = append(st.Notes, fmt.Sprintf("rule %s has another hash now, %s: it was changed since", r.ID, r.Hash))
		default:
			st.Rule.At = fmt.Sprintf("%s:%d", r.File, r.Line)
			if text, err := os.ReadFile(r.File); err == nil { // rules that ship are not files
				st.Rule.Text = documentAt(string(text), r.Line)
			} else {
				st.Rule.Text = "when: " + r.When
			}
		}
	}
}

// documentAt is the YAML document of a file in which a line stands.
func documentAt(text string, line int) string {
	at := 0
	doc := ""
	for doc = range strings.SplitAfterSeq(text, "\n---\n") {
		if at += strings.Count(doc, "\n"); line <= at {
			break
		}
	}
	return strings.TrimSuffix(strings.TrimSpace(doc), "---")
}

// ledger adds what only the ledger has: who approved.
func (t *storyTeller) ledger(ctx context.Context, st *story) {
	url, err := t.s.ledgerURL(t.s.cfg, t.c.Data)
	if err != nil {
		st.Notes = append(st.Notes, err.Error())
		return
	}
	l, err := open.Existing(ctx, url)
	if err != nil {
		st.Notes = append(st.Notes, "no ledger is asked: "+err.Error())
		return
	}
	defer l.Close() //nolint:errcheck // read only
	entries, err := l.List(ctx, ledger.Filter{IDs: []string{st.Command.ID}, Limit: 1})
	switch {
	case err != nil:
		st.Notes = append(st.Notes, "ledger: "+err.Error())
	case len(entries) == 0:
		st.Notes = append(st.Notes, "the ledger does not know the command any more")
	default:
		st.Ledger = &entries[0]
	}
}

// print tells the story to people.
func (st *story) print(a *App) {
	w := tabwriter.NewWriter(a.Out, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n", name, clean(fmt.Sprintf(format, args...)))
	}
	cmd := st.Command
	for _, c := range st.Causes {
		row("cause", "%s %s %s on %s, by rule %s", c.ID, c.Lane, c.Action, c.Target.Key(), c.Rule)
	}
	if st.Event != nil {
		row("record", "%s/%d@%d at %s from %s", st.Event.Topic, st.Event.Partition, st.Event.Offset, st.Event.Time.Format(time.RFC3339Nano),
			cmp.Or(st.Event.Headers[schemas.HeaderSource], "nobody named"))
	}
	row("event", "%s of %s", cmd.EventUID, cmd.EventTime.UTC().Format(time.RFC3339Nano))
	row("", "%s", cmd.Event)
	row("rule", "%s (%s), hash %s", cmd.Rule, cmd.RuleTitle, cmd.RuleHash)
	if st.Rule.At != "" {
		row("", "%s", st.Rule.At)
	}
	for line := range strings.Lines(st.Rule.Text) {
		row("", "  %s", strings.TrimRight(line, "\n"))
	}
	row("command", "%s, step %s, %s/%d@%d", cmd.ID, cmd.Step, st.Where.Topic, st.Where.Partition, st.Where.Offset)
	row("", "%s %s on %s, severity %s, decided %s", cmd.Lane, cmd.Action, cmd.Target.Key(), cmd.Severity, cmd.Created.UTC().Format(time.RFC3339Nano))
	if len(cmd.With) > 0 {
		row("", "with %s", compact(cmd.With))
	}
	st.printApprovals(row)
	for _, o := range st.Outcomes {
		if o.Plan != nil {
			row("plan", "%s (%s)", o.Plan.Summary, o.Plan.Hash)
			for _, call := range o.Plan.Calls {
				row("  call", "%s:%s %s", call.Service, call.Operation, compact(call.Params))
			}
		}
		for _, what := range o.Truncated {
			row("", "%s was too large for the outcome: riposte commands %s has it", what, cmd.ID)
		}
		row("outcome", "%s at %s, %s/%d@%d: %s", o.State, o.Where.Time.Format(time.RFC3339Nano), o.Where.Topic, o.Where.Partition, o.Where.Offset, o.Message)
		if o.Error != "" {
			row("", "error: %s", o.Error)
		}
	}
	for _, id := range st.Followed {
		row("led to", "%s", id)
	}
	for _, n := range st.Notes {
		row("note", "%s", n)
	}
	_ = w.Flush() // stdout of a table: nothing to do if it is gone
}

// printApprovals says who decided, as the outcomes in the archive have it; where they do not, as the ledger has it now.
func (st *story) printApprovals(row func(name, format string, args ...any)) {
	var approvals []ledger.Approval
	var undo *ledger.UndoRequest
	from := ""
	for _, o := range st.Outcomes {
		if len(o.Approvals) > 0 {
			approvals = o.Approvals
		}
		if o.Undo != nil {
			undo = o.Undo
		}
	}
	if approvals == nil && undo == nil && st.Ledger != nil {
		approvals, undo, from = st.Ledger.Approvals, st.Ledger.Undo, "; so says the ledger"
	}
	signed := func(signature string) string {
		if signature == "" {
			return "not signed"
		}
		return "signed"
	}
	for _, p := range approvals {
		row("approval", "by %s at %s via %s, of plan %s, %s: %s%s", p.By, p.At.UTC().Format(time.RFC3339), p.Via, p.Plan, signed(p.Signature), p.Reason, from)
	}
	if undo != nil {
		row("undo", "asked by %s at %s, %s: %s%s", undo.By, undo.At.UTC().Format(time.RFC3339), signed(undo.Signature), undo.Reason, from)
	}
}
