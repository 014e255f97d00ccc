package predicate

import (
	"fmt"
	"slices"

	"github.com/expr-lang/expr/ast"
)

// Lint says what is suspicious about a predicate that compiles: parts that are the same for every event, conditions that exclude each other or of
// which one always holds, values that an attribute of OCSF cannot have. It reports what it can prove, and stays silent about the rest.
func (l *Language) Lint(source string, classes []string) []*Error {
	tree, err := l.parse(source)
	if err != nil {
		return nil // Compile tells
	}
	x := &linter{l: l, classes: classes}
	x.condition(tree.Node)
	if b, ok := tree.Node.(*ast.BoolNode); ok {
		x.report(tree.Node, "the condition is always %v: the rule fires %s", b.Value, map[bool]string{true: "on every event that it looks at", false: "never"}[b.Value])
	}
	slices.SortStableFunc(x.problems, func(a, b *Error) int { return a.Offset - b.Offset })
	return x.problems
}

type linter struct {
	l        *Language
	classes  []string
	problems []*Error
}

// A fate is what is known of a condition before any event is seen.
type fate int

const (
	open fate = iota
	always
	never
)

func fateOf(holds bool) fate {
	if holds {
		return always
	}
	return never
}

func (f fate) not() fate {
	switch f {
	case always:
		return never
	case never:
		return always
	case open:
	}
	return open
}

func (x *linter) report(n ast.Node, format string, args ...any) {
	x.problems = append(x.problems, &Error{Offset: begin(n), Message: fmt.Sprintf(format, args...)})
}

// condition judges a condition, and reports what is suspicious in it.
func (x *linter) condition(n ast.Node) fate {
	switch n := n.(type) {
	case *ast.BoolNode:
		return fateOf(n.Value)
	case *ast.ChainNode:
		return x.condition(n.Node)
	case *ast.PredicateNode:
		return x.condition(n.Node)
	case *ast.VariableDeclaratorNode:
		x.condition(n.Expr)
		return open
	case *ast.ConditionalNode:
		if !x.constant(n.Cond) {
			x.condition(n.Cond)
		}
		x.condition(n.Exp1)
		x.condition(n.Exp2)
		return open
	case *ast.BuiltinNode:
		if len(n.Arguments) > 1 && isTest(n.Name) {
			x.condition(n.Arguments[1])
		}
		return open
	case *ast.UnaryNode:
		if n.Operator == "not" || n.Operator == "!" {
			return x.condition(n.Node).not()
		}
	case *ast.BinaryNode:
		if op := logical(n.Operator); op != "" {
			return x.joined(op, operands(nil, n, op))
		}
	}
	if v, ok := x.value(n); ok {
		x.constantReport(n, v)
		return fateOf(truth(v))
	}
	return x.comparison(n)
}

// isTest tells which list functions have a condition for their second argument.
func isTest(name string) bool {
	return slices.Contains([]string{"any", "all", "none", "one", "count", "filter", "find", "findIndex", "findLast", "findLastIndex"}, name)
}

// operands lists what an operator joins, however it was parsed.
func operands(out []ast.Node, n ast.Node, op string) []ast.Node {
	if b, ok := n.(*ast.BinaryNode); ok && logical(b.Operator) == op {
		return operands(operands(out, b.Left, op), b.Right, op)
	}
	return append(out, n)
}

// joined judges conditions that are joined by and or or.
func (x *linter) joined(op string, of []ast.Node) fate {
	settles, all := never, always // for and
	if op == "or" {
		settles, all = always, never
	}
	settled, same := false, true
	seen := map[string]bool{}
	for _, n := range of {
		f := x.condition(n)
		settled = settled || f == settles
		same = same && f == all
		if text := n.String(); seen[text] {
			x.report(n, "%s stands twice", text)
		} else {
			seen[text] = true
		}
	}
	switch {
	case settled:
		return settles
	case same:
		return all
	}
	if x.exclude(op, of) {
		return settles
	}
	return open
}

// constant reports a part that is the same for every event, and tells whether it is.
func (x *linter) constant(n ast.Node) bool {
	v, ok := x.value(n)
	if ok {
		x.constantReport(n, v)
	}
	return ok
}

func (x *linter) constantReport(n ast.Node, v any) {
	if v == nil {
		x.report(n, "%s is always nil, which counts as false", n.String())
		return
	}
	x.report(n, "%s is always %s", n.String(), Text(v))
}

// value evaluates a part that depends on nothing in the event. Functions depend on their arguments alone, but for those that look something up.
func (x *linter) value(n ast.Node) (any, bool) {
	if paths, plain := uses(n); !plain || len(paths) > 0 {
		return nil, false
	}
	return x.eval(n, nil)
}

func (x *linter) eval(n ast.Node, env map[string]any) (any, bool) {
	c := &compiler{functions: x.l.functions}
	root := c.compile(n)
	if c.err != nil {
		return nil, false
	}
	v, err := (&Program{root: root, vars: c.slots}).Eval(env)
	return v, err == nil
}

// uses lists the paths that an expression reads from the event. plain is false if it may depend on anything else: elements of lists, variables,
// what functions look up, or paths that are not written out.
func uses(n ast.Node) (paths map[string][]string, plain bool) {
	u := user{paths: map[string][]string{}, plain: true}
	u.walk(n)
	return u.paths, u.plain
}

type user struct {
	paths map[string][]string
	plain bool
}

func (u *user) walk(n ast.Node) {
	if path, ok := staticPath(n); ok {
		u.paths[n.String()] = path
		return
	}
	switch n := n.(type) {
	case *ast.NilNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.StringNode:
	case *ast.UnaryNode:
		u.walk(n.Node)
	case *ast.BinaryNode:
		u.walk(n.Left)
		u.walk(n.Right)
	case *ast.ArrayNode:
		for _, e := range n.Nodes {
			u.walk(e)
		}
	case *ast.CallNode:
		if name, ok := n.Callee.(*ast.IdentifierNode); !ok || looksUp(name.Value) {
			u.plain = false
		}
		for _, e := range n.Arguments {
			u.walk(e)
		}
	default:
		u.plain = false
	}
}

// looksUp tells which functions depend on more than their arguments.
func looksUp(name string) bool { return name == "inList" || name == "geo" || name == "asn" }
