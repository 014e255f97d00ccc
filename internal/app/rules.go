package app

import (
	"errors"
	"fmt"

	"github.com/riposte-security/riposte/consumers/alert"
	actions "github.com/riposte-security/riposte/consumers/catalog"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/router/lists"
	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/router/rule/predicate"
)

type rulesCmd struct {
	Check rulesCheckCmd `cmd:"" help:"Check rules: fields, types, actions, receivers."`
	Test  rulesTestCmd  `cmd:"" help:"Run the tests that rules bring along."`
	Match rulesMatchCmd `cmd:"" help:"Say which rules fire on the events of files, and which commands follow."`

	Import  rulesImportCmd  `cmd:"" help:"Make rules of those of other tools."`
	Explain rulesExplainCmd `cmd:"" help:"Say why each rule did or did not fire on an event."`
	Schema  rulesSchemaCmd  `cmd:"" help:"Print the JSON Schema of a rule, for editors."`
}

// loadRules reads a set of rules and checks it against the actions and, where a configuration is given, its receivers.
func (a *App) loadRules(cfg *config.Config, paths ...string) ([]*rule.Rule, error) {
	return a.loadRulesWith(cfg, nil, paths...)
}

// loadRulesWith is loadRules for rules that look things up in sources; without, they see what their tests bring along.
func (a *App) loadRulesWith(cfg *config.Config, sources predicate.Sources, paths ...string) ([]*rule.Rule, error) {
	o, err := ruleOptions(cfg)
	if err != nil {
		return nil, err
	}
	o.Sources = sources
	return rule.Load(o, paths...)
}

// ruleOptions is what rules are checked against; receivers and lists are known only from a configuration.
func ruleOptions(cfg *config.Config) (rule.Options, error) {
	o := rule.Options{AlertSettings: alert.StepSettings()}
	for _, e := range actions.Actions() {
		o.Actions = append(o.Actions, e.Spec)
	}
	if cfg == nil {
		return o, nil
	}
	receivers, err := readReceivers(cfg.Receivers)
	if err != nil {
		return o, err
	}
	o.Receivers = []string{}
	for _, r := range receivers {
		o.Receivers = append(o.Receivers, r.Name)
	}
	l, err := lists.ReadConfig(cfg.Lists, cfg.GeoIP)
	if err != nil {
		return o, err
	}
	o.Lists = l.Names()
	return o, nil
}

// ruleConfig is the configuration to check rules against: only one that was asked for, or lies in this folder.
func (a *App) ruleConfig() (*config.Config, error) {
	cfg, found, err := a.find()
	if err != nil || !found {
		return nil, err
	}
	return &cfg, nil
}

// printProblems writes the problems of a rule set, one a line, and returns what the command is to return.
func (a *App) printProblems(err error) error {
	var problems rule.Problems
	if !errors.As(err, &problems) {
		return err
	}
	for _, p := range problems {
		fmt.Fprintln(a.Out, p)
	}
	return errReported
}
