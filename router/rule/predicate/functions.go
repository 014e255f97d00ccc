package predicate

import (
	"fmt"
	"maps"
	"reflect"

	"github.com/expr-lang/expr/ast"
)

// A kind is what the type check knows of an argument or a result.
type kind int

const (
	kAny kind = iota
	kString
	kNumber
	kInt
	kBool
	kList
	kObject
	kSized   // string, list or object
	kNumeric // number, or list of numbers
	kGeo     // object of geoFields
	kASN     // object of asnFields
)

func (k kind) String() string {
	switch k {
	case kAny:
		return "any value"
	case kString:
		return "string"
	case kNumber:
		return "number"
	case kInt:
		return "integer"
	case kBool:
		return "boolean"
	case kList:
		return "list"
	case kObject, kGeo, kASN:
		return "object"
	case kSized:
		return "string, list or object"
	case kNumeric:
		return "number or list"
	}
	return "?"
}

// A function of the language. Unless it says otherwise its result is nil when its first argument is nil or of the wrong type.
type function struct {
	params   []kind
	optional int  // how many of the last parameters may be left out
	variadic bool // the last parameter may be repeated
	result   kind
	same     bool // the result is of the type of the first argument, where that is known
	deep     bool // it looks at its arguments in depth, and not at their surface only
	// check looks at the constant argument i of so many at load; nil is well.
	check func(i int, v string, of int) error
	// work is what a call costs, in steps, where that is more than looking at the arguments once.
	work func(args []any) int
	// build, if it is set, compiles the call by itself, and stands for all that follows.
	build func(c *compiler, n *ast.CallNode, args []node) node
	// call gets as many arguments as were written. It does not change them.
	call func(args []any) any
}

// functions is the table of all functions but those that take a predicate.
func functions() map[string]*function {
	t := map[string]*function{}
	for _, group := range []map[string]*function{
		netFunctions(), textFunctions(), listFunctions(), numberFunctions(), codecFunctions(), timeFunctions(), textsFunctions(), sourceFunctions(),
		anyFunctions(),
	} {
		maps.Copy(t, group)
	}
	return t
}

// loops are the list functions that take a predicate.
func loops() []string {
	return []string{
		"any", "all", "none", "one", "count", "filter", "map", "sum",
		"find", "findIndex", "findLast", "findLastIndex", "sortBy", "groupBy", "reduce",
	}
}

// arguments checks the number and the types of arguments; types are nil for the literal nil and an empty interface where unknown.
func (f *function) arguments(types []reflect.Type) error {
	least := len(f.params) - f.optional
	if len(types) < least || len(types) > len(f.params) && !f.variadic {
		switch {
		case f.variadic:
			return fmt.Errorf("at least %d arguments expected, %d given", least, len(types))
		case f.optional > 0:
			return fmt.Errorf("%d to %d arguments expected, %d given", least, len(f.params), len(types))
		}
		return fmt.Errorf("%d arguments expected, %d given", least, len(types))
	}
	for i, t := range types {
		want := f.params[min(i, len(f.params)-1)]
		if !accepts(want, t) {
			return fmt.Errorf("argument %d must be %s, not %s", i+1, article(want.String()), article(typeName(t)))
		}
	}
	return nil
}

func accepts(k kind, t reflect.Type) bool {
	if t == nil || t.Kind() == reflect.Interface || k == kAny {
		return true
	}
	switch k {
	case kString:
		return t.Kind() == reflect.String
	case kNumber:
		return t.Kind() == reflect.Int || t.Kind() == reflect.Float64
	case kInt:
		return t.Kind() == reflect.Int
	case kBool:
		return t.Kind() == reflect.Bool
	case kList:
		return t.Kind() == reflect.Slice
	case kObject:
		return isObject(t)
	case kSized:
		return t.Kind() == reflect.String || t.Kind() == reflect.Slice || isObject(t)
	case kNumeric:
		return t.Kind() == reflect.Int || t.Kind() == reflect.Float64 || t.Kind() == reflect.Slice
	case kAny, kGeo, kASN:
	}
	return true
}

func isObject(t reflect.Type) bool { return t.Kind() == reflect.Map || fields(t) != nil }

func (k kind) reflect() reflect.Type {
	switch k {
	case kString:
		return reflect.TypeFor[string]()
	case kNumber:
		return reflect.TypeFor[float64]()
	case kInt:
		return reflect.TypeFor[int]()
	case kBool:
		return reflect.TypeFor[bool]()
	case kList:
		return reflect.TypeFor[[]any]()
	case kGeo:
		return reflect.TypeFor[*geoFields]()
	case kASN:
		return reflect.TypeFor[*asnFields]()
	case kAny, kObject, kSized, kNumeric:
	}
	return reflect.TypeFor[any]()
}

// call compiles a call of a function of the table.
func (c *compiler) call(n *ast.CallNode) node {
	name, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		return c.fail(n, "only functions can be called")
	}
	f, ok := c.functions[name.Value]
	if !ok {
		return c.fail(n, "unknown function %s", name.Value)
	}
	args := make([]node, len(n.Arguments))
	for i, a := range n.Arguments {
		args[i] = c.compile(a)
		if s, ok := a.(*ast.StringNode); ok && f.check != nil {
			if err := f.check(i, s.Value, len(n.Arguments)); err != nil {
				c.fail(a, "%s: %v", name.Value, err)
			}
		}
	}
	if f.build != nil {
		if c.err != nil {
			return constant(nil)
		}
		return f.build(c, n, args)
	}
	return func(r *run) any {
		values := make([]any, len(args))
		for i, a := range args {
			values[i] = a(r)
			if r.charge(1 + size(values[i])); f.deep {
				r.weigh(values[i])
			}
		}
		if f.work != nil {
			r.charge(f.work(values))
		}
		if r.left < 0 {
			return nil
		}
		v := f.call(values)
		r.charge(4 * size(v))
		return v
	}
}

// product is the work of functions that may look at their second text for every letter of the first.
func product(args []any) int {
	if len(args) < 2 {
		return 0
	}
	s, t, _ := pair[string](args[0], args[1])
	return len(s) / 64 * len(t)
}

// size estimates what it costs to look at a value once.
func size(v any) int {
	switch x := v.(type) {
	case string:
		return len(x) / 64
	case []any:
		return len(x)
	case map[string]any:
		return len(x)
	}
	return 0
}
