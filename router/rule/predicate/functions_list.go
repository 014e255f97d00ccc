package predicate

import (
	"encoding/json"
	"maps"
	"slices"
	"sort"
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
		"values":  {params: []kind{kAny, kString}, optional: 1, result: kList, call: values},
		"uniq":    {params: []kind{kList}, result: kList, call: uniq},
		"concat":  {params: []kind{kList}, variadic: true, result: kList, call: concat},
		"flatten": {params: []kind{kList}, result: kList, call: func(a []any) any { return flatten(nil, list(a[0])) }},
		"reverse": {params: []kind{kList}, result: kList, call: reverse},
		"sort":    {params: []kind{kList}, result: kList, call: sorted},
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
func identity(v any) string {
	if o, ok := compareNumbers(v, v); ok && o == 0 {
		if i, ok := integer(v); ok {
			v = i
		}
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
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

// sorted orders numbers before strings before everything else, which keeps its order.
func sorted(a []any) any {
	rank := func(v any) int {
		if isNumber(v) {
			return 0
		}
		if _, ok := v.(string); ok {
			return 1
		}
		return 2
	}
	out := append([]any{}, list(a[0])...)
	sort.SliceStable(out, func(i, j int) bool {
		if x, y := rank(out[i]), rank(out[j]); x != y {
			return x < y
		}
		o, ok := order(out[i], out[j])
		return ok && o < 0
	})
	return out
}
