package router

import (
	"crypto/sha256"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/riposte-security/riposte/router/correlate"
	"github.com/riposte-security/riposte/router/rule"
)

// specs are the correlations of a rule set.
type specs struct {
	byID   map[string]*correlate.Spec
	sealed bool // one of them is decided when its lateness is over
	// horizon is how far a new owner of a partition looks back.
	horizon time.Duration
	hash    [sha256.Size]byte
}

func newSpecs(rules map[string]*rule.Rule) *specs {
	s := &specs{byID: map[string]*correlate.Spec{}}
	h := sha256.New()
	e := json.NewEncoder(h)
	for _, id := range slices.Sorted(maps.Keys(rules)) {
		c := rules[id].Correlation
		if c == nil {
			continue
		}
		s.byID[id] = &c.Spec
		s.sealed = s.sealed || c.Sealed()
		s.horizon = max(s.horizon, c.Horizon()+sealSlack+markGap)
		_ = e.Encode([]any{c.Spec, rules[id].Hash}) // plain values, into a hash: neither fails
	}
	copy(s.hash[:], h.Sum(nil))
	return s
}
