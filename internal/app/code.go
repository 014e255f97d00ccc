package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/riposte-security/riposte/consumers/catalog"
	"github.com/riposte-security/riposte/consumers/iac"
	"github.com/riposte-security/riposte/schemas"
)

// codeOwners tells the consumers what the owners of infrastructure code have to hear of a remediation; nil where no code is to be searched.
func (s *stack) codeOwners(conf iac.Config) (func(context.Context, schemas.Command) ([]schemas.Notice, error), error) {
	if !conf.Searches() {
		return nil, nil
	}
	code, err := iac.New(conf, s.clients)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.cfg.Pos("consumers", "code"), err)
	}
	specs := map[string]schemas.ActionSpec{}
	for _, a := range catalog.Actions() {
		specs[a.Spec.Name] = a.Spec
	}
	return func(ctx context.Context, cmd schemas.Command) ([]schemas.Notice, error) {
		places, searched := code.Search(ctx, cmd.Target)
		notices, err := iac.Notices(cmd, specs[cmd.Action], places)
		return notices, errors.Join(searched, err)
	}, nil
}
