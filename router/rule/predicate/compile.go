package predicate

import (
	"fmt"
	"slices"

	"github.com/expr-lang/expr/ast"
)

// A compiler turns a checked syntax tree into closures.
type compiler struct {
	functions map[string]*function
	sources   Sources
	uses      Uses

	vars  []variable // in scope
	slots int        // variables in all
	depth int        // of list functions
	err   *Error     // the first construct that is not part of the language
}

type variable struct {
	name string
	slot int
}

func (c *compiler) fail(n ast.Node, format string, args ...any) node {
	if c.err == nil {
		c.err = &Error{Offset: n.Location().From, Message: fmt.Sprintf(format, args...)}
	}
	return constant(nil)
}

func constant(v any) node { return func(*run) any { return v } }

func (c *compiler) compile(n ast.Node) node {
	switch n := n.(type) {
	case *ast.NilNode:
		return constant(nil)
	case *ast.IntegerNode:
		return constant(int64(n.Value))
	case *ast.FloatNode:
		return constant(n.Value)
	case *ast.BoolNode:
		return constant(n.Value)
	case *ast.StringNode:
		return constant(n.Value)
	case *ast.IdentifierNode:
		return c.identifier(n)
	case *ast.PointerNode:
		return c.pointer(n)
	case *ast.ChainNode:
		return c.compile(n.Node)
	case *ast.MemberNode:
		return c.member(n)
	case *ast.SliceNode:
		return c.slice(n)
	case *ast.UnaryNode:
		return c.unary(n)
	case *ast.BinaryNode:
		return c.traced(n, c.binary(n))
	case *ast.ConditionalNode:
		return c.conditional(n)
	case *ast.VariableDeclaratorNode:
		return c.let(n)
	case *ast.ArrayNode:
		return c.array(n)
	case *ast.MapNode:
		return c.object(n)
	case *ast.PredicateNode:
		return c.compile(n.Node)
	case *ast.BuiltinNode:
		return c.traced(n, c.loop(n))
	case *ast.CallNode:
		return c.traced(n, c.call(n))
	}
	return c.fail(n, "this construct is not part of the rule language")
}

// traced notes the value of n when the evaluation is one that explains. Parts inside list functions are left out: there are too many.
func (c *compiler) traced(n ast.Node, e node) node {
	if b, ok := n.(*ast.BinaryNode); c.depth > 0 || ok && logical(b.Operator) != "" {
		return e
	}
	at, text := begin(n), n.String()
	return func(r *run) any {
		if r.trace == nil {
			return e(r)
		}
		return r.part(Part{Offset: at, Text: text}, e)
	}
}

// begin is where the text of n begins: operators and the like have their place further right.
func begin(n ast.Node) int {
	switch x := n.(type) {
	case *ast.BinaryNode:
		return begin(x.Left)
	case *ast.ConditionalNode:
		return min(x.Location().From, begin(x.Cond))
	case *ast.MemberNode:
		return begin(x.Node)
	case *ast.SliceNode:
		return begin(x.Node)
	case *ast.ChainNode:
		return begin(x.Node)
	}
	return n.Location().From
}

// logical names the operators that only join conditions, whose own values say more; it is "" for all others.
func logical(op string) string {
	switch op {
	case "and", "&&":
		return "and"
	case "or", "||":
		return "or"
	}
	return ""
}

func (c *compiler) identifier(n *ast.IdentifierNode) node {
	for _, v := range slices.Backward(c.vars) {
		if v.name == n.Value {
			slot := v.slot
			return func(r *run) any { return r.vars[slot] }
		}
	}
	name := n.Value
	return c.traced(n, func(r *run) any { return r.env[name] })
}

func (c *compiler) pointer(n *ast.PointerNode) node {
	switch n.Name {
	case "":
		return func(r *run) any { return r.scopes[len(r.scopes)-1].item }
	case "index":
		return func(r *run) any { return int64(r.scopes[len(r.scopes)-1].index) }
	case "acc":
		return func(r *run) any { return r.scopes[len(r.scopes)-1].acc }
	}
	return c.fail(n, "#%s is not part of the rule language", n.Name)
}

func (c *compiler) member(n *ast.MemberNode) node {
	if path, ok := staticPath(n); ok && !c.shadowed(path[0]) {
		return c.traced(n, func(r *run) any {
			var v any = r.env
			for _, k := range path {
				m, ok := v.(map[string]any)
				if !ok {
					return nil
				}
				v = m[k]
			}
			return v
		})
	}
	depth := c.depth
	c.depth++ // the base of a member is not worth explaining
	from := c.compile(n.Node)
	c.depth = depth
	if s, ok := n.Property.(*ast.StringNode); ok {
		key := s.Value
		return c.traced(n, func(r *run) any {
			m, _ := from(r).(map[string]any)
			return m[key]
		})
	}
	key := c.compile(n.Property)
	return c.traced(n, func(r *run) any {
		v, k := from(r), key(r)
		r.charge(size(k))
		return member(v, k)
	})
}

// staticPath gives the names of a path that begins at the event: api.service.name.
func staticPath(n ast.Node) ([]string, bool) {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		return []string{n.Value}, true
	case *ast.ChainNode:
		return staticPath(n.Node)
	case *ast.MemberNode:
		s, ok := n.Property.(*ast.StringNode)
		if !ok {
			return nil, false
		}
		path, ok := staticPath(n.Node)
		return append(path, s.Value), ok
	}
	return nil, false
}

func (c *compiler) shadowed(name string) bool {
	return slices.ContainsFunc(c.vars, func(v variable) bool { return v.name == name })
}

func (c *compiler) slice(n *ast.SliceNode) node {
	v, from, to := c.compile(n.Node), constant(int64(0)), constant(nil)
	if n.From != nil {
		from = c.compile(n.From)
	}
	if n.To == nil {
		return func(r *run) any { return r.text(slice(v(r), from(r), nil)) }
	}
	to = c.compile(n.To)
	return func(r *run) any {
		end := to(r)
		if end == nil {
			return nil
		}
		return r.text(slice(v(r), from(r), end))
	}
}

func (c *compiler) unary(n *ast.UnaryNode) node {
	x := c.compile(n.Node)
	switch n.Operator {
	case "!", "not":
		plain := func(r *run) any { return !truth(x(r)) }
		if c.depth > 0 {
			return plain
		}
		at := n.Location().From
		return func(r *run) any {
			if r.trace == nil {
				return plain(r)
			}
			return r.part(Part{Offset: at, Op: "not"}, plain)
		}
	case "-":
		return func(r *run) any { return arithmetic("-", int64(0), x(r)) }
	}
	return func(r *run) any { // +
		if v := x(r); isNumber(v) {
			return v
		}
		return nil
	}
}

func (c *compiler) conditional(n *ast.ConditionalNode) node {
	cond, yes, no := c.compile(n.Cond), c.compile(n.Exp1), c.compile(n.Exp2)
	return func(r *run) any {
		if truth(cond(r)) {
			return yes(r)
		}
		return no(r)
	}
}

func (c *compiler) let(n *ast.VariableDeclaratorNode) node {
	value := c.compile(n.Value)
	slot := c.slots
	c.slots++
	c.vars = append(c.vars, variable{n.Name, slot})
	body := c.compile(n.Expr)
	c.vars = c.vars[:len(c.vars)-1]
	return func(r *run) any {
		r.vars[slot] = value(r)
		return body(r)
	}
}

func (c *compiler) array(n *ast.ArrayNode) node {
	elements := make([]node, len(n.Nodes))
	for i, e := range n.Nodes {
		elements[i] = c.compile(e)
	}
	return func(r *run) any {
		r.charge(len(elements))
		out := make([]any, len(elements))
		for i, e := range elements {
			out[i] = e(r)
		}
		return out
	}
}

func (c *compiler) object(n *ast.MapNode) node {
	type field struct{ key, value node }
	fields := make([]field, 0, len(n.Pairs))
	for _, p := range n.Pairs {
		if pair, ok := p.(*ast.PairNode); ok {
			fields = append(fields, field{c.compile(pair.Key), c.compile(pair.Value)})
		}
	}
	return func(r *run) any {
		r.charge(len(fields))
		out := make(map[string]any, len(fields))
		for _, f := range fields {
			if k, ok := keyOf(f.key(r)); ok {
				out[k] = f.value(r)
			}
		}
		return out
	}
}
