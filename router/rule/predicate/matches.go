package predicate

import (
	"regexp"
	"regexp/syntax"

	"github.com/expr-lang/expr/ast"
)

// A pattern is a compiled regular expression. Matching takes at most its size times the length of the text.
type pattern struct {
	*regexp.Regexp
	size int // instructions
}

func newPattern(text string) (pattern, error) {
	re, err := regexp.Compile(text)
	if err != nil {
		return pattern{}, err
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return pattern{}, err
	}
	prog, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return pattern{}, err
	}
	return pattern{re, len(prog.Inst)}, nil
}

func (p pattern) match(r *run, s string) bool {
	return r.charge(len(s)*p.size/40+len(s)/8) && p.MatchString(s)
}

// matches compiles a regular expression once if it is constant. One that is not is taken from the event, and bounded in length; if it is
// malformed, nothing matches it.
func (c *compiler) matches(n *ast.BinaryNode) node {
	left := c.compile(n.Left)
	if s, ok := n.Right.(*ast.StringNode); ok {
		p, err := newPattern(s.Value)
		if err != nil {
			return c.fail(n.Right, "%v", err)
		}
		return func(r *run) any {
			s, ok := left(r).(string)
			return ok && p.match(r, s)
		}
	}
	right := c.compile(n.Right)
	return func(r *run) any {
		s, text, ok := pair[string](left(r), right(r))
		const longest, perByte = 1000, 400 // x{1000} is seven bytes and a thousand instructions
		if !ok || len(text) > longest || !r.charge(perByte*len(text)) {
			return false
		}
		p, err := newPattern(text)
		return err == nil && p.match(r, s)
	}
}
