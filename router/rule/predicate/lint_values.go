package predicate

import (
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// exclude finds conditions on one value of which not all can hold (joined by and), or of which one always does (by or), and reports them.
func (x *linter) exclude(op string, of []ast.Node) bool {
	groups := map[string][]ast.Node{}
	var order []string
	for _, n := range of {
		paths, plain := uses(n)
		if !plain || len(paths) != 1 {
			continue
		}
		for text := range paths {
			if groups[text] == nil {
				order = append(order, text)
			}
			groups[text] = append(groups[text], n)
		}
	}
	for _, text := range order {
		if g := x.conflict(groups[text], op == "and"); g != nil {
			texts := make([]string, len(g))
			for i, n := range g {
				texts[i] = n.String()
				if b, ok := n.(*ast.BinaryNode); ok && logical(b.Operator) != "" {
					texts[i] = "(" + texts[i] + ")"
				}
			}
			if op == "and" {
				x.report(g[len(g)-1], "%s can never hold together", strings.Join(texts, " and "))
			} else {
				x.report(g[len(g)-1], "%s: one of these always holds", strings.Join(texts, " or "))
			}
			return true
		}
	}
	return false
}

// conflict finds conditions on one value that cannot all have the truth value want: two of them if it can, else all; nil if there are none.
func (x *linter) conflict(of []ast.Node, want bool) []ast.Node {
	for j := range of {
		for i := range j {
			if two := []ast.Node{of[i], of[j]}; x.impossible(two, want) {
				return two
			}
		}
	}
	if len(of) > 2 && x.impossible(of, want) {
		return of
	}
	return nil
}

// impossible tells whether no value gives all conditions the truth value want. It tries every value that one of them allows, if these are few,
// and for comparisons with numbers one value of every range that they tell apart.
func (x *linter) impossible(of []ast.Node, want bool) bool {
	var path []string
	paths, _ := uses(of[0])
	for _, p := range paths {
		path = p
	}
	values, ok := x.ranges(of)
	for i := 0; i < len(of) && !ok; i++ {
		values, ok = x.allowed(of[i], want)
	}
	if !ok {
		return false
	}
	return !slices.ContainsFunc(values, func(v any) bool {
		for _, n := range of {
			got, ok := x.eval(n, nested(path, v))
			if !ok {
				return true // nothing can be said
			}
			if truth(got) != want {
				return false
			}
		}
		return true
	})
}

// nested is an event that has a value at a path.
func nested(path []string, v any) map[string]any {
	for _, name := range slices.Backward(path) {
		v = map[string]any{name: v}
	}
	m, _ := v.(map[string]any)
	return m
}

// allowed lists the only values with which a condition has the truth value want; ok is false if there may be others.
func (x *linter) allowed(n ast.Node, want bool) (values []any, ok bool) {
	switch n := n.(type) {
	case *ast.UnaryNode:
		if n.Operator == "not" || n.Operator == "!" {
			return x.allowed(n.Node, !want)
		}
	case *ast.BinaryNode:
		if op := logical(n.Operator); op != "" {
			return x.allowedByAll(operands(nil, n, op), want, (op == "and") == want)
		}
		switch {
		case n.Operator == "==" && want, n.Operator == "!=" && !want:
			for _, side := range [][2]ast.Node{{n.Left, n.Right}, {n.Right, n.Left}} {
				if _, isPath := staticPath(side[0]); isPath {
					v, ok := x.value(side[1])
					return []any{v}, ok
				}
			}
		case n.Operator == "in" && want:
			if _, isPath := staticPath(n.Left); !isPath {
				return nil, false
			}
			v, ok := x.value(n.Right)
			l, isList := v.([]any)
			return l, ok && isList
		}
	default:
		if _, isPath := staticPath(n); isPath && want {
			return []any{true}, true
		}
	}
	return nil, false
}

// allowedByAll is allowed for joined conditions: of those that must all hold, one is enough to tell; else it takes all of them.
func (x *linter) allowedByAll(of []ast.Node, want, each bool) (values []any, ok bool) {
	for _, n := range of {
		v, ok := x.allowed(n, want)
		switch {
		case ok && each:
			return v, true
		case !ok && !each:
			return nil, false
		}
		values = append(values, v...)
	}
	return values, !each
}

// ranges gives a value of each range that comparisons with numbers tell apart, and one that is no number; ok is false if there are other conditions.
func (x *linter) ranges(of []ast.Node) (values []any, ok bool) {
	var bounds []float64
	for _, n := range of {
		b, isBinary := n.(*ast.BinaryNode)
		if !isBinary || !slices.Contains([]string{"<", "<=", ">", ">=", "==", "!="}, b.Operator) {
			return nil, false
		}
		bound, path := b.Right, b.Left
		if _, isPath := staticPath(path); !isPath {
			bound, path = path, bound
		}
		v, constant := x.value(bound)
		f, number := float(v)
		const exact = 1 << 53
		if _, isPath := staticPath(path); !isPath || !constant || !number || f > exact || f < -exact {
			return nil, false
		}
		bounds = append(bounds, f)
	}
	slices.Sort(bounds)
	values = []any{nil, bounds[0] - 1}
	for i, b := range bounds {
		next := b + 1
		if i+1 < len(bounds) {
			next = bounds[i+1]
		}
		values = append(values, b, b+(next-b)/2)
	}
	return append(values, bounds[len(bounds)-1]+1), true
}
