package sigma

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// values writes matches of one expression. Texts that it may be equal to become one list.
func (e *emitter) values(expr string, k kind, list []match) []term {
	var out []term
	var equal, equalCased, numbers, networks []string
	lower := false
	longs := map[affix][]string{}
	for _, m := range list {
		if a, _, ok := affixOf(expr, k, m); ok {
			longs[a] = append(longs[a], "")
		}
	}
	maps.DeleteFunc(longs, func(_ affix, l []string) bool { return len(l) < manyTexts })
	for a := range longs {
		longs[a] = nil
	}
	for _, m := range list {
		switch m.op {
		case opPattern:
		case opCIDR:
			networks = append(networks, quote(m.text))
			continue
		case opList:
			out = append(out, leaf("inList(%s, %s)", quote(m.text), expr))
			continue
		case opRegexp, opCompare, opPart, opExists, opNull, opField:
			out = append(out, other(expr, k, m))
			continue
		}
		s, plain := m.pattern.plain()
		switch {
		case !plain:
			a, text, ok := affixOf(expr, k, m)
			if _, long := longs[a]; ok && long {
				longs[a] = append(longs[a], quote(text))
				continue
			}
			out = append(out, patternTerm(expr, k, m))
		case k == kInteger:
			if n, err := strconv.ParseInt(s, 10, 64); err == nil && strconv.FormatInt(n, 10) == s {
				numbers = append(numbers, s)
			}
		case m.cased:
			equalCased = append(equalCased, quote(s))
		default:
			lower = lower || m.pattern.letters()
			equal = append(equal, quote(strings.ToLower(s)))
		}
	}
	folded := expr
	if lower {
		folded = "lower(" + expr + ")"
	}
	var front []term
	for _, l := range []struct {
		expr string
		list []string
	}{{folded, equal}, {expr, equalCased}, {expr, numbers}} {
		switch len(l.list) {
		case 0:
		case 1:
			front = append(front, leaf("%s == %s", l.expr, l.list[0]))
		default:
			front = append(front, leaf("%s in [%s]", l.expr, strings.Join(l.list, ", ")))
		}
	}
	if len(networks) > 0 && k == kText {
		front = append(front, leaf("cidr(%s, %s)", expr, strings.Join(networks, ", ")))
	}
	for _, a := range slices.SortedFunc(maps.Keys(longs), func(a, b affix) int { return cmp.Compare(a.expr+a.operator, b.expr+b.operator) }) {
		front = append(front, leaf("%sAny(%s, [%s])", a.operator, a.expr, strings.Join(longs[a], ", ")))
	}
	return append(front, out...)
}

// manyTexts is how many texts at the ends of a value, or within it, become one call.
const manyTexts = 16

// An affix is where in which expression a text has to stand: contains, startsWith, endsWith.
type affix struct{ expr, operator string }

// affixOf is the affix and the text that a pattern with stars at its ends alone stands for.
func affixOf(expr string, k kind, m match) (a affix, text string, ok bool) {
	if m.op != opPattern {
		return affix{}, "", false
	}
	p := m.pattern
	if k == kInteger {
		expr = "string(" + expr + ")"
	}
	if !m.cased {
		p = p.lower()
		if p.letters() {
			expr = "lower(" + expr + ")"
		}
	}
	text, front, back, ok := p.shape()
	switch {
	case !ok || !front && !back:
		return affix{}, "", false
	case front && back:
		return affix{expr, "contains"}, text, true
	case front:
		return affix{expr, "endsWith"}, text, true
	}
	return affix{expr, "startsWith"}, text, true
}

// patternTerm writes a match with wildcards.
func patternTerm(expr string, k kind, m match) term {
	if a, text, ok := affixOf(expr, k, m); ok {
		return leaf("%s %s %s", a.expr, a.operator, quote(text))
	}
	p := m.pattern
	if k == kInteger {
		expr = "string(" + expr + ")"
	}
	folded := expr
	if !m.cased {
		p = p.lower()
		if p.letters() {
			folded = "lower(" + expr + ")"
		}
	}
	if g, ok := p.glob(); ok {
		return leaf("glob(%s, %s)", folded, quote(g))
	}
	return leaf("%s matches %s", expr, quote(m.pattern.regexp(m.cased)))
}

// other writes a match that is no pattern.
func other(expr string, k kind, m match) term {
	number := expr
	if k == kInteger {
		expr = "string(" + expr + ")"
	} else {
		number = "float(" + expr + ")"
	}
	switch m.op {
	case opRegexp:
		return leaf("%s matches %s", expr, quote(m.text))
	case opCompare:
		return leaf("%s %s %s", number, m.order, m.number)
	case opPart:
		return leaf("timePart(%s, %s) %s %s", expr, quote(m.text), m.order, m.number)
	case opPattern, opCIDR, opExists, opNull, opField, opList:
	}
	return constant(false)
}

// quote writes a text as one of the predicate language.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case r > 0xffff && !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\U%08x`, r)
		case !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
