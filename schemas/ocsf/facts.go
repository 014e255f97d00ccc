package ocsf

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// freeForm is the object without attributes: a JSON object of any form.
const freeForm = "object"

// rawSchema and what follows is the form of ocsf.json, see generate.py.
type rawSchema struct {
	Version  string               `json:"version"`
	Profiles []string             `json:"profiles"`
	Types    map[string]rawType   `json:"types"`
	Classes  map[string]rawEntity `json:"classes"`
	Objects  map[string]rawEntity `json:"objects"`
}

type rawType struct {
	Type   string `json:"type"` // the primitive; empty for a primitive
	Regex  string `json:"regex"`
	MaxLen int    `json:"max_len"`
	Range  []int  `json:"range"`
}

type rawEntity struct {
	UID        int                `json:"uid"`
	Category   int                `json:"category"`
	Caption    string             `json:"caption"`
	AtLeastOne []string           `json:"at_least_one"`
	JustOne    []string           `json:"just_one"`
	Attributes map[string]rawAttr `json:"attributes"`
}

type rawAttr struct {
	Type       string            `json:"type"`
	Object     string            `json:"object"`
	Array      bool              `json:"array"`
	Required   bool              `json:"required"`
	Deprecated bool              `json:"deprecated"`
	Profiles   []string          `json:"profiles"`
	Enum       map[string]string `json:"enum"`
}

// primitive gives the kind of a primitive type.
func primitive(name string) (Kind, error) {
	switch name {
	case "string_t":
		return String, nil
	case "integer_t", "long_t":
		return Int, nil
	case "float_t":
		return Float, nil
	case "boolean_t":
		return Bool, nil
	case "json_t":
		return JSON, nil
	}
	return 0, fmt.Errorf("ocsf facts: %q is no primitive type", name)
}

func (t rawType) build(name string) (Type, error) {
	base := t.Type
	if base == "" {
		base = name
	}
	kind, err := primitive(base)
	if err != nil {
		return Type{}, err
	}
	if t.Range != nil && len(t.Range) != 2 {
		return Type{}, fmt.Errorf("ocsf facts: range of type %s has %d ends", name, len(t.Range))
	}
	return Type{Kind: kind, Pattern: t.Regex, MaxLen: t.MaxLen, Range: t.Range}, nil
}

func (s *Schema) entities(raw map[string]rawEntity) (map[string]*Class, error) {
	out := make(map[string]*Class, len(raw))
	for name, r := range raw {
		c := &Class{
			Name: name, Caption: r.Caption, UID: r.UID, Category: r.Category,
			AtLeastOne: r.AtLeastOne, JustOne: r.JustOne,
			Attrs: make(map[string]Attr, len(r.Attributes)),
		}
		for an, ra := range r.Attributes {
			a, err := s.attr(an, ra)
			if err != nil {
				return nil, fmt.Errorf("%s.%s: %w", name, an, err)
			}
			c.Attrs[an] = a
		}
		out[name] = c
	}
	return out, nil
}

func (s *Schema) attr(name string, r rawAttr) (Attr, error) {
	a := Attr{
		Name: name, Type: r.Type, Object: r.Object,
		Array: r.Array, Required: r.Required, Deprecated: r.Deprecated, Profiles: r.Profiles,
	}
	if len(r.Profiles) > 0 {
		a.Profile = r.Profiles[0]
	}
	switch {
	case r.Object == freeForm:
		a.Kind = JSON
		return a, nil
	case r.Object != "":
		a.Kind = Object
		return a, nil
	}
	t, ok := s.Types[r.Type]
	if !ok {
		return a, fmt.Errorf("ocsf facts: unknown type %q", r.Type)
	}
	a.Kind = t.Kind
	return a, a.setEnum(r.Enum)
}

func (a *Attr) setEnum(enum map[string]string) error {
	if len(enum) == 0 {
		return nil
	}
	if a.Kind == String {
		a.Values = slices.Sorted(maps.Keys(enum))
		return nil
	}
	a.Enum = make(map[int]string, len(enum))
	for text, caption := range enum {
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("ocsf facts: enum value: %w", err)
		}
		a.Enum[n] = caption
	}
	return nil
}

// unite builds the union of all classes. OCSF keeps one dictionary for all classes, so an attribute is of one type everywhere; should that
// ever change, Load says so.
func (s *Schema) unite() (*Class, error) {
	u := &Class{Name: "event", Caption: "Any Event", Attrs: map[string]Attr{}}
	count := map[string]int{}
	for _, name := range slices.Sorted(maps.Keys(s.classes)) {
		for an, a := range s.classes[name].Attrs {
			count[an]++
			have, ok := u.Attrs[an]
			if !ok {
				a.Enum = maps.Clone(a.Enum)
				u.Attrs[an] = a
				continue
			}
			merged, err := merge(have, a)
			if err != nil {
				return nil, fmt.Errorf("ocsf facts: class %s: %w", name, err)
			}
			u.Attrs[an] = merged
		}
	}
	for an, a := range u.Attrs {
		if count[an] < len(s.classes) {
			a.Required = false
			u.Attrs[an] = a
		}
	}
	return u, nil
}

// merge joins what two classes say of one attribute. It may write to have.Enum.
func merge(have, a Attr) (Attr, error) {
	if have.Kind != a.Kind || have.Type != a.Type || have.Object != a.Object || have.Array != a.Array {
		return have, fmt.Errorf("attribute %s differs from that of other classes", a.Name)
	}
	have.Required = have.Required && a.Required
	have.Deprecated = have.Deprecated && a.Deprecated
	if len(have.Profiles) == 0 || len(a.Profiles) == 0 {
		have.Profile, have.Profiles = "", nil
	}
	if have.Enum == nil || a.Enum == nil {
		have.Enum = nil
	}
	if have.Enum != nil {
		for n, caption := range a.Enum {
			if c, ok := have.Enum[n]; ok && c != caption {
				caption = ""
			}
			have.Enum[n] = caption
		}
	}
	if have.Values == nil || a.Values == nil {
		have.Values = nil
		return have, nil
	}
	all := slices.Concat(have.Values, a.Values)
	slices.Sort(all)
	have.Values = slices.Compact(all)
	return have, nil
}
