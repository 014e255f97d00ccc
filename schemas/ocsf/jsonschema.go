package ocsf

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

const draft = "https://json-schema.org/draft/2020-12/schema"

// JSONSchema builds the JSON Schema (draft 2020-12) of a class with a set of profiles, objects under $defs: what the schema of OCSF says in
// types, enums, requirements and constraints. An attribute that is not in the class, or only by a profile that is not in the set, is refused.
// The result consists of JSON values only.
func (s *Schema) JSONSchema(c *Class, profiles []string) (map[string]any, error) {
	b := schemaBuilder{s: s, profiles: profiles, defs: map[string]any{}}
	doc := b.entity(c)
	for len(b.todo) > 0 {
		name := b.todo[len(b.todo)-1]
		b.todo = b.todo[:len(b.todo)-1]
		o, ok := s.objects[name]
		if !ok {
			return nil, fmt.Errorf("class %s: no object %s", c.Name, name)
		}
		b.defs[defName(name)] = b.entity(o)
	}
	doc["$schema"] = draft
	doc["$defs"] = b.defs
	return doc, nil
}

type schemaBuilder struct {
	s        *Schema
	profiles []string
	defs     map[string]any // objects seen; nil values are still to be built
	todo     []string
}

// defName makes the name of an object of an extension (win/reg_key) fit for a JSON pointer.
func defName(object string) string { return strings.ReplaceAll(object, "/", "_") }

// entity is the schema of one class or object.
func (b *schemaBuilder) entity(c *Class) map[string]any {
	doc := map[string]any{"type": "object"}
	if len(c.Attrs) == 0 {
		return doc // free form
	}
	props := map[string]any{}
	var required []any
	for _, name := range slices.Sorted(maps.Keys(c.Attrs)) {
		a := c.Attrs[name]
		if !a.within(b.profiles) {
			continue
		}
		props[name] = b.attr(a)
		if a.Required {
			required = append(required, name)
		}
	}
	doc["properties"] = props
	doc["additionalProperties"] = false
	if len(required) > 0 {
		doc["required"] = required
	}
	if len(c.AtLeastOne) > 0 {
		doc["anyOf"] = requireEach(c.AtLeastOne)
	}
	if len(c.JustOne) > 0 {
		doc["oneOf"] = requireEach(c.JustOne)
	}
	return doc
}

// within tells whether an attribute belongs to a class under a set of profiles.
func (a Attr) within(profiles []string) bool {
	return len(a.Profiles) == 0 || slices.ContainsFunc(a.Profiles, func(p string) bool { return slices.Contains(profiles, p) })
}

func requireEach(names []string) []any {
	out := make([]any, 0, len(names))
	for _, n := range names {
		out = append(out, map[string]any{"required": []any{n}})
	}
	return out
}

func (b *schemaBuilder) attr(a Attr) map[string]any {
	item := b.item(a)
	if a.Array {
		return map[string]any{"type": "array", "items": item}
	}
	return item
}

// item is the schema of one value of an attribute.
func (b *schemaBuilder) item(a Attr) map[string]any {
	if a.Object != "" {
		name := defName(a.Object)
		if _, seen := b.defs[name]; !seen {
			b.defs[name] = nil
			b.todo = append(b.todo, a.Object)
		}
		return map[string]any{"$ref": "#/$defs/" + name}
	}
	doc := map[string]any{}
	switch a.Kind {
	case String, Int, Float, Bool:
		doc["type"] = a.Kind.String()
	case JSON, Object: // free form; objects are done above
	}
	if enum := a.enum(); enum != nil {
		doc["enum"] = enum
	}
	t := b.s.Types[a.Type]
	if t.Pattern != "" {
		doc["pattern"] = t.Pattern
	}
	if t.MaxLen > 0 {
		doc["maxLength"] = t.MaxLen
	}
	if len(t.Range) == 2 {
		doc["minimum"], doc["maximum"] = t.Range[0], t.Range[1]
	}
	return doc
}

func (a Attr) enum() []any {
	var out []any
	for _, n := range slices.Sorted(maps.Keys(a.Enum)) {
		out = append(out, n)
	}
	for _, v := range a.Values {
		out = append(out, v)
	}
	return out
}
