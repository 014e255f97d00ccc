package predicate

import (
	"slices"

	"github.com/expr-lang/expr/ast"
)

// sortBy compiles sortBy(list, key, "asc" or "desc"). Elements of equal keys keep their order.
func (c *compiler) sortBy(n *ast.BuiltinNode, l, body node) node {
	way := constant("asc")
	if len(n.Arguments) > 2 {
		if s, ok := n.Arguments[2].(*ast.StringNode); ok {
			if err := checkOrder(1, s.Value, 2); err != nil {
				return c.fail(s, "sortBy: %v", err)
			}
		}
		way = c.compile(n.Arguments[2])
	}
	return func(r *run) any {
		items := list(l(r))
		keys := r.mapped(items, body)
		sign := direction(way(r))
		if !r.weigh(keys) || len(keys) < len(items) || sign == 0 {
			return nil
		}
		places := make([]int, len(items))
		for i := range places {
			places[i] = i
		}
		slices.SortStableFunc(places, func(i, j int) int { return sign * rankedOrder(keys[i], keys[j]) })
		out := make([]any, len(items))
		for i, at := range places {
			out[i] = items[at]
		}
		return out
	}
}

// direction is 1 for "asc", -1 for "desc", and 0 for what is neither.
func direction(v any) int {
	switch v {
	case "asc":
		return 1
	case "desc":
		return -1
	}
	return 0
}

// rankedOrder orders numbers before strings before everything else, which is all equal.
func rankedOrder(a, b any) int {
	rank := func(v any) int {
		if isNumber(v) {
			return 0
		}
		if _, ok := v.(string); ok {
			return 1
		}
		return 2
	}
	if x, y := rank(a), rank(b); x != y {
		return x - y
	}
	o, _ := order(a, b)
	return o
}

// groups makes an object of lists: the elements of l by the value of body. Keys of objects are strings, so a number is its text; an
// element whose key is nil, a list or an object is in no group.
func (r *run) groups(l []any, body node) any {
	out := map[string]any{}
	r.each(l, body, func(i int, v any) bool {
		if k, ok := keyOf(v); ok && r.charge(4+size(v)) { // a map is dearer than a list
			group, _ := out[k].([]any)
			out[k] = append(group, l[i])
		}
		return true
	})
	return out
}

// reduce compiles reduce(list, body, first): body has the element as # and what it gave for the one before as #acc. Without first, the
// first element is it.
func (c *compiler) reduce(n *ast.BuiltinNode, l node) node {
	c.depth++
	body := c.compile(n.Arguments[1])
	c.depth--
	var first node
	if len(n.Arguments) > 2 {
		first = c.compile(n.Arguments[2])
	}
	return func(r *run) any {
		items := list(l(r))
		i := 0
		s := scope{}
		switch {
		case first != nil:
			s.acc = first(r)
		case len(items) == 0:
			return nil
		default:
			s.acc, i = items[0], 1
		}
		r.scopes = append(r.scopes, s)
		at := len(r.scopes) - 1
		for ; i < len(items) && r.charge(1); i++ {
			s.item, s.index = items[i], i
			r.scopes[at] = s
			s.acc = body(r)
		}
		r.scopes = r.scopes[:at]
		return s.acc
	}
}
