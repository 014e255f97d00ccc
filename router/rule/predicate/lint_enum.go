package predicate

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/riposte-security/riposte/schemas/ocsf"
)

// comparison judges a comparison: of a value with itself, or with what an attribute of OCSF cannot be.
func (x *linter) comparison(n ast.Node) fate {
	b, ok := n.(*ast.BinaryNode)
	if !ok {
		return open
	}
	if left, isPath := staticPath(b.Left); isPath {
		if right, ok := staticPath(b.Right); ok && slices.Equal(left, right) {
			x.report(n, "%s compares a value with itself", n.String())
			return open
		}
	}
	path, other := b.Left, b.Right
	if _, isPath := staticPath(path); !isPath && b.Operator != "in" {
		path, other = other, path
	}
	names, isPath := staticPath(path)
	v, constant := x.value(other)
	if !isPath || !constant {
		return open
	}
	values := []any{v}
	switch b.Operator {
	case "==", "!=":
	case "in":
		if values, ok = v.([]any); !ok {
			return open
		}
	default:
		return open
	}
	wrong := 0
	for _, v := range values {
		why := x.l.Types.cannotBe(x.classes, names, v)
		if why == "" {
			continue
		}
		wrong++
		x.report(other, "%s", why)
	}
	switch {
	case wrong == 0 || wrong < len(values):
		return open
	case b.Operator == "!=":
		return always
	}
	return never
}

// cannotBe says why the attribute at a path cannot have a value, in events of the classes; "" if it can, or that is not known. nil is absence.
func (t *Types) cannotBe(classes, path []string, v any) string {
	a, ok := t.attribute(classes, path)
	if !ok || v == nil || a.Array {
		return ""
	}
	where := strings.Join(path, ".")
	if len(classes) > 0 && len(path) == 1 {
		where += " of " + strings.Join(classes, ", ")
	}
	if n, ok := integer(v); ok && a.Enum != nil {
		if _, ok := a.Enum[int(n)]; !ok {
			return fmt.Sprintf("%s is never %d in OCSF; it has %s", where, n, enumText(a.Enum))
		}
	}
	if s, ok := v.(string); ok && a.Values != nil && !slices.Contains(a.Values, s) {
		return fmt.Sprintf("%s is never %q in OCSF%s", where, s, Suggest(s, a.Values))
	}
	return ""
}

func enumText(enum map[int]string) string {
	const most = 12
	var out []string
	for _, n := range slices.Sorted(maps.Keys(enum)) {
		if len(out) == most {
			return strings.Join(out, ", ") + " and others"
		}
		text := strconv.Itoa(n)
		if enum[n] != "" {
			text += " " + enum[n]
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

// attribute finds the attribute at a path. Where several classes have it, it may be what any of them says.
func (t *Types) attribute(classes, path []string) (ocsf.Attr, bool) {
	if len(classes) == 0 {
		return t.below(t.schema.Union(), path)
	}
	var out ocsf.Attr
	found := false
	for _, name := range classes {
		c, ok := t.schema.Class(name)
		if !ok {
			continue
		}
		a, ok := t.below(c, path)
		switch {
		case !ok:
		case !found:
			out, found = a, true
			out.Enum = maps.Clone(a.Enum)
		case out.Enum != nil && a.Enum != nil:
			maps.Copy(out.Enum, a.Enum)
		default:
			out.Enum, out.Values = nil, nil
		}
	}
	return out, found
}

// below follows a path from a class or an object.
func (t *Types) below(c *ocsf.Class, path []string) (ocsf.Attr, bool) {
	for i, name := range path {
		a, ok := c.Attrs[name]
		if !ok || freeForm(name) {
			return a, false
		}
		if i == len(path)-1 {
			return a, true
		}
		if a.Kind != ocsf.Object {
			return a, false
		}
		if c, ok = t.schema.Object(a.Object); !ok {
			return a, false
		}
	}
	return ocsf.Attr{}, false
}
