package predicate

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
	depth  int // of the values that are being compared
	trace  *[]Part
}

// scope is what # stands for in the innermost list function.
type scope struct {
	item  any
	index int
	acc   any // #acc of reduce
}

// charge takes n steps; it is false when the budget is exhausted. Every loop ends then.
func (r *run) charge(n int) bool {
	r.left -= n
	return r.left >= 0
}

// deepest is how deeply a value may be nested: deeper than JSON can be, and far from the end of the stack.
const deepest = 20_000

// weigh charges for looking at all of a value once. Parts of a value may be shared: [a, a] of a list that was made in the same way is
// larger than the steps that it took to make it. It is false when the budget is exhausted.
func (r *run) weigh(v any) bool { return r.weighAt(v, 0) }

func (r *run) weighAt(v any, depth int) bool {
	if depth > deepest {
		return r.exhaust()
	}
	switch x := v.(type) {
	case string:
		r.charge(len(x) / 16)
	case []any:
		r.charge(len(x))
		for _, e := range x {
			if r.left < 0 || !r.weighAt(e, depth+1) {
				return false
			}
		}
	case map[string]any:
		r.charge(len(x))
		for _, e := range x {
			if r.left < 0 || !r.weighAt(e, depth+1) {
				return false
			}
		}
	}
	return r.left >= 0
}

// exhaust ends the evaluation as if the budget were used up.
func (r *run) exhaust() bool {
	r.left = min(r.left, -1)
	return false
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
	if !r.weigh(v) { // whoever gets it will look at all of it
		return nil, ErrBudget
	}
	return v, nil
}
