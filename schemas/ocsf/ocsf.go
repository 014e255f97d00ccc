// Package ocsf holds the facts of OCSF 1.8.0 for the classes that riposte produces, and every object that they reach: names, types, enums,
// requirements, constraints and profiles. The rule check types predicates by them; the Validator validates events against them.
package ocsf

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
)

//go:generate sh -c "python3 generate.py > ocsf.json.new && mv ocsf.json.new ocsf.json"

//go:embed ocsf.json
var facts []byte

// A Kind is what a value of an attribute is in JSON.
type Kind int

// The kinds. Timestamps are of kind Int, in milliseconds since the epoch, UTC. Below an attribute of kind JSON the schema says nothing:
// it is free-form.
const (
	String Kind = iota
	Int
	Float
	Bool
	JSON
	Object
)

// String names the kind as in an error message.
func (k Kind) String() string {
	switch k {
	case String:
		return "string"
	case Int:
		return "integer"
	case Float:
		return "number"
	case Bool:
		return "boolean"
	case JSON:
		return "free-form"
	case Object:
		return "object"
	}
	return "kind " + strconv.Itoa(int(k))
}

// An Attr is one attribute of a class or an object.
type Attr struct {
	Name string
	Kind Kind // of one element, where Array is set
	// Type is OCSF's own name of the type (ip_t, timestamp_t, port_t …); empty for objects.
	Type string
	// Object names the attribute's object, for Schema.Object. With kind JSON it is "object" where the value must be a JSON object of any
	// form (unmapped), and empty where it may be anything.
	Object     string
	Array      bool
	Required   bool
	Deprecated bool
	// Enum holds the values that an integer may take, with their captions; nil if any will do. In a union of classes the caption is empty
	// where the classes differ.
	Enum map[int]string
	// Values lists the values that a string may take, sorted; nil if any will do.
	Values []string
	// Profile is the profile that brings the attribute in, the first where several do; empty if it always belongs.
	Profile string
	// Profiles are all the profiles that bring it in.
	Profiles []string
}

// A Class is an event class or an object.
type Class struct {
	Name     string
	Caption  string // of a class
	UID      int    // class_uid; 0 for Base Event, and without meaning for objects and the union
	Category int    // category_uid
	Attrs    map[string]Attr
	// AtLeastOne: one or more of these must be present. JustOne: exactly one. Empty: no such constraint.
	AtLeastOne, JustOne []string
}

// A Type is what OCSF says of a scalar type.
type Type struct {
	Kind    Kind
	Pattern string // regular expression that a string contains, or ""
	MaxLen  int    // in characters; 0: any
	Range   []int  // two numbers, both inclusive, or nil
}

// A Schema is OCSF as far as riposte knows it. It is read-only and safe for concurrent use; callers change nothing that they get from it.
type Schema struct {
	Version  string
	Profiles []string // all profile names, sorted
	Types    map[string]Type
	classes  map[string]*Class
	objects  map[string]*Class
	byUID    map[int]*Class
	union    *Class
}

// Load decodes the embedded facts. It takes some milliseconds: load once and hand the schema on.
func Load() (*Schema, error) {
	var raw rawSchema
	if err := json.Unmarshal(facts, &raw); err != nil {
		return nil, fmt.Errorf("ocsf facts: %w", err)
	}
	s := &Schema{Version: raw.Version, Profiles: raw.Profiles, Types: map[string]Type{}, byUID: map[int]*Class{}}
	for name, t := range raw.Types {
		typ, err := t.build(name)
		if err != nil {
			return nil, err
		}
		s.Types[name] = typ
	}
	var err error
	if s.classes, err = s.entities(raw.Classes); err != nil {
		return nil, err
	}
	if s.objects, err = s.entities(raw.Objects); err != nil {
		return nil, err
	}
	for _, c := range s.classes {
		s.byUID[c.UID] = c
	}
	s.union, err = s.unite()
	return s, err
}

// Class returns the class of that name (api_activity, base_event …).
func (s *Schema) Class(name string) (*Class, bool) { c, ok := s.classes[name]; return c, ok }

// ClassByUID returns the class of that class_uid.
func (s *Schema) ClassByUID(uid int) (*Class, bool) { c, ok := s.byUID[uid]; return c, ok }

// Object returns the object of that name, as Attr.Object gives it.
func (s *Schema) Object(name string) (*Class, bool) { c, ok := s.objects[name]; return c, ok }

// Union returns a pseudo class that has the attributes of all classes. An attribute is required in it if it is in every class.
func (s *Schema) Union() *Class { return s.union }

// ClassNames returns the names of all classes, sorted.
func (s *Schema) ClassNames() []string { return slices.Sorted(maps.Keys(s.classes)) }

// ObjectNames returns the names of all objects, sorted.
func (s *Schema) ObjectNames() []string { return slices.Sorted(maps.Keys(s.objects)) }
