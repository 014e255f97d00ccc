package engine

import (
	"cmp"
	"slices"

	"github.com/riposte-security/riposte/router/rule/predicate"
)

// An access is a way to a rule: tests of which at least one holds for every event that the rule fires on. Rules are found by the tests of one
// access each, the one that the fewest events are expected to pass.
type access struct {
	tests  []int32
	chance float64 // that an event passes one of the tests, as a guess
	clause uint8   // that it was taken from
}

// maxAccess is how many tests an access may have; maxClauses of how many clauses accesses are looked for.
const (
	maxAccess  = 1 << 14
	maxClauses = 64
)

// accesses lists the ways to a formula, the most selective first.
func (ts *tests) accesses(f *formula, stats []fieldStats) []access {
	var out []access
	for i := range f.clauses[:min(len(f.clauses), maxClauses)] {
		if a, ok := ts.access(&f.clauses[i], stats); ok && len(a.tests) <= maxAccess {
			a.clause = uint8(i)
			out = append(out, a)
		}
	}
	slices.SortStableFunc(out, func(a, b access) int { return cmp.Compare(a.chance, b.chance) })
	return out
}

// access is the best way to one clause.
func (ts *tests) access(c *clause, stats []fieldStats) (access, bool) {
	switch c.op {
	case holds:
		return access{tests: []int32{c.test}, chance: ts.chance(c.test, stats)}, true
	case anyOf:
		var out access
		for i := range c.of {
			a, ok := ts.access(&c.of[i], stats)
			if !ok {
				return access{}, false
			}
			out.tests = append(out.tests, a.tests...)
			out.chance += a.chance
		}
		return out, true
	case allOf:
		best, found := access{}, false
		for i := range c.of {
			if a, ok := ts.access(&c.of[i], stats); ok && (!found || a.chance < best.chance) {
				best, found = a, true
			}
		}
		return best, found
	case never:
		return access{}, true // no event passes
	case fails, always:
	}
	return access{}, false
}

// fieldStats is what is known of a path from all rules: how many constants it is compared with.
type fieldStats struct{ constants int }

// stats counts the constants that each path is compared with. A path that rules know many values of has many.
func (ts *tests) stats() []fieldStats {
	out := make([]fieldStats, len(ts.paths))
	seen := map[int32]map[any]struct{}{}
	for i := range ts.all {
		t := &ts.all[i]
		if t.Kind != predicate.Equal {
			continue
		}
		if seen[t.path] == nil {
			seen[t.path] = map[any]struct{}{}
		}
		for _, v := range t.Values {
			seen[t.path][v] = struct{}{}
		}
	}
	for p, values := range seen {
		out[p].constants = len(values)
	}
	return out
}

// chance guesses how many of all events pass a test: the kind of the test says something, and so does how many other values rules know of.
func (ts *tests) chance(at int32, stats []fieldStats) float64 {
	t := &ts.all[at]
	const common, rare = 0.9, 1e-4
	perLetter := func(first float64, n int) float64 { return max(rare, first/float64(1+n)/float64(1+n)) }
	switch t.Kind {
	case predicate.Present, predicate.Exists:
		return common
	case predicate.Greater, predicate.AtLeast, predicate.Less, predicate.AtMost:
		return 0.5
	case predicate.Prefix, predicate.Suffix:
		return perLetter(0.5, len(t.text))
	case predicate.Contains:
		return perLetter(0.7, len(t.text))
	case predicate.Network:
		sum := 0.0
		for _, n := range t.nets {
			sum += max(rare, 1/float64(int(1)<<min(n.Bits(), 20)))
		}
		return sum
	case predicate.Equal:
	}
	share := 1 / float64(1+stats[t.path].constants)
	sum := 0.0
	for range t.texts {
		sum += min(0.05, share)
	}
	for range t.nums {
		sum += min(0.2, share)
	}
	if t.bools[0] || t.bools[1] {
		sum += 0.5
	}
	return min(sum, common)
}
