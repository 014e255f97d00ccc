package app

import "fmt"

type rulesCheckCmd struct {
	Paths []string `arg:"" name:"PATH" help:"Files and folders with rules."`
}

// Run prints every problem as file:line:column: message.
func (c *rulesCheckCmd) Run(a *App) error {
	cfg, err := a.ruleConfig()
	if err != nil {
		return err
	}
	rules, err := a.loadRules(cfg, c.Paths...)
	if err != nil {
		return a.printProblems(err)
	}
	fmt.Fprintf(a.Out, "%d rules, no problem\n", len(rules))
	return nil
}
