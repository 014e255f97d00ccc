package predicate

import (
	"fmt"
	"maps"
	"reflect"
	"strings"

	"github.com/expr-lang/expr/checker/nature"

	"github.com/riposte-security/riposte/schemas/ocsf"
)

// Types is what a predicate may name: the attributes of OCSF classes, as types of expr. It is built once and safe for concurrent use.
type Types struct {
	schema  *ocsf.Schema
	objects map[string]nature.Nature
	classes map[string]nature.Nature
	union   nature.Nature
}

// freeForm tells which attributes may hold anything, whatever the schema says of them.
func freeForm(name string) bool { return name == "unmapped" || name == "enrichments" }

// NewTypes builds the types of a schema. An object is one type however often it is named, also by itself, so that the types of all of OCSF
// are a graph of some hundred nodes.
func NewTypes(s *ocsf.Schema) *Types {
	t := &Types{schema: s, objects: map[string]nature.Nature{}, classes: map[string]nature.Nature{}}
	for _, name := range s.ObjectNames() {
		t.objects[name] = strictObject()
	}
	for _, name := range s.ObjectNames() {
		if o, ok := s.Object(name); ok {
			t.fill(t.objects[name], o.Attrs)
		}
	}
	for _, name := range s.ClassNames() {
		if c, ok := s.Class(name); ok {
			n := strictObject()
			t.fill(n, c.Attrs)
			t.classes[name] = n
		}
	}
	t.union = strictObject()
	t.fill(t.union, s.Union().Attrs)
	return t
}

// strictObject is an object whose fields are known; they are filled in later.
func strictObject() nature.Nature {
	n := nature.NatureOf(map[string]any{})
	n.TypeData = &nature.TypeData{Fields: map[string]nature.Nature{}}
	n.Strict = true
	return n
}

func (t *Types) fill(n nature.Nature, attrs map[string]ocsf.Attr) {
	for name, a := range attrs {
		if freeForm(name) {
			n.Fields[name] = nature.Nature{}
			continue
		}
		elem := t.one(a)
		if !a.Array {
			n.Fields[name] = elem
			continue
		}
		l := nature.NatureOf([]any{})
		l.Ref = &elem
		n.Fields[name] = l
	}
}

func (t *Types) one(a ocsf.Attr) nature.Nature {
	switch a.Kind {
	case ocsf.String:
		return nature.FromType(reflect.TypeFor[string]())
	case ocsf.Int:
		return nature.FromType(reflect.TypeFor[int]())
	case ocsf.Float:
		return nature.FromType(reflect.TypeFor[float64]())
	case ocsf.Bool:
		return nature.FromType(reflect.TypeFor[bool]())
	case ocsf.Object:
		if o, ok := t.objects[a.Object]; ok {
			return o
		}
	case ocsf.JSON:
	}
	return nature.Nature{}
}

// Class gives the class_uid of a class by its name in OCSF.
func (t *Types) Class(name string) (int, bool) {
	c, ok := t.schema.Class(name)
	if !ok {
		return 0, false
	}
	return c.UID, true
}

// ClassNames lists the classes, sorted.
func (t *Types) ClassNames() []string { return t.schema.ClassNames() }

// having lists some of the classes that have an attribute.
func (t *Types) having(attr string) []string {
	const enough = 3
	var names []string
	for _, name := range t.ClassNames() {
		if _, ok := t.classes[name].Fields[attr]; !ok {
			continue
		}
		if len(names) == enough {
			return append(names, "others")
		}
		names = append(names, name)
	}
	return names
}

// scope is the type of an event of one of the classes; without classes, of any.
func (t *Types) scope(classes []string) (nature.Nature, error) {
	switch len(classes) {
	case 0:
		return t.union, nil
	case 1:
		n, ok := t.classes[classes[0]]
		if !ok {
			return n, fmt.Errorf("unknown class %q", classes[0])
		}
		return n, nil
	}
	n := strictObject()
	for _, name := range classes {
		c, ok := t.classes[name]
		if !ok {
			return n, fmt.Errorf("unknown class %q", name)
		}
		maps.Copy(n.Fields, c.Fields)
	}
	return n, nil
}

// typeName names a type as in messages to people.
func typeName(t reflect.Type) string {
	if t == nil {
		return "nil"
	}
	switch t.Kind() { //nolint:exhaustive // the types of the language
	case reflect.Map, reflect.Pointer:
		return "object"
	case reflect.Slice:
		return "list"
	case reflect.Int:
		return "integer"
	case reflect.Float64:
		return "number"
	case reflect.Bool:
		return "boolean"
	}
	return t.String()
}

// article puts a or an before the name of a type.
func article(name string) string {
	switch name {
	case "nil":
		return name
	case "integer", "object", "any value":
		return "an " + name
	}
	return "a " + name
}

// plain puts the type names in a message of expr's checker into those of the language.
func plain(message string) string {
	if name, ok := strings.CutPrefix(message, "cannot redeclare "); ok {
		return fmt.Sprintf("let: %s is taken already, for a field or another variable", strings.TrimPrefix(name, "variable "))
	}
	return strings.NewReplacer(
		"map[string]interface {}", "object", "*predicate.geoFields", "object", "*predicate.asnFields", "object",
		"predicate.geoFields", "object", "predicate.asnFields", "object", "[]interface {}", "list", "interface {}", "any", "float64", "number",
		"builtin ", "",
	).Replace(message)
}
