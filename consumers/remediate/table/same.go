package table

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// same compares two values by their JSON; what is null or empty is as good as absent.
func same[S any](a, b S) bool { return bytes.Equal(canonical(a), canonical(b)) }

// sortedKeys are the keys of all maps, in order.
func sortedKeys[V any](ms ...map[string]V) []string {
	var all []string
	for _, m := range ms {
		all = slices.AppendSeq(all, maps.Keys(m))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// between tells whether now may be what a crash left on the way from before to after: every member of it, or element of a list, is as in one of
// the two.
func between[S any](now, before, after S) bool {
	return mixed(decoded(now), decoded(before), decoded(after))
}

func mixed(now, before, after any) bool {
	text := func(v any) string { return string(canonical(v)) }
	switch b := before.(type) {
	case map[string]any:
		n, ok := now.(map[string]any)
		a, ok2 := after.(map[string]any)
		if !ok || !ok2 {
			break
		}
		for _, k := range sortedKeys(n, b, a) {
			if !mixed(n[k], b[k], a[k]) {
				return false
			}
		}
		return true
	case []any:
		n, ok := now.([]any)
		a, ok2 := after.([]any)
		if !ok && now != nil || !ok2 && after != nil {
			break
		}
		return mixedLists(each(n, text), each(b, text), each(a, text))
	}
	return text(now) == text(before) || text(now) == text(after)
}

// mixedLists: nothing that is in neither, and all that is in both.
func mixedLists(now, before, after []string) bool {
	for _, e := range now {
		if !slices.Contains(before, e) && !slices.Contains(after, e) {
			return false
		}
	}
	for _, e := range before {
		if slices.Contains(after, e) && !slices.Contains(now, e) {
			return false
		}
	}
	return true
}

func each(list []any, text func(any) string) (all []string) {
	for _, e := range list {
		all = append(all, text(e))
	}
	return all
}

// canonical is the JSON of a value without what says nothing.
func canonical(v any) []byte {
	b, err := json.Marshal(decoded(v))
	if err != nil { // what was decoded can be encoded
		return nil
	}
	return b
}

func decoded(v any) any {
	b, err := json.Marshal(v)
	if err != nil { // rows are tested to have a JSON form
		return nil
	}
	var d any
	j := json.NewDecoder(bytes.NewReader(b))
	j.UseNumber()
	if err := j.Decode(&d); err != nil {
		return nil
	}
	return pruned(d)
}

func pruned(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = pruned(e)
		}
		maps.DeleteFunc(v, func(_ string, e any) bool { return e == nil })
		if len(v) == 0 {
			return nil
		}
	case []any:
		for i := range v {
			v[i] = pruned(v[i])
		}
		if len(v) == 0 {
			return nil
		}
	}
	return v
}
