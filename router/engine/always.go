package engine

import (
	"fmt"
	"strings"

	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/router/rule/predicate"
)

// AlwaysEvaluated tells whether a rule has no condition by which the index could find it, so that its predicate is evaluated on every event,
// and why.
func AlwaysEvaluated(r *rule.Rule) (why string, always bool) {
	ts := newTests()
	c := r.Condition()
	f := ts.formulaOf(c, r.ClassUIDs())
	if f.never || len(ts.accesses(&f, ts.stats())) > 0 {
		return "", false
	}
	return reason(&c, false), true
}

// reason says why a condition, or its negation, demands no value of an event.
func reason(c *predicate.Condition, negated bool) string {
	switch c.Op {
	case predicate.Unknown:
		return "what `" + short(c.Text) + "` gives is known only when it is evaluated"
	case predicate.Not:
		return reason(&c.Of[0], !negated)
	case predicate.Holds:
		if negated {
			return fmt.Sprintf("a negation about %s holds for every event without it", pathText(c.Test.Path))
		}
		return ""
	case predicate.True, predicate.False:
		return "it holds for every event"
	case predicate.All, predicate.Any:
	}
	for i := range c.Of {
		if why := reason(&c.Of[i], negated); why != "" {
			return why
		}
	}
	return ""
}

func short(text string) string {
	const longest = 60
	if r := []rune(text); len(r) > longest {
		return string(r[:longest]) + "…"
	}
	return text
}

func pathText(path []predicate.Step) string {
	var b strings.Builder
	for _, s := range path {
		switch s.Kind {
		case predicate.Field:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(s.Name)
		case predicate.Each:
			b.WriteString("[]")
		case predicate.Through:
		}
	}
	return b.String()
}
