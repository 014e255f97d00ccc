package predicate

import (
	"math"
	"strings"
)

func textFunctions() map[string]*function {
	one := func(f func(string) string) *function {
		return &function{params: []kind{kString}, result: kString, call: func(a []any) any {
			s, ok := a[0].(string)
			if !ok {
				return nil
			}
			return f(s)
		}}
	}
	two := func(result kind, f func(s, t string) any) *function {
		return &function{params: []kind{kString, kString}, result: result, call: func(a []any) any {
			s, t, ok := pair[string](a[0], a[1])
			if !ok {
				return nil
			}
			return f(s, t)
		}}
	}
	return map[string]*function{
		"lower":       one(strings.ToLower),
		"upper":       one(strings.ToUpper),
		"trim":        {params: []kind{kString, kString}, optional: 1, result: kString, work: product, call: trim},
		"trimPrefix":  orBlank(two(kString, func(s, t string) any { return strings.TrimPrefix(s, t) })),
		"trimSuffix":  orBlank(two(kString, func(s, t string) any { return strings.TrimSuffix(s, t) })),
		"hasPrefix":   two(kBool, func(s, t string) any { return strings.HasPrefix(s, t) }),
		"hasSuffix":   two(kBool, func(s, t string) any { return strings.HasSuffix(s, t) }),
		"indexOf":     two(kInt, func(s, t string) any { return int64(strings.Index(s, t)) }),
		"lastIndexOf": two(kInt, func(s, t string) any { return int64(strings.LastIndex(s, t)) }),
		// glob(s, "pat*") matches the whole string: * stands for any characters, ? for one.
		"glob": {params: []kind{kString, kString}, result: kBool, work: product, call: func(a []any) any {
			s, t, ok := pair[string](a[0], a[1])
			if !ok {
				return nil
			}
			return glob(s, t)
		}},
		// split(s, separator, most) gives at most that many pieces; splitAfter leaves the separators at their ends.
		"split":      {params: []kind{kString, kString, kInt}, optional: 1, result: kList, call: split(strings.SplitN)},
		"splitAfter": {params: []kind{kString, kString, kInt}, optional: 1, result: kList, call: split(strings.SplitAfterN)},
		// replace(s, old, new, most) replaces at most that many.
		"replace": {params: []kind{kString, kString, kString, kInt}, optional: 1, result: kString, call: replace},
		"repeat":  {params: []kind{kString, kInt}, result: kString, call: repeat},
		"join":    {params: []kind{kList, kString}, optional: 1, result: kString, call: join},
	}
}

// orBlank lets the second argument be left out: a blank.
func orBlank(f *function) *function {
	call := f.call
	f.optional = 1
	f.call = func(a []any) any {
		if len(a) == 1 {
			a = append(a, " ")
		}
		return call(a)
	}
	return f
}

// atMost reads the optional argument i, a number of times; all of them if it is not there.
func atMost(a []any, i int) (int, bool) {
	if len(a) <= i {
		return -1, true
	}
	n, ok := integer(a[i])
	return int(max(min(n, math.MaxInt32), -1)), ok
}

func trim(a []any) any {
	s, ok := a[0].(string)
	if !ok {
		return nil
	}
	if len(a) == 1 {
		return strings.TrimSpace(s)
	}
	cut, ok := a[1].(string)
	if !ok {
		return nil
	}
	return strings.Trim(s, cut)
}

func split(cut func(s, sep string, n int) []string) func([]any) any {
	return func(a []any) any {
		s, sep, ok := pair[string](a[0], a[1])
		n, okN := atMost(a, 2)
		if !ok || !okN {
			return nil
		}
		parts := cut(s, sep, n)
		out := make([]any, len(parts))
		for i, p := range parts {
			out[i] = p
		}
		return out
	}
}

func repeat(a []any) any {
	s, okS := a[0].(string)
	n, ok := integer(a[1])
	if !ok || !okS || n < 0 || len(s) > 0 && n > int64(maxString/len(s)) {
		return nil
	}
	if s == "" {
		return s
	}
	return strings.Repeat(s, int(n))
}

func replace(a []any) any {
	s, old, ok := pair[string](a[0], a[1])
	by, okBy := a[2].(string)
	most, okMost := atMost(a, 3)
	if !ok || !okBy || !okMost {
		return nil
	}
	if n := strings.Count(s, old); len(s)+n*len(by) > maxString {
		return nil
	}
	return strings.Replace(s, old, by, most)
}

// join joins the strings of a list; what is no string is left out.
func join(a []any) any {
	l, ok := a[0].([]any)
	if !ok {
		return nil
	}
	sep := ""
	if len(a) > 1 {
		if sep, ok = a[1].(string); !ok {
			return nil
		}
	}
	var b strings.Builder
	begun := false
	for _, v := range l {
		s, ok := v.(string)
		if !ok {
			continue
		}
		if begun {
			b.WriteString(sep)
		}
		begun = true
		if b.WriteString(s); b.Len() > maxString {
			return nil
		}
	}
	return b.String()
}

// glob matches by going back to the last star only, which is enough: the time is at most the product of the lengths.
func glob(s, pattern string) bool {
	text, pat := []rune(s), []rune(pattern)
	i, j, star, mark := 0, 0, -1, 0
	for i < len(text) {
		switch {
		case j < len(pat) && pat[j] == '*':
			star, mark = j, i
			j++
		case j < len(pat) && (pat[j] == '?' || pat[j] == text[i]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = mark, star+1
		default:
			return false
		}
	}
	for j < len(pat) && pat[j] == '*' {
		j++
	}
	return j == len(pat)
}
