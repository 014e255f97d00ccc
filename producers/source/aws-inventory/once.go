package inventory

import (
	"fmt"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
)

// Scope narrows a sweep, or widens it: what is not empty replaces the setting.
type Scope struct{ What, Accounts, Regions []string }

// NewOnce makes the source with the settings of a producer, for one sweep now. Without a data directory in deps nothing is remembered, and
// nothing of earlier sweeps is known: ids are then those of the bare states.
func NewOnce(cfg config.Node, deps producers.SourceDeps, scope Scope) (producers.Source, error) {
	with := deps
	if with.DataDir == "" {
		with.DataDir = "." // to be forgotten at once
	}
	s, err := newSource(cfg, with, fromAWS{deps.AWS})
	if err != nil {
		return nil, err
	}
	s.Every = 0
	if deps.DataDir == "" {
		s.Checkpoint = ""
	}
	for to, from := range map[*[]string][]string{&s.What: scope.What, &s.Accounts: scope.Accounts, &s.Regions: scope.Regions} {
		if len(from) > 0 {
			*to = from
		}
	}
	if err := s.Validate(); err != nil {
		return nil, fmt.Errorf("source aws-inventory: %w", err)
	}
	return s, nil
}
