package predicate

import (
	"net/netip"
	"reflect"
	"slices"

	"github.com/expr-lang/expr/ast"
)

// sourceFunctions are those that look something up. What they look into is known when a predicate is compiled, so they build their own nodes.
func sourceFunctions() map[string]*function {
	return map[string]*function{
		// inList("name", value) tells whether a value, or any value of a list, is in a named list. Numbers are looked up as their text.
		"inList": {params: []kind{kString, kAny}, result: kBool, build: (*compiler).inList},
		// geo(ip) is what a GeoIP file says of an address; asn(ip) is the autonomous system that announces it.
		"geo": {params: []kind{kString}, result: kGeo, build: lookup(func(c *compiler) lookupFunc {
			c.uses.Geo = true
			return c.sources.Geo
		})},
		"asn": {params: []kind{kString}, result: kASN, build: lookup(func(c *compiler) lookupFunc {
			c.uses.ASN = true
			return c.sources.ASN
		})},
	}
}

// noSources is what a language without sources looks into: every list is empty, and nothing is known of any address.
type noSources struct{}

// List implements Sources.
func (noSources) List(string) (List, bool) { return noSources{}, true }

// ListNames implements Sources.
func (noSources) ListNames() []string { return nil }

// Geo implements Sources.
func (noSources) Geo(netip.Addr) map[string]any { return nil }

// ASN implements Sources.
func (noSources) ASN(netip.Addr) map[string]any { return nil }

// Contains implements List.
func (noSources) Contains(string) bool { return false }

// inList finds the list when the predicate is compiled: what is asked for an event is the list itself, and nothing is allocated.
func (c *compiler) inList(n *ast.CallNode, args []node) node {
	name, ok := n.Arguments[0].(*ast.StringNode)
	if !ok {
		return c.fail(n.Arguments[0], "inList: the name of the list must be written out, so that it can be checked at load")
	}
	l, ok := c.sources.List(name.Value)
	if !ok {
		return c.fail(name, "inList: unknown list %q%s", name.Value, suggestion(name.Value, slices.Values(c.sources.ListNames())))
	}
	if !slices.Contains(c.uses.Lists, name.Value) {
		c.uses.Lists = append(c.uses.Lists, name.Value)
	}
	value := args[1]
	return func(r *run) any { return r.listed(l, value(r), 0) }
}

// listed looks a value up: each one of a list; nil, booleans and objects are in no list.
func (r *run) listed(l List, v any, depth int) bool {
	switch x := v.(type) {
	case nil, bool, map[string]any:
		return false
	case string:
		return r.charge(2+len(x)/16) && l.Contains(x)
	case []any:
		if depth > deepest {
			return r.exhaust()
		}
		for _, e := range x {
			if r.listed(l, e, depth+1) {
				return true
			}
			if !r.charge(1) {
				return false
			}
		}
		return false
	}
	return isNumber(v) && r.charge(2) && l.Contains(numberText(v))
}

type lookupFunc func(netip.Addr) map[string]any

// lookup builds a function of an address. What is no address, or not known, gives nil.
func lookup(in func(*compiler) lookupFunc) func(*compiler, *ast.CallNode, []node) node {
	return func(c *compiler, _ *ast.CallNode, args []node) node {
		find := in(c)
		ip := args[0]
		return func(r *run) any {
			const steps = 16 // a walk through the file's tree
			a, ok := address(ip(r))
			if !ok || !r.charge(steps) {
				return nil
			}
			if found := find(a); found != nil {
				return found
			}
			return nil
		}
	}
}

// fields gives the names and types of the fields of a result that is an object.
func fields(t reflect.Type) map[string]reflect.Type {
	if t == nil || t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct {
		return nil
	}
	out := map[string]reflect.Type{}
	for f := range t.Elem().Fields() {
		out[f.Tag.Get("expr")] = f.Type
	}
	return out
}

func zeroes(t reflect.Type) map[string]any {
	out := map[string]any{}
	for name, of := range fields(t) {
		out[name] = Value(reflect.Zero(of).Interface())
	}
	return out
}
