package predicate

import (
	"maps"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// anyFunctions ask for any of many texts at once: containsAny(s, ["a", "b"]) is s contains "a" or s contains "b", and so on. The list is written out;
// what is compiled of it reads s once, however long the list is.
func anyFunctions() map[string]*function {
	out := map[string]*function{}
	for name, build := range map[string]func([]string) func(*run, string) bool{"containsAny": parts, "startsWithAny": fronts, "endsWithAny": backs} {
		out[name] = &function{params: []kind{kString, kList}, result: kBool, build: func(c *compiler, n *ast.CallNode, args []node) node {
			set, ok := constantStrings(n.Arguments[1])
			if !ok {
				return c.fail(n.Arguments[1], "%s: the list of strings must be written out", name)
			}
			s, found := args[0], build(slices.Sorted(maps.Keys(set)))
			return func(r *run) any {
				text, ok := s(r).(string)
				return ok && found(r, text)
			}
		}}
	}
	return out
}

// parts finds texts anywhere: by the first bytes of each, as many as the shortest has.
func parts(texts []string) func(*run, string) bool {
	const most = 8 // bytes
	width := most
	for _, t := range texts {
		width = min(width, len(t))
	}
	if width == 0 { // of an empty text, which every string contains; or there are none
		return func(*run, string) bool { return len(texts) > 0 }
	}
	byFront := map[string][]string{}
	for _, t := range texts {
		byFront[t[:width]] = append(byFront[t[:width]], t)
	}
	return func(r *run, s string) bool {
		if !r.charge(len(s) / 8) {
			return false
		}
		for i := 0; i+width <= len(s); i++ {
			for _, t := range byFront[s[i:i+width]] {
				if !r.charge(len(t) / 64) {
					return false
				}
				if strings.HasPrefix(s[i:], t) {
					return true
				}
			}
		}
		return false
	}
}

// fronts and backs find texts at an end: one look-up for each length that they have.
func fronts(texts []string) func(*run, string) bool {
	return ends(texts, func(s string, n int) string { return s[:n] })
}

func backs(texts []string) func(*run, string) bool {
	return ends(texts, func(s string, n int) string { return s[len(s)-n:] })
}

func ends(texts []string, end func(s string, n int) string) func(*run, string) bool {
	set, lengths := map[string]struct{}{}, map[int]bool{}
	for _, t := range texts {
		set[t] = struct{}{}
		lengths[len(t)] = true
	}
	sorted := slices.Sorted(maps.Keys(lengths))
	return func(r *run, s string) bool {
		for _, n := range sorted {
			if n > len(s) {
				return false
			}
			if !r.charge(1 + n/16) {
				return false
			}
			if _, ok := set[end(s, n)]; ok {
				return true
			}
		}
		return false
	}
}
