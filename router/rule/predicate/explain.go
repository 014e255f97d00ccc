package predicate

import "errors"

// A Part is the value of a part of an expression on one event.
type Part struct {
	Offset int    // where the part begins, in characters
	Text   string // of the part; empty where Op is set
	Value  any
	// Op is "and", "or" or "not" for what joins conditions, whose own text would say nothing new.
	Op string
	// Of are the parts that it is made of, in the order in which they were evaluated. Constants are not among them.
	Of []Part
}

// Trace evaluates the expression and returns the values of its parts as a tree. Both sides of and and or are evaluated, also where one of them
// settles it. Parts within list functions are left out: there are too many. If the work is more than one event may cause, the error is
// ErrBudget, and what was found until then is returned.
func (p *Program) Trace(env map[string]any) (parts []Part, value any, err error) {
	r := run{env: env, left: budget, trace: &parts}
	value, err = p.eval(&r)
	if errors.Is(err, ErrBudget) {
		return parts, nil, err
	}
	return parts, value, nil
}

// Explain returns the values of the comparisons, conditions and their operands, in the order in which they were evaluated: the tree of Trace,
// without what only joins conditions.
func (p *Program) Explain(env map[string]any) ([]Part, error) {
	tree, _, err := p.Trace(env)
	return flatParts(nil, tree), err
}

func flatParts(out, tree []Part) []Part {
	for _, p := range tree {
		out = flatParts(out, p.Of)
		if p.Op == "" {
			out = append(out, Part{Offset: p.Offset, Text: p.Text, Value: p.Value})
		}
	}
	return out
}

// Distance is the least number of conditions whose values would have to be others for the part to have the truth value want: 0 if it has
// it. It tells a near miss from a rule that looks for something else altogether.
func (p *Part) Distance(want bool) int {
	if truth(p.Value) == want {
		return 0
	}
	switch p.Op {
	case "not":
		if len(p.Of) > 0 {
			return p.Of[0].Distance(!want)
		}
	case "and", "or":
		each := (p.Op == "and") == want // all of them must be as wanted; else one is enough
		total, least := 0, 0
		for i := range p.Of {
			d := p.Of[i].Distance(want)
			total += d
			if i == 0 || d < least {
				least = d
			}
		}
		if each {
			return max(total, 1)
		}
		return max(least, 1)
	}
	return 1
}

// Blocking lists the conditions that keep the part from having the truth value want: those whose values are not as they would have to be.
func (p *Part) Blocking(want bool) []Part {
	if truth(p.Value) == want {
		return nil
	}
	if p.Op == "" {
		return []Part{*p}
	}
	if p.Op == "not" {
		want = !want
	}
	var out []Part
	for i := range p.Of {
		out = append(out, p.Of[i].Blocking(want)...)
	}
	return out
}

// joined compiles and and or. Within list functions nothing is traced, so the plain form will do.
func (c *compiler) joined(op string, offset int, a, b node) node {
	stop := op == "or" // the truth value of the left side that settles it
	plain := func(r *run) any {
		if truth(a(r)) == stop {
			return stop
		}
		return truth(b(r))
	}
	if c.depth > 0 {
		return plain
	}
	return func(r *run) any {
		if r.trace == nil {
			return plain(r)
		}
		return r.part(Part{Offset: offset, Op: op}, func(r *run) any {
			left, right := truth(a(r)), truth(b(r))
			if stop {
				return left || right
			}
			return left && right
		})
	}
}

// part evaluates e, and notes its value as that of p, with the parts that were evaluated for it. r must be one that explains.
func (r *run) part(p Part, e node) any {
	outer := r.trace
	var of []Part
	r.trace = &of
	p.Value = e(r)
	r.trace = outer
	if !r.weigh(p.Value) {
		return p.Value
	}
	for i := range of { // a and b and c is one part of three, however it was parsed
		if p.Op != "" && p.Op != "not" && of[i].Op == p.Op {
			p.Of = append(p.Of, of[i].Of...)
			continue
		}
		p.Of = append(p.Of, of[i])
	}
	*outer = append(*outer, p)
	return p.Value
}
