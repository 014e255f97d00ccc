package sigma

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// A token is a piece of a pattern: a literal text, or one of the wildcards.
type token struct {
	text string
	wild byte // 0, '*' or '?'
}

// A pattern is a Sigma string: literal texts and wildcards. Neighbouring literals are one.
type pattern []token

// parsePattern reads a value as the specification has it: * and ? are wildcards; a backslash before one of them, or before a backslash, makes a
// plain character of it; any other backslash is itself.
func parsePattern(s string) pattern {
	var p pattern
	var lit strings.Builder
	flush := func() {
		if lit.Len() > 0 {
			p = append(p, token{text: lit.String()})
			lit.Reset()
		}
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s) && strings.IndexByte(`\*?`, s[i+1]) >= 0:
			i++
			lit.WriteByte(s[i])
		case c == '*' || c == '?':
			flush()
			if c == '*' && len(p) > 0 && p[len(p)-1].wild == '*' {
				continue
			}
			p = append(p, token{wild: c})
		default:
			lit.WriteByte(c)
		}
	}
	flush()
	return p
}

// literal is the pattern that stands for one text.
func literal(s string) pattern {
	if s == "" {
		return nil
	}
	return pattern{{text: s}}
}

// plain is the text that the pattern stands for, if it has no wildcards.
func (p pattern) plain() (string, bool) {
	switch {
	case len(p) == 0:
		return "", true
	case len(p) == 1 && p[0].wild == 0:
		return p[0].text, true
	}
	return "", false
}

// before and after put a star at an end, unless there is one.
func (p pattern) before() pattern {
	if len(p) > 0 && p[0].wild == '*' {
		return p
	}
	return append(pattern{{wild: '*'}}, p...)
}

func (p pattern) after() pattern {
	if len(p) > 0 && p[len(p)-1].wild == '*' {
		return p
	}
	return append(slices.Clip(p), token{wild: '*'})
}

// anything tells whether every text matches.
func (p pattern) anything() bool { return len(p) == 1 && p[0].wild == '*' }

// shape takes a star at either end off, and gives the text between, if there are no other wildcards.
func (p pattern) shape() (text string, front, back, ok bool) {
	if len(p) > 0 && p[0].wild == '*' {
		front, p = true, p[1:]
	}
	if len(p) > 0 && p[len(p)-1].wild == '*' {
		back, p = true, p[:len(p)-1]
	}
	text, ok = p.plain()
	return text, front, back, ok
}

// glob writes the pattern for the function glob; false if that cannot express it, because a wildcard stands in it as a plain character.
func (p pattern) glob() (string, bool) {
	var b strings.Builder
	for _, t := range p {
		if t.wild != 0 {
			b.WriteByte(t.wild)
			continue
		}
		if strings.ContainsAny(t.text, "*?") {
			return "", false
		}
		b.WriteString(t.text)
	}
	return b.String(), true
}

// regexp writes the pattern as a regular expression for whole texts.
func (p pattern) regexp(cased bool) string {
	var b strings.Builder
	b.WriteString("(?s")
	if !cased {
		b.WriteByte('i')
	}
	b.WriteString(")^")
	for _, t := range p {
		switch t.wild {
		case '*':
			b.WriteString(".*")
		case '?':
			b.WriteByte('.')
		default:
			b.WriteString(regexp.QuoteMeta(t.text))
		}
	}
	b.WriteByte('$')
	return b.String()
}

// lower folds the case of the literal texts.
func (p pattern) lower() pattern {
	out := make(pattern, len(p))
	for i, t := range p {
		out[i] = token{text: strings.ToLower(t.text), wild: t.wild}
	}
	return out
}

// letters tells whether case means anything in the pattern.
func (p pattern) letters() bool {
	for _, t := range p {
		if strings.ContainsFunc(t.text, letter) {
			return true
		}
	}
	return false
}

func letter(r rune) bool {
	return unicode.IsLetter(r) || unicode.ToLower(r) != r || unicode.ToUpper(r) != r
}

// literals are the literal texts, one behind the other.
func (p pattern) literals() string {
	var b strings.Builder
	for _, t := range p {
		b.WriteString(t.text)
	}
	return b.String()
}

// odd tells whether also a number, a boolean or an empty text may match, which formats leave where they were.
func (p pattern) odd() bool {
	if len(p) == 0 || p.anything() {
		return true
	}
	l := strings.ToLower(p.literals())
	number := strings.Trim(l, "0123456789.-+e") == ""
	return number || strings.Contains("true", l) || strings.Contains("false", l)
}

// replace gives every pattern in which the matches of re in literal texts are replaced by one of the choices, in all combinations; nil if
// there would be more than most.
func (p pattern) replace(re *regexp.Regexp, choices []string, most int) []pattern {
	out := []pattern{nil}
	for _, t := range p {
		if t.wild != 0 {
			for i := range out {
				out[i] = append(slices.Clip(out[i]), t)
			}
			continue
		}
		all := permute(t.text, re, choices, most/len(out))
		if all == nil {
			return nil
		}
		var next []pattern
		for _, q := range out {
			for _, text := range all {
				next = append(next, append(slices.Clip(q), token{text: text}))
			}
		}
		out = next
	}
	return out
}

// permute replaces the matches of re's first group.
func permute(s string, re *regexp.Regexp, choices []string, most int) []string {
	at := re.FindAllStringSubmatchIndex(s, -1)
	out := []string{""}
	from := 0
	for _, m := range at {
		if len(out)*len(choices) > most {
			return nil
		}
		var next []string
		for _, head := range out {
			for _, c := range choices {
				next = append(next, head+s[from:m[2]]+c)
			}
		}
		out, from = next, m[3]
	}
	for i := range out {
		out[i] += s[from:]
	}
	return out
}
