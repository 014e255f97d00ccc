package predicate_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/parser/operator"

	"github.com/riposte-security/riposte/router/rule/predicate"
)

// TestSameAsExpr holds the language to expr's own virtual machine: for expressions whose every path is present and of the right type, both
// give the same. What they do not share is in TestDifferencesFromExpr.
func TestSameAsExpr(t *testing.T) {
	t.Parallel()
	l := language(t)
	seen := map[string]bool{}
	compared, refused := 0, 0
	const records, each = 60, 120
	for n := range uint64(records) {
		tp := &tape{random: rand.New(rand.NewPCG(n, 26))}
		record := tp.record()
		for i := range each {
			kinds := []string{"top", "b", "v", "i", "n", "s", "li", "ls", "lo", "o"}
			source := tp.expression(kinds[i%len(kinds)], 1+i%4)
			switch differ(t, l, source, record) {
			case same:
				compared++
				note(t, source, seen)
			case fails, wrong:
				refused++
			}
		}
	}
	t.Logf("%d pairs compared, %d that expr itself fails on", compared, refused)
	if compared < records*each*9/10 {
		t.Errorf("only %d of %d pairs could be compared", compared, records*each)
	}
	covered(t, seen)
}

// covered demands that every operator and function that expr has was compared, but for those that the language refuses.
func covered(t *testing.T, seen map[string]bool) {
	t.Helper()
	for _, f := range builtin.Builtins {
		if !seen[f.Name] && !slices.Contains([]string{"now", "timezone"}, f.Name) {
			t.Errorf("no pair calls %s", f.Name)
		}
	}
	for op := range operator.Binary {
		if !seen[op] && op != "|" { // the parser turns a pipe into a call
			t.Errorf("no pair has the operator %s", op)
		}
	}
	for _, node := range []string{
		"Nil", "Identifier", "Integer", "Float", "Bool", "String", "Unary", "Binary", "Chain", "Member", "Slice", "Builtin", "Predicate", "Pointer", "Conditional",
		"VariableDeclarator", "Array", "Map", "Pair",
	} {
		if !seen["*ast."+node+"Node"] {
			t.Errorf("no pair has a %s", node)
		}
	}
}

type noter map[string]bool

func (s noter) Visit(n *ast.Node) {
	s[fmt.Sprintf("%T", *n)] = true
	switch x := (*n).(type) {
	case *ast.BinaryNode:
		s[x.Operator] = true
	case *ast.BuiltinNode:
		s[x.Name] = true
	}
}

func note(t *testing.T, source string, seen map[string]bool) {
	t.Helper()
	tree, err := parser.Parse(source)
	if err != nil {
		t.Fatal(err)
	}
	ast.Walk(&tree.Node, noter(seen))
}

// FuzzSameAsExpr lets the fuzzer choose expression and event.
func FuzzSameAsExpr(f *testing.F) {
	l := language(f)
	f.Add([]byte("seed"), []byte("other"))
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, []byte{200, 100, 50, 25, 12, 6, 3})
	f.Fuzz(func(t *testing.T, choices, values []byte) {
		source := (&tape{bytes: choices}).expression("v", 5)
		differ(t, l, source, (&tape{bytes: values}).record())
	})
}

type verdict int

const (
	same  verdict = iota
	fails         // expr itself gives an error, or no finite number
	wrong
)

// differ evaluates a source with both, with expr twice: knowing the types of the event, and not.
func differ(t *testing.T, l *predicate.Language, source, record string) verdict {
	t.Helper()
	p, problems := l.Compile(source, nil, predicate.WantAny)
	if len(problems) > 0 {
		t.Errorf("%s: at %d: %s", source, problems[0].Offset, problems[0].Message)
		return wrong
	}
	env, err := predicate.Decode([]byte(record))
	if err != nil {
		t.Fatal(err)
	}
	got, err := p.Eval(env)
	if err != nil {
		t.Errorf("%s: %v", source, err)
		return wrong
	}
	result := fails
	theirs, _ := native(env).(map[string]any)
	for _, options := range [][]expr.Option{nil, {expr.Env(theirs)}} {
		want, err := runExpr(source, theirs, options...)
		if err != nil || !finite(want) {
			continue
		}
		if !alike(got, want) {
			t.Errorf("%s\n  gives %s\n  expr: %s\n  on %s", source, text(got), text(want), record)
			return wrong
		}
		result = same
	}
	return result
}

func runExpr(source string, env map[string]any, options ...expr.Option) (any, error) {
	program, err := expr.Compile(source, options...)
	if err != nil {
		return nil, err
	}
	v, err := expr.Run(program, env)
	return plain(v), err
}

// native turns decoded values into those that a Go program would give to expr.
func native(v any) any {
	switch x := v.(type) {
	case int64:
		return int(x)
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = native(x[i])
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for k, e := range x {
			out[k] = native(e)
		}
		return out
	}
	return v
}

// plain turns the many types of expr's results into those of the language.
func plain(v any) any {
	r := reflect.ValueOf(v)
	switch r.Kind() { //nolint:exhaustive // the others stay
	case reflect.Int, reflect.Int64:
		return r.Int()
	case reflect.Slice, reflect.Array:
		out := make([]any, r.Len())
		for i := range out {
			out[i] = plain(r.Index(i).Interface())
		}
		return out
	case reflect.Map:
		out := map[string]any{}
		for _, k := range r.MapKeys() {
			out[predicate.Text(plain(k.Interface()))] = plain(r.MapIndex(k).Interface())
		}
		return out
	}
	return v
}

func finite(v any) bool {
	switch x := v.(type) {
	case float64:
		return !math.IsNaN(x) && !math.IsInf(x, 0)
	case []any:
		return !slices.ContainsFunc(x, func(e any) bool { return !finite(e) })
	case map[string]any:
		for _, e := range x {
			if !finite(e) {
				return false
			}
		}
	}
	return true
}

// alike compares in depth; a number is equal to a number of the other type, as in expr's ==.
func alike(a, b any) bool {
	switch x := a.(type) {
	case int64:
		if f, ok := b.(float64); ok {
			return float64(x) == f
		}
	case float64:
		if i, ok := b.(int64); ok {
			return x == float64(i)
		}
	case []any:
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, alike)
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for k, v := range x {
			if w, ok := y[k]; !ok || !alike(v, w) {
				return false
			}
		}
		return true
	}
	return a == b
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return strings.ReplaceAll(string(b), "\u2028", " ")
}
