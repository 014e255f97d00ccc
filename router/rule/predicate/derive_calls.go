package predicate

import (
	"strings"

	"github.com/expr-lang/expr/ast"
)

// loop understands any, all, none and one over lists.
func (d *deriver) loop(n *ast.BuiltinNode) Condition {
	switch n.Name {
	case "any":
		return d.some(n, func(c Condition) Condition { return c })
	case "none":
		return not(d.some(n, func(c Condition) Condition { return c }))
	case "all":
		return not(d.some(n, not))
	case "one":
		return atLeast(n.String(), d.some(n, func(c Condition) Condition { return c }))
	}
	return unknown(n.String())
}

// some says when what body gives, through f, is true for some element of the list.
func (d *deriver) some(n *ast.BuiltinNode, f func(Condition) Condition) Condition {
	list, ok := d.list(n.Arguments[0])
	if !ok {
		list = operand{}
	}
	root := list.depth
	list.depth = len(d.elements) + 1
	d.elements = append(d.elements, list)
	var body ast.Node = &ast.PointerNode{}
	if len(n.Arguments) > 1 {
		body = n.Arguments[1]
	}
	c := f(d.truth(body)).perElement(list.depth, n.String())
	d.elements = d.elements[:len(d.elements)-1]
	c.rooted(list.depth, root)
	return c
}

// list understands what gives the elements of a list.
func (d *deriver) list(n ast.Node) (operand, bool) {
	switch n := n.(type) {
	case *ast.CallNode:
		if name, ok := n.Callee.(*ast.IdentifierNode); ok && name.Value == "values" && len(n.Arguments) > 1 {
			return d.values(n)
		}
	case *ast.BuiltinNode:
		switch n.Name {
		case "filter":
			o, ok := d.list(n.Arguments[0])
			o.loose = true
			return o, ok
		case "map":
			return d.mapped(n)
		}
	}
	o, ok := d.operand(n)
	if !ok || o.constant || o.form != Plain {
		return operand{}, false
	}
	return o.then(Step{Kind: Each}), true
}

// values understands values(x, "a.b").
func (d *deriver) values(n *ast.CallNode) (operand, bool) {
	o, ok := d.operand(n.Arguments[0])
	path, isText := n.Arguments[1].(*ast.StringNode)
	if !ok || o.constant || o.form != Plain || !isText {
		return operand{}, false
	}
	o = o.then(Step{Kind: Through})
	for name := range strings.SplitSeq(path.Value, ".") {
		o = o.then(Step{Kind: Field, Name: name}).then(Step{Kind: Through})
	}
	return o, true
}

// mapped understands map(list, path of the element).
func (d *deriver) mapped(n *ast.BuiltinNode) (operand, bool) {
	if len(n.Arguments) < 2 {
		return operand{}, false
	}
	list, ok := d.list(n.Arguments[0])
	if !ok {
		return operand{}, false
	}
	root := list.depth
	list.depth = len(d.elements) + 1
	d.elements = append(d.elements, list)
	body := n.Arguments[1]
	if p, isPredicate := body.(*ast.PredicateNode); isPredicate {
		body = p.Node
	}
	o, ok := d.operand(body)
	d.elements = d.elements[:len(d.elements)-1]
	if !ok || o.constant || o.depth != list.depth {
		return operand{}, false
	}
	o.depth = root
	return o, true
}

// text understands string operators with a constant on their right.
func (d *deriver) text(n ast.Node, op string, a operand, text string) Condition {
	if op == "matches" {
		return atLeast(n.String(), d.exist(n, a), d.literals(n, a, text))
	}
	kind := map[string]TestKind{"contains": Contains, "startsWith": Prefix, "endsWith": Suffix}[op]
	if text == "" {
		return d.exist(n, a)
	}
	return d.on(n, a, Test{Kind: kind, Text: text})
}

// call understands functions that give a boolean and are false when their first argument is nil.
func (d *deriver) call(n *ast.CallNode) Condition {
	name, ok := n.Callee.(*ast.IdentifierNode)
	if !ok || len(n.Arguments) == 0 {
		return unknown(n.String())
	}
	var op string
	switch name.Value {
	case "hasPrefix":
		op = "startsWith"
	case "hasSuffix":
		op = "endsWith"
	case "containsAny":
		op = "contains"
	case "startsWithAny":
		op = "startsWith"
	case "endsWithAny":
		op = "endsWith"
	case "glob", "cidr", "private":
	case "inList": // what a list has in it changes while the predicate stays
		if o, ok := d.operand(n.Arguments[len(n.Arguments)-1]); ok && !o.constant {
			return d.exist(n, o)
		}
		return unknown(n.String())
	default:
		return unknown(n.String())
	}
	a, ok := d.operand(n.Arguments[0])
	if !ok || a.constant {
		return unknown(n.String())
	}
	if list, ok := n.Arguments[len(n.Arguments)-1].(*ast.ArrayNode); ok && strings.HasSuffix(name.Value, "Any") {
		return d.textAny(n, op, a, list)
	}
	rest, constant := d.texts(n.Arguments[1:])
	switch {
	case !constant || len(rest) == 0:
		return d.exist(n, a)
	case name.Value == "cidr":
		return d.on(n, a, Test{Kind: Network, Nets: rest})
	case name.Value == "glob":
		return d.glob(n, a, rest[0])
	}
	return d.text(n, op, a, rest[0])
}

// textAny understands containsAny and its like.
func (d *deriver) textAny(n ast.Node, op string, a operand, list *ast.ArrayNode) Condition {
	texts, constant := d.texts(list.Nodes)
	if !constant || len(texts) == 0 {
		return d.exist(n, a)
	}
	of := make([]Condition, len(texts))
	for i, t := range texts {
		of[i] = d.text(n, op, a, t)
	}
	return anyOf(of...)
}

// texts reads constant strings.
func (d *deriver) texts(nodes []ast.Node) ([]string, bool) {
	out := make([]string, 0, len(nodes))
	for _, n := range nodes {
		s, ok := n.(*ast.StringNode)
		if !ok {
			return nil, false
		}
		out = append(out, s.Value)
	}
	return out, true
}

// glob says which pieces a string must have to match a pattern. For patterns with a star at one end, at both or nowhere, that is all.
func (d *deriver) glob(n ast.Node, a operand, pattern string) Condition {
	if !strings.ContainsAny(pattern, "*?") {
		return d.equal(n, a, operand{constant: true, value: pattern})
	}
	pieces := strings.FieldsFunc(pattern, func(r rune) bool { return r == '*' || r == '?' })
	if len(pieces) == 0 {
		return d.exist(n, a)
	}
	var of []Condition
	for i, p := range pieces {
		t := Test{Kind: Contains, Text: p}
		if i == 0 && strings.HasPrefix(pattern, p) {
			t.Kind = Prefix
		} else if i == len(pieces)-1 && strings.HasSuffix(pattern, p) {
			t.Kind = Suffix
		}
		of = append(of, d.on(n, a, t))
	}
	if len(pieces) == 1 && !strings.Contains(pattern, "?") {
		return of[0]
	}
	return atLeast(n.String(), of...)
}
