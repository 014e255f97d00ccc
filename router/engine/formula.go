package engine

import (
	"cmp"
	"slices"

	"github.com/riposte-security/riposte/router/rule/predicate"
)

// A formula is what must hold of tests for a rule to fire: all of its clauses.
type formula struct {
	clauses []clause
	exact   bool // it says it all: the rule fires if it holds
	never   bool // it cannot hold
}

// A clause is a test, the negation of one, or a combination of clauses.
type clause struct {
	op   clauseOp
	test int32
	of   []clause
}

type clauseOp uint8

const (
	holds clauseOp = iota
	fails
	allOf
	anyOf
	always
	never
)

// formulaOf turns a condition into clauses over tests, of which all must hold.
func (ts *tests) formulaOf(c predicate.Condition, classes []int) formula {
	f := formula{exact: c.Exact()}
	top := ts.clause(&c, false)
	if len(classes) > 0 {
		f.clauses = append(f.clauses, clause{op: holds, test: ts.class(classes)})
	}
	switch top.op {
	case always:
	case never:
		f.never = true
	case allOf:
		f.clauses = append(f.clauses, top.of...)
	default:
		f.clauses = append(f.clauses, top)
	}
	slices.SortStableFunc(f.clauses, func(a, b clause) int { return cmp.Compare(a.effort(), b.effort()) })
	return f
}

// effort orders clauses: what is asked first is what costs least.
func (c *clause) effort() int {
	n := 1
	for i := range c.of {
		n += c.of[i].effort()
	}
	return n
}

// clause translates a condition, or what it is not, into the weakest clause that is true wherever it is.
func (ts *tests) clause(c *predicate.Condition, negated bool) clause {
	switch c.Op {
	case predicate.Unknown:
		return clause{op: always}
	case predicate.True:
		if negated {
			return clause{op: never}
		}
		return clause{op: always}
	case predicate.False:
		if negated {
			return clause{op: always}
		}
		return clause{op: never}
	case predicate.Not:
		return ts.clause(&c.Of[0], !negated)
	case predicate.Holds:
		if negated {
			return clause{op: fails, test: ts.add(c.Test)}
		}
		return clause{op: holds, test: ts.add(c.Test)}
	case predicate.All, predicate.Any:
	}
	if (c.Op == predicate.All) != negated {
		return ts.joined(c.Of, negated, allOf, always, never)
	}
	return ts.joined(c.Of, negated, anyOf, never, always)
}

// joined joins the clauses of conditions by op. neutral does not count there, and absorbing decides it.
func (ts *tests) joined(of []predicate.Condition, negated bool, op, neutral, absorbing clauseOp) clause {
	out := clause{op: op}
	for i := range of {
		switch k := ts.clause(&of[i], negated); k.op {
		case neutral:
		case absorbing:
			return clause{op: absorbing}
		case op:
			out.of = append(out.of, k.of...)
		default:
			out.of = append(out.of, k)
		}
	}
	switch len(out.of) {
	case 0:
		return clause{op: neutral}
	case 1:
		return out.of[0]
	}
	return out
}

// holds tells whether a clause is true for the event of r.
func (r *run) holds(c *clause) bool {
	switch c.op {
	case holds:
		return r.passes(c.test)
	case fails:
		return !r.passes(c.test)
	case allOf:
		for i := range c.of {
			if !r.holds(&c.of[i]) {
				return false
			}
		}
		return true
	case anyOf:
		for i := range c.of {
			if r.holds(&c.of[i]) {
				return true
			}
		}
		return false
	case always:
		return true
	case never:
	}
	return false
}
