package predicate

import (
	"regexp/syntax"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
)

// maxLiterals is how many strings one regular expression is looked for by; with more, their search costs more than it saves.
const maxLiterals = 128

// A literal is a string that a text must contain.
type literal struct {
	text string
	fold bool // in any case: text is folded
}

// literals says which strings one of must be in what matches a regular expression.
func (d *deriver) literals(n ast.Node, a operand, pattern string) Condition {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return unknown(n.String())
	}
	found := required(re.Simplify())
	if len(found) == 0 || a.form != Plain && folding(found) {
		return d.exist(n, a)
	}
	of := make([]Condition, len(found))
	for i, l := range found {
		o := a
		if l.fold {
			o.form = Folded
		}
		of[i] = d.on(n, o, Test{Kind: Contains, Text: l.text})
	}
	return anyOf(of...)
}

func folding(l []literal) bool {
	for _, x := range l {
		if x.fold {
			return true
		}
	}
	return false
}

// required lists strings of which every match contains at least one; none, if it has no such strings.
func required(re *syntax.Regexp) []literal {
	switch re.Op { //nolint:exhaustive // all others promise nothing
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase != 0 {
			return []literal{{Fold(string(re.Rune)), true}}
		}
		return []literal{{string(re.Rune), false}}
	case syntax.OpCapture, syntax.OpPlus:
		return required(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return required(re.Sub[0])
		}
	case syntax.OpAlternate:
		var out []literal
		for _, s := range re.Sub {
			l := required(s)
			if len(l) == 0 || len(out)+len(l) > maxLiterals {
				return nil
			}
			out = append(out, l...)
		}
		return out
	case syntax.OpConcat:
		var best []literal
		for _, s := range re.Sub {
			if l := required(s); better(l, best) {
				best = l
			}
		}
		return best
	}
	return nil
}

// better tells whether l says more than m: its shortest string is longer.
func better(l, m []literal) bool { return len(l) > 0 && (len(m) == 0 || shortest(l) > shortest(m)) }

func shortest(l []literal) int {
	n := len(l[0].text)
	for _, x := range l[1:] {
		n = min(n, len(x.text))
	}
	return n
}

// Fold replaces each letter by the least of those that regular expressions with (?i) hold to be equal to it; for ASCII, that is the lower case.
func Fold(s string) string { return strings.Map(FoldRune, s) }

// FoldRune is Fold of one letter.
func FoldRune(r rune) rune {
	if r < utf8.RuneSelf {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	if least < utf8.RuneSelf {
		return unicode.ToLower(least)
	}
	return least
}
