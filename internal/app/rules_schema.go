package app

import (
	"fmt"

	"github.com/riposte-security/riposte/router/rule"
)

//go:generate sh -c "go run ../.. rules schema > rule.schema.json.new && mv rule.schema.json.new ../../schemas/rule.schema.json"

type rulesSchemaCmd struct{}

// Run prints the JSON Schema of a rule, which editors check and complete by.
func (rulesSchemaCmd) Run(a *App) error {
	o, err := ruleOptions(nil)
	if err != nil {
		return err
	}
	text, err := rule.Schema(o)
	if err != nil {
		return err
	}
	if _, err := a.Out.Write(text); err != nil {
		return fmt.Errorf("output: %w", err)
	}
	return nil
}
