package predicate

import (
	"strings"
	"unicode/utf8"
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
		"trim":        {params: []kind{kString, kString}, optional: 1, result: kString, call: trim},
		"trimPrefix":  two(kString, func(s, t string) any { return strings.TrimPrefix(s, t) }),
		"trimSuffix":  two(kString, func(s, t string) any { return strings.TrimSuffix(s, t) }),
		"hasPrefix":   two(kBool, func(s, t string) any { return strings.HasPrefix(s, t) }),
		"hasSuffix":   two(kBool, func(s, t string) any { return strings.HasSuffix(s, t) }),
		"indexOf":     two(kInt, func(s, t string) any { return characters(s, strings.Index(s, t)) }),
		"lastIndexOf": two(kInt, func(s, t string) any { return characters(s, strings.LastIndex(s, t)) }),
		// glob(s, "pat*") matches the whole string: * stands for any characters, ? for one.
		"glob":    two(kBool, func(s, t string) any { return glob(s, t) }),
		"split":   two(kList, func(s, t string) any { return split(s, t) }),
		"replace": {params: []kind{kString, kString, kString}, result: kString, call: replace},
		"join":    {params: []kind{kList, kString}, optional: 1, result: kString, call: join},
	}
}

// characters turns an index in bytes into one in characters; -1 stays.
func characters(s string, i int) any {
	if i < 0 {
		return int64(-1)
	}
	return int64(utf8.RuneCountInString(s[:i]))
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

func split(s, sep string) []any {
	parts := strings.Split(s, sep)
	out := make([]any, len(parts))
	for i, p := range parts {
		out[i] = p
	}
	return out
}

func replace(a []any) any {
	s, old, ok := pair[string](a[0], a[1])
	by, okBy := a[2].(string)
	if !ok || !okBy {
		return nil
	}
	if n := strings.Count(s, old); len(s)+n*len(by) > maxString {
		return nil
	}
	return strings.ReplaceAll(s, old, by)
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
	for _, v := range l {
		s, ok := v.(string)
		if !ok {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(sep)
		}
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
