package predicate

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

func listFunctions() map[string]*function {
	return map[string]*function{
		"len":   {params: []kind{kSized}, result: kInt, call: length},
		"first": {params: []kind{kList}, result: kAny, call: func(a []any) any { return member(a[0], int64(0)) }},
		"last":  {params: []kind{kList}, result: kAny, call: func(a []any) any { return member(a[0], int64(-1)) }},
		"get":   {params: []kind{kAny, kAny}, result: kAny, call: func(a []any) any { return member(a[0], a[1]) }},
		"take":  {params: []kind{kList, kInt}, result: kList, call: take},
		"keys":  {params: []kind{kObject}, result: kList, call: keys},
		// values(x, "a.b.c") lists what is at the end of the path, through lists on the way and at its end; without a path, the elements of a list
		// or the values of an object in the order of its keys.
		"values":  {params: []kind{kAny, kString}, optional: 1, result: kList, deep: true, call: values},
		"uniq":    {params: []kind{kList}, result: kList, deep: true, call: uniq},
		"concat":  {params: []kind{kList}, variadic: true, result: kList, call: concat},
		"flatten": {params: []kind{kList}, result: kList, deep: true, call: func(a []any) any { return flatten(nil, list(a[0])) }},
		"reverse": {params: []kind{kList}, result: kList, call: reverse},
		// sort(list, "asc" or "desc") puts numbers before strings before everything else, which keeps its order.
		"sort": {params: []kind{kList, kString}, optional: 1, result: kList, deep: true, check: checkOrder, call: sorted},
		// toPairs lists the fields of an object as [key, value], by key; fromPairs makes an object of such a list.
		"toPairs":   {params: []kind{kObject}, result: kList, call: toPairs},
		"fromPairs": {params: []kind{kList}, result: kAny, call: fromPairs},
	}
}

func length(a []any) any {
	switch x := a[0].(type) {
	case string:
		return int64(utf8.RuneCountInString(x))
	case []any:
		return int64(len(x))
	case map[string]any:
		return int64(len(x))
	}
	return int64(0)
}

func take(a []any) any {
	l := list(a[0])
	n, ok := integer(a[1])
	if !ok {
		return nil
	}
	n = min(max(n, 0), int64(len(l)))
	return l[:n:n]
}

func keys(a []any) any {
	m, ok := a[0].(map[string]any)
	if !ok {
		return []any{}
	}
	out := make([]any, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, k)
	}
	return out
}

func values(a []any) any {
	if len(a) == 1 {
		m, ok := a[0].(map[string]any)
		if !ok {
			return append([]any{}, list(a[0])...)
		}
		out := make([]any, 0, len(m))
		for _, k := range slices.Sorted(maps.Keys(m)) {
			out = append(out, m[k])
		}
		return out
	}
	path, ok := a[1].(string)
	if !ok {
		return []any{}
	}
	return collect([]any{}, a[0], strings.Split(path, "."))
}

func collect(out []any, v any, path []string) []any {
	switch x := v.(type) {
	case []any:
		for _, e := range x {
			out = collect(out, e, path)
		}
		return out
	case map[string]any:
		if len(path) > 0 {
			return collect(out, x[path[0]], path[1:])
		}
	}
	if v != nil && len(path) == 0 {
		out = append(out, v)
	}
	return out
}

// uniq keeps the first of equal elements.
func uniq(a []any) any {
	out := []any{}
	seen := map[string]struct{}{}
	for _, v := range list(a[0]) {
		k := identity(v)
		if _, ok := seen[k]; !ok {
			seen[k] = struct{}{}
			out = append(out, v)
		}
	}
	return out
}

// identity is a text that equal values, and only they, have in common.
func identity(v any) string { return string(appendIdentity(nil, v)) }

func appendIdentity(b []byte, v any) []byte {
	switch x := v.(type) {
	case nil:
		return append(b, 'n')
	case bool:
		return strconv.AppendBool(b, x)
	case string:
		return strconv.AppendQuote(b, x)
	case []any:
		b = append(b, '[')
		for _, e := range x {
			b = append(appendIdentity(b, e), ',')
		}
		return append(b, ']')
	case map[string]any:
		b = append(b, '{')
		for _, k := range slices.Sorted(maps.Keys(x)) {
			b = append(appendIdentity(append(strconv.AppendQuote(b, k), ':'), x[k]), ',')
		}
		return append(b, '}')
	}
	return append(b, numberText(v)...)
}

// numberText writes equal numbers alike, whatever their type, and different ones differently.
func numberText(v any) string {
	if i, ok := integer(v); ok {
		return strconv.FormatInt(i, 10)
	}
	if f, ok := v.(float64); ok && (f < 1<<63 || f >= 1<<64) {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	i, _ := exact(v).Int(nil) // whole, from 2^63 to 2^64
	return i.String()
}

func concat(a []any) any {
	out := []any{}
	for _, l := range a {
		out = append(out, list(l)...)
	}
	return out
}

func flatten(out, l []any) []any {
	if out == nil {
		out = []any{}
	}
	for _, v := range l {
		if inner, ok := v.([]any); ok {
			out = flatten(out, inner)
		} else {
			out = append(out, v)
		}
	}
	return out
}

func reverse(a []any) any {
	out := append([]any{}, list(a[0])...)
	slices.Reverse(out)
	return out
}

func checkOrder(i int, v string, _ int) error {
	if i == 1 && direction(v) == 0 {
		return fmt.Errorf("the order is \"asc\" or \"desc\", not %q", v)
	}
	return nil
}

func sorted(a []any) any {
	sign := 1
	if len(a) > 1 {
		if sign = direction(a[1]); sign == 0 {
			return nil
		}
	}
	out := append([]any{}, list(a[0])...)
	slices.SortStableFunc(out, func(x, y any) int { return sign * rankedOrder(x, y) })
	return out
}

func toPairs(a []any) any {
	m, _ := a[0].(map[string]any)
	out := make([]any, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		out = append(out, []any{k, m[k]})
	}
	return out
}

// fromPairs leaves out what is no pair of a key and a value.
func fromPairs(a []any) any {
	out := map[string]any{}
	for _, e := range list(a[0]) {
		const two = 2
		p, ok := e.([]any)
		if !ok || len(p) != two {
			continue
		}
		if k, ok := keyOf(p[0]); ok {
			out[k] = p[1]
		}
	}
	return out
}
