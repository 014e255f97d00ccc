package guard

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/riposte-security/riposte/schemas"
)

// Trust refuses to block or remediate on the word of a source that nobody vouched for: whoever can write to the events topic could
// otherwise have addresses blocked and policies reverted. A rule that says `accept: any` is let through. Alerts are not concerned.
type Trust struct {
	Sources []string // values of ce_source
}

// Check is a Guard's; it needs no plan.
func (g Trust) Check(_ context.Context, c Case) (Verdict, error) {
	cmd := c.Command
	if cmd.Lane == schemas.LaneAlert || cmd.Accept == "any" || g.trusts(cmd.Source) {
		return Verdict{}, nil
	}
	reason := "the event names no source; block and remediate act on trusted sources only"
	if cmd.Source != "" {
		reason = fmt.Sprintf("the event's source %.200q is not trusted", cmd.Source)
	}
	return Verdict{State: schemas.StateRefused, Reason: reason}, nil
}

// trusts tells whether a source is trusted. That of a finding names all the sources of its events, with blanks between them: each must be.
func (g Trust) trusts(source string) bool {
	if slices.Contains(g.Sources, source) && source != "" {
		return true
	}
	all := strings.Fields(source)
	return len(all) > 0 && !slices.ContainsFunc(all, func(one string) bool { return !slices.Contains(g.Sources, one) })
}
