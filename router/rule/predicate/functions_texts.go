package predicate

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// textsFunctions look for values whose type and depth a rule does not know: what rules that were written for texts, such as Sigma's, ask of
// values that JSON has as numbers, booleans and lists. Path names members with dots between them; a name with dots in it counts as well.
func textsFunctions() map[string]*function {
	return map[string]*function{
		// texts(x, "a.b.c") lists the texts of what is at the end of the path: strings as they are, numbers and booleans as JSON has them, and of
		// lists and objects those of all that is in them. Without a path, those of x.
		"texts": {params: []kind{kAny, kString}, optional: 1, result: kList, deep: true, call: func(a []any) any {
			out := []any{}
			reach(a, func(v any) { out = appendTexts(out, v) })
			return out
		}},
		// timePart(time, "hour") is the minute, hour, day, week, month or year that a time names: of a text as it stands there, whatever its zone;
		// of a time of OCSF in UTC. Weeks are those of ISO 8601.
		"timePart": {params: []kind{kAny, kString}, result: kInt, check: checkPart, call: timePart},
		// exists(x, "a.b.c") tells whether something is at the end of the path, be it null. Without a path, whether x is there.
		"exists": {params: []kind{kAny, kString}, optional: 1, result: kBool, deep: true, call: func(a []any) any {
			found := false
			reach(a, func(v any) { found = found || v != nil || len(a) > 1 })
			return found
		}},
	}
}

// reach calls f with everything that is at the end of the path, the second argument, through the lists on the way.
func reach(a []any, f func(any)) {
	path := ""
	if len(a) > 1 {
		text, ok := a[1].(string)
		const longest = 512 // it may be the event's
		if !ok || len(text) > longest {
			return
		}
		path = text
	}
	descend(a[0], path, f)
}

func descend(v any, path string, f func(any)) {
	if path == "" {
		f(v)
		return
	}
	switch x := v.(type) {
	case []any:
		for _, e := range x {
			descend(e, path, f)
		}
	case map[string]any:
		if e, ok := x[path]; ok {
			f(e)
		}
		for i := range len(path) {
			if path[i] != '.' || i+1 == len(path) {
				continue
			}
			if e, ok := x[path[:i]]; ok {
				descend(e, path[i+1:], f)
			}
		}
	}
}

func appendTexts(out []any, v any) []any {
	switch x := v.(type) {
	case nil:
	case []any:
		for _, e := range x {
			out = appendTexts(out, e)
		}
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(x)) { // the same event gives the same list
			out = appendTexts(out, x[k])
		}
	default:
		out = append(out, Text(x))
	}
	return out
}

// timeLayouts are those of texts that timePart reads.
func timeLayouts() []string {
	return []string{time.RFC3339, "2006-01-02T15:04:05", time.DateTime, "2006-01-02 15:04:05Z07:00", time.DateOnly, time.RFC1123, time.RFC1123Z, "02/Jan/2006:15:04:05 -0700"}
}

func timeParts(t time.Time) map[string]int {
	_, week := t.ISOWeek()
	return map[string]int{
		"minute": t.Minute(), "hour": t.Hour(), "day": t.Day(), "week": week, "month": int(t.Month()), "year": t.Year(),
	}
}

func checkPart(i int, v string, _ int) error {
	if _, ok := timeParts(time.Time{})[v]; i == 1 && !ok {
		return fmt.Errorf("%q is no part of a time; minute, hour, day, week, month and year are", v)
	}
	return nil
}

func timePart(a []any) any {
	name, _ := a[1].(string)
	var t time.Time
	switch x := a[0].(type) {
	case string:
		const longest = 100
		if len(x) > longest || !slices.ContainsFunc(timeLayouts(), func(layout string) bool {
			// Not time.Parse: that would read the abbreviation of a zone as the machine's own zone has it.
			read, err := time.ParseInLocation(layout, x, time.UTC)
			t = read
			return err == nil
		}) {
			return nil
		}
	default:
		ms, ok := integer(x)
		if !ok {
			return nil
		}
		t = time.UnixMilli(ms).UTC()
	}
	if v, ok := timeParts(t)[name]; ok {
		return int64(v)
	}
	return nil
}
