package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/router/engine"
	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/schemas"
)

type rulesTestCmd struct {
	Paths           []string `arg:"" name:"PATH" help:"Files and folders with rules."`
	Verbose         bool     `short:"v" help:"Name the tests that passed, too."`
	Rule            []string `name:"rule" placeholder:"ID" help:"Run the tests of this rule only. May stand several times."`
	Coverage        bool     `help:"List the rules that lack a test in which they fire, or one in which they do not."`
	RequireCoverage bool     `help:"The same, and fail if there is such a rule."`
	JUnit           string   `name:"junit" placeholder:"FILE" type:"path" help:"Write the results as JUnit XML, too, for CI."`
	JSON            bool     `name:"json" help:"Print the results as JSON."`
}

// A testReport is what --json prints.
type testReport struct {
	Results  []rule.TestResult `json:"results"`
	Coverage []rule.Coverage   `json:"coverage,omitempty"`
	Passed   int               `json:"passed"`
	Failed   int               `json:"failed"`
}

// Run prints what failed, and closes with "N passed, N failed".
func (c *rulesTestCmd) Run(ctx context.Context, a *App) error {
	cfg, err := a.ruleConfig()
	if err != nil {
		return err
	}
	rules, err := a.loadRules(cfg, c.Paths...)
	if err != nil {
		if problems, ok := errors.AsType[rule.Problems](err); ok {
			err = errors.Join(c.writeJUnit(problems.WriteJUnit), err)
		}
		return a.printProblems(err)
	}
	tested, err := pickRules(rules, c.Rule)
	if err != nil {
		return err
	}
	runner := rule.Runner{Decider: engine.New(rules, zerolog.Nop()), Record: normaliseRecord, File: a.recordFile(ctx)}
	report := testReport{Results: runner.Run(tested)}
	for i := range report.Results {
		if report.Results[i].Passed() {
			report.Passed++
		} else {
			report.Failed++
		}
	}
	if err := c.writeJUnit(func(w io.Writer) error { return rule.WriteJUnit(w, report.Results) }); err != nil {
		return err
	}
	uncovered := 0
	if c.Coverage || c.RequireCoverage {
		report.Coverage = rule.Cover(tested)
		for _, x := range report.Coverage {
			if !x.Covered() {
				uncovered++
			}
		}
	}
	if err := c.print(a, report, uncovered); err != nil {
		return err
	}
	if report.Failed > 0 || c.RequireCoverage && uncovered > 0 {
		return errReported
	}
	return nil
}

// pickRules finds rules by their ids; without ids, it is all of them.
func pickRules(rules []*rule.Rule, ids []string) ([]*rule.Rule, error) {
	if len(ids) == 0 {
		return rules, nil
	}
	var out []*rule.Rule
	for _, id := range ids {
		i := slices.IndexFunc(rules, func(r *rule.Rule) bool { return r.ID == id })
		if i < 0 {
			return nil, misuse{fmt.Errorf("there is no rule %q%s", id, rule.SuggestID(id, rules))}
		}
		out = append(out, rules[i])
	}
	return out, nil
}

func (c *rulesTestCmd) print(a *App, report testReport, uncovered int) error {
	if c.JSON {
		return a.printJSON(report)
	}
	for _, r := range report.Results {
		switch {
		case !r.Passed():
			fmt.Fprintln(a.Out, r)
		case c.Verbose:
			fmt.Fprintf(a.Out, "pass %s: %s\n", r.Rule, r.Name)
		}
	}
	for _, x := range report.Coverage {
		if !x.Covered() {
			fmt.Fprintf(a.Out, "%s:%d:1: rule %s: %s\n", x.File, x.Line, x.Rule, x.Missing())
		}
	}
	if n := len(report.Coverage); n > 0 {
		fmt.Fprintf(a.Out, "coverage: %d of %d rules have a test in which they fire and one in which they do not\n", n-uncovered, n)
	}
	fmt.Fprintf(a.Out, "%d passed, %d failed\n", report.Passed, report.Failed)
	return nil
}

// writeJUnit writes the file of --junit, if one is asked for.
func (c *rulesTestCmd) writeJUnit(write func(io.Writer) error) (err error) {
	if c.JUnit == "" {
		return nil
	}
	f, err := os.Create(c.JUnit)
	if err != nil {
		return fmt.Errorf("JUnit: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return write(f)
}

// normaliseRecord makes events of the record of a rule's test.
func normaliseRecord(format string, settings map[string]string, record []byte) ([]schemas.Event, error) {
	f, err := formatFlags{Format: format, Set: settings}.build()
	if err != nil {
		return nil, err
	}
	return f.Parse(producers.Record{Data: record, Origin: "test", Position: "0", Received: time.Unix(0, 0).UTC()})
}

// recordFile returns what makes events of the file of a rule's test, which is small.
func (a *App) recordFile(ctx context.Context) rule.FileReader {
	const most = 10_000
	return func(path, format string, settings map[string]string) ([]schemas.Event, error) {
		f, err := eventsOr(format, settings)
		if err != nil {
			return nil, err
		}
		var events []schemas.Event
		err = a.eachEvent(ctx, f, []string{path}, func(_ string, _ int, ev schemas.Event) error {
			if len(events) == most {
				return fmt.Errorf("more than %d events; a test needs few", most)
			}
			events = append(events, ev)
			return nil
		}, func(b badRecord) error {
			if b.Record == 0 {
				return fmt.Errorf("%s", b.Reason)
			}
			return fmt.Errorf("record %d: %s", b.Record, b.Reason)
		})
		return events, err
	}
}
