package predicate

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/ast"
)

// A deriver finds the condition of a checked syntax tree. What it does not understand is unknown, and never wrong.
type deriver struct {
	vars     []binding
	elements []operand // what # is, in the list functions around
}

type binding struct {
	name  string
	value operand
	ok    bool
}

// An operand is a side of a comparison that the deriver understands: the values at a path, or a constant.
type operand struct {
	path  []Step
	form  Form
	depth int
	alt   []Step // if not nil, the values may also be at this path
	loose bool   // the paths lead to more values than the operand has

	constant bool
	value    any
}

// derive finds the condition of a whole predicate.
func derive(n ast.Node) Condition {
	d := &deriver{}
	c := d.truth(n)
	if c.larger(maxConditions) {
		return unknown("the whole of it, which is large")
	}
	return c
}

// truth says when the value of n is true.
func (d *deriver) truth(n ast.Node) Condition {
	switch n := n.(type) {
	case *ast.BoolNode:
		if n.Value {
			return Condition{Op: True}
		}
		return Condition{Op: False}
	case *ast.NilNode:
		return Condition{Op: False}
	case *ast.ChainNode:
		return d.truth(n.Node)
	case *ast.PredicateNode:
		return d.truth(n.Node)
	case *ast.UnaryNode:
		if n.Operator == "not" || n.Operator == "!" {
			return not(d.truth(n.Node))
		}
	case *ast.BinaryNode:
		return d.binary(n)
	case *ast.ConditionalNode:
		cond := d.truth(n.Cond)
		if cond.larger(maxTwice) {
			cond = unknown(n.Cond.String())
		}
		return anyOf(all(cond, d.truth(n.Exp1)), all(not(cond), d.truth(n.Exp2)))
	case *ast.VariableDeclaratorNode:
		v, ok := d.operand(n.Value)
		d.vars = append(d.vars, binding{n.Name, v, ok})
		c := d.truth(n.Expr)
		d.vars = d.vars[:len(d.vars)-1]
		return c
	case *ast.BuiltinNode:
		return d.loop(n)
	case *ast.CallNode:
		return d.call(n)
	}
	if o, ok := d.operand(n); ok {
		return d.equal(n, o, operand{constant: true, value: true})
	}
	return unknown(n.String())
}

func (d *deriver) binary(n *ast.BinaryNode) Condition {
	switch n.Operator {
	case "and", "&&":
		return all(d.truth(n.Left), d.truth(n.Right))
	case "or", "||":
		return anyOf(d.truth(n.Left), d.truth(n.Right))
	}
	a, okA := d.operand(n.Left)
	b, okB := d.operand(n.Right)
	if n.Operator == "in" {
		return d.in(n, a, okA)
	}
	known := okA && okB && a.constant != b.constant
	switch n.Operator {
	case "==":
		if known {
			return d.equal(n, a, b)
		}
		return unknown(n.String())
	case "!=":
		if known {
			return not(d.equal(n, a, b))
		}
		return unknown(n.String())
	case "<", "<=", ">", ">=":
		if known && isNumber(either(a, b).value) {
			return d.on(n, pathOf(a, b), Test{Kind: orderKind(n.Operator, a.constant), Bound: either(a, b).value})
		}
	case "contains", "startsWith", "endsWith", "matches":
		if text, ok := b.value.(string); known && b.constant && ok {
			return d.text(n, n.Operator, a, text)
		}
	default: // gives no boolean
		return unknown(n.String())
	}
	return d.exist(n, append(sides(a, okA), sides(b, okB)...)...)
}

// either gives the constant of the two, pathOf the other.
func either(a, b operand) operand {
	if a.constant {
		return a
	}
	return b
}

func pathOf(a, b operand) operand {
	if a.constant {
		return b
	}
	return a
}

// orderKind is the test that x op bound stands for; flipped: bound op x.
func orderKind(op string, flipped bool) TestKind {
	kinds := []TestKind{Less, AtMost, Greater, AtLeast}
	if flipped {
		kinds = []TestKind{Greater, AtLeast, Less, AtMost}
	}
	return kinds[slices.Index([]string{"<", "<=", ">", ">="}, op)]
}

// sides gives an operand that is understood, in a list.
func sides(o operand, ok bool) []operand {
	if !ok {
		return nil
	}
	return []operand{o}
}

// exist is what an operator or a function demands that is false when an operand is nil.
func (d *deriver) exist(n ast.Node, operands ...operand) Condition {
	var of []Condition
	for _, o := range operands {
		if !o.constant {
			of = append(of, d.on(n, o, Test{Kind: Exists}))
		}
	}
	return atLeast(n.String(), of...)
}

// on is a test of the values of an operand.
func (d *deriver) on(n ast.Node, o operand, t Test) Condition {
	t.Path, t.Form, t.depth = o.path, o.form, o.depth
	if len(t.Path) > maxPath || slices.ContainsFunc(t.Path, Step.odd) {
		return unknown(n.String())
	}
	c := test(t)
	if o.alt != nil {
		t.Path = o.alt
		c = anyOf(c, test(t))
	}
	if o.loose {
		return atLeast(n.String(), c)
	}
	return c
}

// odd tells whether a name of the step may stand for others: what is no UTF-8 in an event is read as U+FFFD.
func (s Step) odd() bool { return strings.ContainsRune(s.Name, utf8.RuneError) }

func (d *deriver) equal(n ast.Node, a, b operand) Condition {
	o := pathOf(a, b)
	switch v := either(a, b).value.(type) {
	case nil:
		return not(d.on(n, o, Test{Kind: Exists}))
	case string, bool, int64, uint64, float64:
		return d.on(n, o, Test{Kind: Equal, Values: []any{v}})
	}
	return unknown(n.String())
}

// in is membership: of a path in constants, or of a constant in a list of the event.
func (d *deriver) in(n *ast.BinaryNode, a operand, ok bool) Condition {
	if !ok {
		return unknown(n.String())
	}
	if list, isList := n.Right.(*ast.ArrayNode); isList && !a.constant {
		values := make([]any, 0, len(list.Nodes))
		for _, e := range list.Nodes {
			switch v, isConstant := d.constant(e); {
			case !isConstant:
				return d.exist(n, a)
			case v != nil: // nil is in nothing
				values = append(values, v)
			}
		}
		return d.on(n, a, Test{Kind: Equal, Values: values})
	}
	if !a.constant {
		return d.exist(n, a)
	}
	if a.value == nil {
		return Condition{Op: False}
	}
	elements, isList := d.list(n.Right)
	if !isList {
		return unknown(n.String())
	}
	c := d.on(n, elements, Test{Kind: Equal, Values: []any{a.value}})
	key, isKey := keyOf(a.value)
	if o, isPath := d.operand(n.Right); isPath && isKey { // or it is a key of an object
		c = anyOf(c, d.on(n, o.then(Step{Kind: Field, Name: key}), Test{Kind: Present}))
	}
	return c
}

// operand understands paths, also through lower and upper, and constants.
func (d *deriver) operand(n ast.Node) (operand, bool) {
	if v, ok := d.constant(n); ok {
		return operand{constant: true, value: v}, true
	}
	switch n := n.(type) {
	case *ast.IdentifierNode:
		for _, v := range slices.Backward(d.vars) {
			if v.name == n.Value {
				return v.value, v.ok
			}
		}
		return operand{path: []Step{{Kind: Field, Name: n.Value}}}, true
	case *ast.ChainNode:
		return d.operand(n.Node)
	case *ast.PointerNode:
		if n.Name == "" && len(d.elements) > 0 {
			e := d.elements[len(d.elements)-1]
			return e, e.path != nil
		}
	case *ast.MemberNode:
		return d.member(n)
	case *ast.CallNode:
		name, ok := n.Callee.(*ast.IdentifierNode)
		if !ok || len(n.Arguments) != 1 || name.Value != "lower" && name.Value != "upper" {
			return operand{}, false
		}
		o, ok := d.operand(n.Arguments[0])
		if !ok || o.constant || o.form != Plain {
			return operand{}, false
		}
		o.form = Lower
		if name.Value == "upper" {
			o.form = Upper
		}
		return o, true
	}
	return operand{}, false
}

func (d *deriver) member(n *ast.MemberNode) (operand, bool) {
	o, ok := d.operand(n.Node)
	if !ok || o.constant || o.form != Plain {
		return operand{}, false
	}
	switch p := n.Property.(type) {
	case *ast.StringNode:
		return o.then(Step{Kind: Field, Name: p.Value}), true
	case *ast.IntegerNode: // one of the elements of a list, or the member of an object that has the number for a name
		if o.alt != nil {
			return operand{}, false
		}
		o.alt = append(slices.Clip(o.path), Step{Kind: Field, Name: strconv.Itoa(p.Value)})
		o.path = append(slices.Clip(o.path), Step{Kind: Each})
		o.loose = true
		return o, true
	}
	return operand{}, false
}

// then leads the paths on by one step.
func (o operand) then(s Step) operand {
	o.path = append(slices.Clip(o.path), s)
	if o.alt != nil {
		o.alt = append(slices.Clip(o.alt), s)
	}
	return o
}

// constant reads a literal.
func (d *deriver) constant(n ast.Node) (any, bool) {
	switch n := n.(type) {
	case *ast.NilNode:
		return nil, true
	case *ast.BoolNode:
		return n.Value, true
	case *ast.StringNode:
		return n.Value, true
	case *ast.IntegerNode:
		return int64(n.Value), true
	case *ast.FloatNode:
		return n.Value, true
	case *ast.UnaryNode:
		if v, ok := d.constant(n.Node); ok && n.Operator == "-" && isNumber(v) {
			return arithmetic("-", int64(0), v), true
		}
	}
	return nil, false
}
