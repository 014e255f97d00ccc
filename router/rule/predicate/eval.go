package predicate

import "errors"

// ErrBudget says that evaluating an expression on one event took more work than is allowed: the event is of a size or shape that makes
// the expression expensive.
const ErrBudget = budgetError("the expression took more steps than allowed on one event")

type budgetError string

func (e budgetError) Error() string { return string(e) }

// budget is the number of steps (elements looked at, characters in units of 64) that one evaluation may take: below a second.
const budget = 4_000_000

// A node is a compiled expression.
type node func(*run) any

// run is the state of one evaluation.
type run struct {
	env    map[string]any
	vars   []any // of let
	scopes []scope
	left   int // steps that may still be taken
	trace  *[]Part
}

// scope is what # stands for in the innermost list function.
type scope struct {
	item  any
	index int
}

// charge takes n steps; it is false when the budget is exhausted. Every loop ends then.
func (r *run) charge(n int) bool {
	r.left -= n
	return r.left >= 0
}

// Eval evaluates the expression on a decoded event. The result is a value of the language and may share parts with the event. The only
// error is ErrBudget.
func (p *Program) Eval(env map[string]any) (any, error) {
	r := run{env: env, left: budget}
	return p.eval(&r)
}

// Test evaluates a predicate: nil is false.
func (p *Program) Test(env map[string]any) (bool, error) {
	v, err := p.Eval(env)
	return truth(v), err
}

func (p *Program) eval(r *run) (any, error) {
	if p.vars > 0 {
		r.vars = make([]any, p.vars)
	}
	v := p.root(r)
	if r.left < 0 {
		return nil, ErrBudget
	}
	return v, nil
}

// A Part is the value of a part of an expression on one event.
type Part struct {
	Offset int    // where the part begins, in characters
	Text   string // of the part
	Value  any
}

// Explain evaluates the expression and returns the values of its comparisons, conditions and their operands, in the order in which they
// were evaluated. What was not needed is not in there.
func (p *Program) Explain(env map[string]any) ([]Part, error) {
	var parts []Part
	r := run{env: env, left: budget, trace: &parts}
	_, err := p.eval(&r)
	if errors.Is(err, ErrBudget) {
		return parts, err
	}
	return parts, nil
}
