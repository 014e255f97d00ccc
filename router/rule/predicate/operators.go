package predicate

import (
	"strings"

	"github.com/expr-lang/expr/ast"
)

func (c *compiler) binary(n *ast.BinaryNode) node {
	switch n.Operator {
	case "matches":
		return c.matches(n)
	case "in":
		return c.in(n)
	}
	a, b := c.compile(n.Left), c.compile(n.Right)
	switch n.Operator {
	case "and", "&&", "or", "||":
		return c.joined(logical(n.Operator), n.Location().From, a, b)
	case "==":
		return func(r *run) any { return r.equal(a(r), b(r)) }
	case "!=":
		return func(r *run) any { return !r.equal(a(r), b(r)) }
	case "<":
		return ordered(a, b, func(o int) bool { return o < 0 })
	case "<=":
		return ordered(a, b, func(o int) bool { return o <= 0 })
	case ">":
		return ordered(a, b, func(o int) bool { return o > 0 })
	case ">=":
		return ordered(a, b, func(o int) bool { return o >= 0 })
	case "contains":
		return texts(a, b, strings.Contains)
	case "startsWith":
		return texts(a, b, strings.HasPrefix)
	case "endsWith":
		return texts(a, b, strings.HasSuffix)
	case "??":
		return func(r *run) any {
			if v := a(r); v != nil {
				return v
			}
			return b(r)
		}
	case "..":
		return func(r *run) any { return r.interval(a(r), b(r)) }
	case "+", "-", "*", "/", "%", "**", "^":
		op := n.Operator
		return func(r *run) any { return r.text(arithmetic(op, a(r), b(r))) }
	}
	return c.fail(n, "the operator %s is not part of the rule language", n.Operator)
}

func ordered(a, b node, holds func(int) bool) node {
	return func(r *run) any {
		x, y := a(r), b(r)
		r.charge(min(size(x), size(y)))
		o, ok := order(x, y)
		return ok && holds(o)
	}
}

func texts(a, b node, holds func(s, t string) bool) node {
	return func(r *run) any {
		s, t, ok := pair[string](a(r), b(r))
		return ok && r.charge(len(s)/64) && holds(s, t)
	}
}

// text charges r for a string that was made, and returns it.
func (r *run) text(v any) any {
	if s, ok := v.(string); ok {
		r.charge(len(s) / 16)
	}
	return v
}

// interval is the list a..b; nil if it would be longer than a hundred thousand.
func (r *run) interval(a, b any) any {
	i, oki := integer(a)
	j, okj := integer(b)
	const longest = 100_000
	if !oki || !okj || i <= j && uint64(j)-uint64(i) >= longest { //nolint:gosec // the difference of ordered int64s fits uint64
		return nil
	}
	out := []any{}
	if i > j {
		return out
	}
	for n := range j - i { // less than longest
		if !r.charge(1) {
			break
		}
		out = append(out, i+n)
	}
	return append(out, j)
}

// in compiles membership in a list of constants, the usual case, to one look-up.
func (c *compiler) in(n *ast.BinaryNode) node {
	a := c.compile(n.Left)
	set, ok := constantStrings(n.Right)
	if !ok {
		b := c.compile(n.Right)
		return func(r *run) any { return r.in(a(r), b(r)) }
	}
	return func(r *run) any {
		s, ok := a(r).(string)
		if !ok {
			return false
		}
		_, ok = set[s]
		return ok && r.charge(len(s)/64)
	}
}

func constantStrings(n ast.Node) (map[string]struct{}, bool) {
	list, ok := n.(*ast.ArrayNode)
	if !ok {
		return nil, false
	}
	set := make(map[string]struct{}, len(list.Nodes))
	for _, e := range list.Nodes {
		s, ok := e.(*ast.StringNode)
		if !ok {
			return nil, false
		}
		set[s.Value] = struct{}{}
	}
	return set, true
}

// loop compiles the functions that take a predicate over the elements of a list: any, all, filter …
func (c *compiler) loop(n *ast.BuiltinNode) node {
	l := c.compile(n.Arguments[0])
	if n.Name == "reduce" {
		return c.reduce(n, l)
	}
	body := func(r *run) any { return r.scopes[len(r.scopes)-1].item }
	if len(n.Arguments) > 1 {
		c.depth++
		body = c.compile(n.Arguments[1])
		c.depth--
	}
	switch n.Name {
	case "any":
		return func(r *run) any { return r.first(list(l(r)), body, true) >= 0 }
	case "all":
		return func(r *run) any { return r.first(list(l(r)), body, false) < 0 }
	case "none":
		return func(r *run) any { return r.first(list(l(r)), body, true) < 0 }
	case "one":
		return func(r *run) any { return r.count(list(l(r)), body) == 1 }
	case "count":
		return func(r *run) any { return int64(r.count(list(l(r)), body)) }
	case "filter":
		return func(r *run) any { return r.filter(list(l(r)), body) }
	case "map":
		return func(r *run) any { return r.mapped(list(l(r)), body) }
	case "sum":
		return func(r *run) any { return sum(r.mapped(list(l(r)), body)) }
	case "find":
		return func(r *run) any {
			x := list(l(r))
			return member(x, found(r.first(x, body, true)))
		}
	case "findIndex":
		return func(r *run) any { return found(r.first(list(l(r)), body, true)) }
	case "findLast":
		return func(r *run) any {
			x := list(l(r))
			return member(x, found(r.last(x, body)))
		}
	case "findLastIndex":
		return func(r *run) any { return found(r.last(list(l(r)), body)) }
	case "sortBy":
		return c.sortBy(n, l, body)
	case "groupBy":
		return func(r *run) any { return r.groups(list(l(r)), body) }
	}
	return c.fail(n, "%s is not part of the rule language", n.Name)
}

// found is an index as a value: nil where nothing was found.
func found(i int) any {
	if i < 0 {
		return nil
	}
	return int64(i)
}

// each calls f with the value of body for every element, in order, until f is false or the budget is exhausted.
func (r *run) each(l []any, body node, f func(i int, v any) bool) {
	r.scopes = append(r.scopes, scope{})
	at := len(r.scopes) - 1
	for i, item := range l {
		if !r.charge(1) {
			break
		}
		r.scopes[at] = scope{item: item, index: i}
		if !f(i, body(r)) {
			break
		}
	}
	r.scopes = r.scopes[:at]
}

// first is the index of the first element for which body is want, or -1.
func (r *run) first(l []any, body node, want bool) int {
	at := -1
	r.each(l, body, func(i int, v any) bool {
		if truth(v) == want {
			at = i
		}
		return at < 0
	})
	return at
}

func (r *run) last(l []any, body node) int {
	at := -1
	r.each(l, body, func(i int, v any) bool {
		if truth(v) {
			at = i
		}
		return true
	})
	return at
}

func (r *run) count(l []any, body node) int {
	n := 0
	r.each(l, body, func(_ int, v any) bool {
		if truth(v) {
			n++
		}
		return true
	})
	return n
}

func (r *run) filter(l []any, body node) []any {
	out := []any{}
	r.each(l, body, func(i int, v any) bool {
		if truth(v) {
			out = append(out, l[i])
		}
		return true
	})
	return out
}

func (r *run) mapped(l []any, body node) []any {
	out := make([]any, 0, len(l))
	r.each(l, body, func(_ int, v any) bool {
		out = append(out, v)
		return true
	})
	return out
}

// sum adds the numbers of a list; what is none does not count.
func sum(l []any) any {
	var total any = int64(0)
	for _, v := range l {
		if isNumber(v) {
			total = arithmetic("+", total, v)
		}
	}
	return total
}
