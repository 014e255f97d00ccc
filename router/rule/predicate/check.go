package predicate

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/checker/nature"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
)

// Limits of one expression.
const (
	maxSource = 256 << 10
	maxNodes  = 50_000
)

// An Error is a problem of an expression.
type Error struct {
	Offset  int // in characters, from the beginning of the expression
	Message string
}

func (e *Error) Error() string { return e.Message }

// A Language checks and compiles expressions. It is safe for concurrent use.
type Language struct {
	Types     *Types
	functions map[string]*function
	sources   Sources

	// Settings are made once: ten thousand rules are some thirty thousand expressions. expr's parser and checker keep notes in the settings and
	// types that they are given.
	parsing  *sync.Pool   // of *conf.Config, for one parser at a time
	mu       *sync.Mutex  // of all that follows, and of Types
	checking *conf.Config // its Env is that of the expression that is being checked
}

// NewLanguage returns the language over the types of a schema.
func NewLanguage(t *Types) *Language {
	l := &Language{Types: t, functions: functions(), sources: noSources{}, mu: &sync.Mutex{}, parsing: &sync.Pool{New: parseConfig}}
	l.checking = &conf.Config{Strict: true, Functions: l.signatures(), Builtins: conf.FunctionsTable{}}
	return l
}

// A Program is a compiled expression. It is safe for concurrent use.
type Program struct {
	root      node
	vars      int
	condition Condition
	uses      Uses
}

// A Want is what an expression must give.
type Want int

// Any value, a boolean, or the names of things: a string, an integer, or a list of them.
const (
	WantAny Want = iota
	WantBool
	WantNames
)

// Compile checks an expression against the attributes of the classes (of all, if none is given) and compiles it. It returns every problem
// that it can tell apart.
func (l *Language) Compile(source string, classes []string, want Want) (*Program, []*Error) {
	env, err := l.Types.scope(classes)
	if err != nil {
		return nil, []*Error{{Message: err.Error()}}
	}
	return l.compile(source, env, want)
}

func (l *Language) compile(source string, env nature.Nature, want Want) (*Program, []*Error) {
	if len(source) > maxSource {
		return nil, []*Error{{Message: fmt.Sprintf("the expression is longer than %d bytes", maxSource)}}
	}
	tree, err := l.parse(source)
	if err != nil {
		return nil, []*Error{located(err)}
	}
	problems := l.constructs(tree, env)
	problems = append(problems, l.types(tree, env, want)...)
	if len(problems) > 0 {
		slices.SortStableFunc(problems, func(a, b *Error) int { return a.Offset - b.Offset })
		return nil, problems
	}
	c := &compiler{functions: l.functions, sources: l.sources}
	root := c.compile(tree.Node)
	if c.err != nil {
		return nil, []*Error{c.err}
	}
	p := &Program{root: root, vars: c.slots, uses: c.uses}
	if want == WantBool {
		p.condition = derive(tree.Node)
	}
	return p, nil
}

func (l *Language) parse(source string) (*parser.Tree, error) {
	c, _ := l.parsing.Get().(*conf.Config)
	defer l.parsing.Put(c)
	return parser.ParseWithConfig(source, c) //nolint:wrapcheck // told with its place by the caller
}

// parseConfig makes the parser read every function of ours as a plain call, and only the list functions with a predicate in its own way.
// It returns a *conf.Config.
func parseConfig() any {
	c := conf.CreateNew()
	c.MaxNodes = maxNodes
	for _, f := range builtin.Builtins {
		if !slices.Contains(loops(), f.Name) {
			c.Disabled[f.Name] = true
		}
	}
	return c
}

// signatures are the functions as the checker knows them.
func (l *Language) signatures() conf.FunctionsTable {
	t := conf.FunctionsTable{}
	for name, f := range l.functions {
		t[callMark+name] = &builtin.Function{
			Name: name,
			Func: func(...any) (any, error) { return nil, nil },
			Validate: func(args []reflect.Type) (reflect.Type, error) {
				if err := f.arguments(args); err != nil {
					return reflect.TypeFor[any](), fmt.Errorf("%s: %w", name, err)
				}
				if f.same && args[0] != nil {
					return args[0], nil
				}
				return f.result.reflect(), nil
			},
		}
	}
	return t
}

// callMark stands before the name of a function while types are checked: attributes of OCSF have names of functions, such as type.
const callMark = "call "

func mark(root ast.Node, rename func(string) string) {
	done := map[ast.Node]bool{} // in a < f(b) < c the call stands twice in the tree
	visit(root, func(n *ast.Node) {
		if c, ok := (*n).(*ast.CallNode); ok && !done[c] {
			done[c] = true
			if name, ok := c.Callee.(*ast.IdentifierNode); ok {
				name.Value = rename(name.Value)
			}
		}
	})
}

// located turns an error of expr into one of ours.
func located(err error) *Error {
	if fe, ok := errors.AsType[*file.Error](err); ok {
		return &Error{Offset: fe.From, Message: plain(fe.Message)}
	}
	return &Error{Message: plain(err.Error())}
}

// types runs expr's type checker. It stops at its first problem; an unknown name is therefore replaced by a value of unknown type, and the
// tree checked again, so that all misspelt names are found at once.
func (l *Language) types(tree *parser.Tree, env nature.Nature, want Want) []*Error {
	l.mu.Lock()
	defer l.mu.Unlock()
	mark(tree.Node, func(name string) string { return callMark + name })
	defer func() { mark(tree.Node, func(name string) string { return strings.TrimPrefix(name, callMark) }) }()
	l.checking.Env = env
	var problems []*Error
	const most = 20
	for len(problems) < most {
		forget(tree.Node)
		_, err := checker.Check(tree, l.checking)
		if err == nil {
			break
		}
		p := located(err)
		problems = append(problems, p)
		if !l.mend(tree, p, env) {
			return problems
		}
	}
	if len(problems) == 0 {
		if p := want.refuse(tree.Node.Nature()); p != nil {
			problems = append(problems, p)
		}
	}
	return problems
}

// refuse tells what is wrong with the type of a whole expression; a type that is not known is well.
func (w Want) refuse(n *nature.Nature) *Error {
	known := func(n *nature.Nature) bool { return n.Type != nil && n.Type.Kind() != reflect.Interface }
	switch w {
	case WantBool:
		if n.Nil || known(n) && !n.IsBool() {
			return &Error{Message: "a condition must be a boolean, this is " + article(typeName(n.Type))}
		}
	case WantNames:
		of := ""
		if known(n) && n.Type.Kind() == reflect.Slice && n.Ref != nil {
			of, n = "a list whose elements are each ", n.Ref
		}
		if known(n) && n.Type.Kind() != reflect.String && n.Type.Kind() != reflect.Int && n.Type.Kind() != reflect.Slice {
			return &Error{Message: "a string or a list of strings is expected, this is " + of + article(typeName(n.Type))}
		}
	case WantAny:
	}
	return nil
}

// forget drops what an earlier check noted in the tree: it would not look again at the arguments of calls.
func forget(root ast.Node) {
	visit(root, func(n *ast.Node) { (*n).SetNature(nature.Nature{}) })
}

type visitor func(*ast.Node)

// Visit implements ast.Visitor.
func (v visitor) Visit(n *ast.Node) { v(n) }

func visit(root ast.Node, f func(*ast.Node)) {
	ast.Walk(&root, visitor(f))
}

// mend finds the unknown name that p is about, adds a suggestion to p, and puts an unknown value in its place.
func (l *Language) mend(tree *parser.Tree, p *Error, env nature.Nature) bool {
	mended := false
	ast.Walk(&tree.Node, visitor(func(n *ast.Node) {
		if mended {
			return
		}
		var name string
		var candidates map[string]nature.Nature
		switch x := (*n).(type) {
		case *ast.IdentifierNode:
			if x.Location().From != p.Offset || !strings.HasPrefix(p.Message, "unknown name ") {
				return
			}
			name, candidates = x.Value, env.Fields
		case *ast.MemberNode:
			s, ok := x.Property.(*ast.StringNode)
			if known := fields(x.Node.Nature().Type); ok && known != nil && known[s.Value] == nil && x.Location().From == p.Offset {
				p.Offset = s.Location().From
				p.Message = "unknown field " + pathText(x) + suggestion(s.Value, maps.Keys(known))
				replaceUnknown(n)
				mended = true
				return
			}
			if !ok || s.Location().From != p.Offset || !strings.HasPrefix(p.Message, "unknown field ") || x.Node.Nature().TypeData == nil {
				return
			}
			name, candidates = s.Value, x.Node.Nature().Fields
			p.Message = fmt.Sprintf("unknown field %s", pathText(x))
		default:
			return
		}
		if classes := l.Types.having(name); len(classes) > 0 && strings.HasPrefix(p.Message, "unknown name ") {
			p.Message += " in this class; it belongs to " + strings.Join(classes, ", ")
		} else {
			p.Message += suggestion(name, maps.Keys(candidates))
		}
		replaceUnknown(n)
		mended = true
	}))
	return mended
}

// replaceUnknown puts a constant without value in the place of n: it is of unknown type.
func replaceUnknown(n *ast.Node) {
	ast.Patch(n, &ast.ConstantNode{})
	(*n).SetNature(nature.Nature{})
}

func pathText(n *ast.MemberNode) string {
	if path, ok := staticPath(n); ok {
		return strings.Join(path, ".")
	}
	if s, ok := n.Property.(*ast.StringNode); ok {
		return s.Value
	}
	return n.String()
}
