package predicate

import (
	"fmt"
	"iter"
	"maps"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker/nature"
	"github.com/expr-lang/expr/parser"
)

// constructs refuses what expr has and the rule language has not: everything that depends on something other than the event, has no meaning
// for absent values, or cannot be bounded. What it refuses, it replaces by a value of unknown type, so that the type check can go on.
func (l *Language) constructs(tree *parser.Tree, env nature.Nature) []*Error {
	var problems []*Error
	refuse := func(n *ast.Node, format string, args ...any) {
		problems = append(problems, &Error{Offset: (*n).Location().From, Message: fmt.Sprintf(format, args...)})
		ast.Patch(n, &ast.ConstantNode{})
	}
	callees := map[ast.Node]bool{}
	visit(tree.Node, func(n *ast.Node) {
		if c, ok := (*n).(*ast.CallNode); ok {
			callees[c.Callee] = true
		}
	})
	ast.Walk(&tree.Node, visitor(func(n *ast.Node) {
		switch x := (*n).(type) {
		case *ast.CallNode:
			l.callee(n, x, refuse)
		case *ast.IdentifierNode:
			if callees[x] {
				return
			}
			_, isFunction := l.functions[x.Value]
			_, isField := env.Fields[x.Value]
			switch {
			case x.Value == "$env":
				refuse(n, "$env is not part of the rule language; name the field")
			case isFunction && !isField:
				refuse(n, "%s is a function; it must be called", x.Value)
			}
		case *ast.BuiltinNode:
			if !slices.Contains(loops(), x.Name) {
				refuse(n, "%s is not part of the rule language", x.Name)
			}
		case *ast.PointerNode:
			if x.Name != "" && x.Name != "index" && x.Name != "acc" {
				refuse(n, "#%s is not part of the rule language", x.Name)
			}
		case *ast.BinaryNode:
			if pattern, ok := x.Right.(*ast.StringNode); ok && x.Operator == "matches" {
				if _, err := syntax.Parse(pattern.Value, syntax.Perl); err != nil { // all that regexp.Compile can fail by
					refuse(&x.Right, "%v", err)
				}
			}
		case *ast.SequenceNode:
			refuse(n, "one expression is expected, not several")
		case *ast.BytesNode:
			refuse(n, "byte strings are not part of the rule language")
		}
	}))
	return problems
}

func (l *Language) callee(n *ast.Node, c *ast.CallNode, refuse func(*ast.Node, string, ...any)) {
	name, ok := c.Callee.(*ast.IdentifierNode)
	if !ok {
		refuse(n, "only functions can be called")
		return
	}
	if _, ok := l.functions[name.Value]; ok {
		return
	}
	if why := refusal(name.Value); why != "" {
		refuse(n, "%s is not part of the rule language: %s", name.Value, why)
		return
	}
	refuse(n, "unknown function %s%s", name.Value,
		suggestion(name.Value, concatSeq(maps.Keys(l.functions), slices.Values(loops()))))
}

// refusal says why a function of expr is none of ours; empty for all others.
func refusal(name string) string {
	switch name {
	case "now":
		return "what a rule says of an event must not depend on when it is asked; the event's own time is in the field time"
	case "timezone":
		return "name the zone in hour(time, zone), weekday(time, zone) or date(text, layout, zone)"
	}
	return ""
}

func concatSeq(seqs ...iter.Seq[string]) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, s := range seqs {
			for v := range s {
				if !yield(v) {
					return
				}
			}
		}
	}
}

// suggestion is `, did you mean "…"?` with the candidate that is nearest to name, or nothing if none is near.
func suggestion(name string, candidates iter.Seq[string]) string {
	best, least := "", 1+max(1, len(name)/3)
	for _, c := range slices.Sorted(candidates) {
		const enough = 3 // letters, for a beginning to count
		if len(name) >= enough && best == "" && strings.HasPrefix(c, name) {
			best = c
		}
		if d := distance(strings.ToLower(name), strings.ToLower(c)); d < least {
			best, least = c, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(", did you mean %q?", best)
}

// Suggest is the hint that a message about a misspelt name ends with; empty if no candidate is near.
func Suggest(name string, candidates []string) string {
	return suggestion(name, slices.Values(candidates))
}

// distance is the number of letters to insert, delete, replace or swap with their neighbour to make a into b.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	before, prev, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			change := 1
			if x[i-1] == y[j-1] {
				change = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+change)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, prev, row = prev, row, before
	}
	return prev[len(y)]
}
