package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/riposte-security/riposte/router/engine"
	"github.com/riposte-security/riposte/router/rule"
)

type rulesCheckCmd struct {
	Paths  []string `arg:"" name:"PATH" help:"Files and folders with rules."`
	Strict bool     `help:"Fail on warnings, too."`
	JSON   bool     `name:"json" help:"Print the problems as JSON."`
}

// A checkReport is what --json prints.
type checkReport struct {
	Rules    int           `json:"rules"` // 0 if there are errors
	Errors   rule.Problems `json:"errors"`
	Warnings rule.Problems `json:"warnings"`
	// Unchecked are names that only a configuration tells apart from misspelt ones, and there was none.
	Unchecked *unchecked `json:"unchecked,omitempty"`
}

type unchecked struct {
	Receivers []string `json:"receivers,omitempty"`
	Lists     []string `json:"lists,omitempty"`
}

// Run prints every problem as file:line:column: message. Errors keep a set of rules from being loaded; warnings do not.
func (c *rulesCheckCmd) Run(a *App) error {
	cfg, err := a.ruleConfig()
	if err != nil {
		return err
	}
	report := checkReport{Errors: rule.Problems{}, Warnings: rule.Problems{}}
	rules, err := a.loadRules(cfg, c.Paths...)
	switch problems, ok := errors.AsType[rule.Problems](err); {
	case ok:
		report.Errors = problems
	case err != nil:
		return err
	default:
		report.Rules = len(rules)
		l, err := rule.NewLanguage()
		if err != nil {
			return err
		}
		report.Warnings = append(report.Warnings, rule.Warnings(l, rules)...)
		report.Warnings = append(report.Warnings, alwaysEvaluated(rules)...)
		report.Warnings.Sort()
		if cfg == nil {
			report.Unchecked = namesIn(rules)
		}
	}
	if err := c.print(a, report); err != nil {
		return err
	}
	if len(report.Errors) > 0 || c.Strict && len(report.Warnings) > 0 {
		return errReported
	}
	return nil
}

func (c *rulesCheckCmd) print(a *App, report checkReport) error {
	if c.JSON {
		return a.printJSON(report)
	}
	for _, p := range append(report.Errors, report.Warnings...) {
		fmt.Fprintln(a.Out, p)
	}
	if len(report.Errors) > 0 { // how many rules are sound is not known
		return nil
	}
	if u := report.Unchecked; u != nil {
		var what []string
		if len(u.Receivers) > 0 {
			what = append(what, "receivers "+strings.Join(u.Receivers, " "))
		}
		if len(u.Lists) > 0 {
			what = append(what, "lists "+strings.Join(u.Lists, " "))
		}
		fmt.Fprintf(a.Out, "not checked without a configuration (--config): %s\n", strings.Join(what, "; "))
	}
	found := "no problem"
	if n := len(report.Warnings); n > 0 {
		found = count(n, "warning")
	}
	fmt.Fprintf(a.Out, "%d rules, %s\n", report.Rules, found)
	return nil
}

// namesIn gathers the receivers and lists that rules name; nil if they name none.
func namesIn(rules []*rule.Rule) *unchecked {
	u := &unchecked{}
	for _, r := range rules {
		u.Receivers = append(u.Receivers, r.Receivers()...)
		u.Lists = append(u.Lists, r.Uses().Lists...)
	}
	if len(u.Receivers)+len(u.Lists) == 0 {
		return nil
	}
	for _, names := range []*[]string{&u.Receivers, &u.Lists} {
		slices.Sort(*names)
		*names = slices.Compact(*names)
	}
	return u
}

// count is a number of things, whose plural ends in s.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// alwaysEvaluated warns of rules that no index finds: they cost time for every event.
func alwaysEvaluated(rules []*rule.Rule) rule.Problems {
	var out rule.Problems
	for _, r := range rules {
		if why, always := engine.AlwaysEvaluated(r); always {
			out = append(out, r.Warn(0, "always evaluated: "+why))
		}
	}
	return out
}
