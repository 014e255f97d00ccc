package ocsf

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/tidwall/gjson"
)

// maxCompiled bounds the compiled schemas that a Validator keeps: events choose their profiles, and nobody shall fill the memory by it.
const maxCompiled = 64

// A Validator holds events against OCSF and the rules of the house. It is safe for concurrent use.
type Validator struct {
	s        *Schema
	mu       sync.Mutex
	compiled map[string]*jsonschema.Schema // by class name and sorted profiles
}

// NewValidator makes a Validator. Schemas are compiled when first needed, which takes some milliseconds for each class and set of profiles.
func NewValidator(s *Schema) *Validator {
	return &Validator{s: s, compiled: map[string]*jsonschema.Schema{}}
}

// Validate holds one event against the JSON Schema of its class_uid with its metadata.profiles, and against the rules of the house:
// type_uid is class_uid*100+activity_id, metadata.version is the schema's, and profiles exist. What is wrong with the event is an
// *InvalidError; text that is not JSON is another error.
func (v *Validator) Validate(data []byte) error {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("event: %w", err)
	}
	facts := gjson.GetManyBytes(data, "class_uid", "activity_id", "type_uid", "metadata.version", "metadata.profiles")
	class, ok := v.s.ClassByUID(int(facts[0].Int()))
	if facts[0].Type != gjson.Number || !ok {
		return &InvalidError{Problems: []Problem{{"/class_uid", fmt.Sprintf("no known class: %s", orNothing(facts[0]))}}}
	}
	profiles, problems := v.profiles(facts[4])
	if want := facts[0].Int()*100 + facts[1].Int(); facts[2].Exists() && facts[2].Int() != want {
		problems = append(problems, Problem{"/type_uid", fmt.Sprintf("%s, but class_uid*100+activity_id is %d", facts[2].Raw, want)})
	}
	if facts[3].Exists() && facts[3].String() != v.s.Version {
		problems = append(problems, Problem{"/metadata/version", fmt.Sprintf("%s, want %q", facts[3].Raw, v.s.Version)})
	}
	sch, err := v.schema(class, profiles)
	if err != nil {
		return err
	}
	if err := sch.Validate(doc); err != nil {
		var ve *jsonschema.ValidationError
		if !errors.As(err, &ve) {
			return fmt.Errorf("event of class %s: %w", class.Name, err)
		}
		problems = append(problems, v.problems(class, ve)...)
	}
	return invalid(problems)
}

func orNothing(r gjson.Result) string {
	if !r.Exists() {
		return "there is none"
	}
	return r.Raw
}

// profiles reads metadata.profiles. Unknown names are problems and bring no attributes in.
func (v *Validator) profiles(r gjson.Result) (known []string, problems []Problem) {
	if !r.IsArray() {
		return nil, nil
	}
	for i, p := range r.Array() {
		if !slices.Contains(v.s.Profiles, p.Str) {
			problems = append(problems, Problem{fmt.Sprintf("/metadata/profiles/%d", i), "no such profile: " + p.Raw})
			continue
		}
		known = append(known, p.Str)
	}
	slices.Sort(known)
	return slices.Compact(known), problems
}

// schema returns the compiled schema of a class with sorted profiles.
func (v *Validator) schema(c *Class, profiles []string) (*jsonschema.Schema, error) {
	key := c.Name + "?" + strings.Join(profiles, ",")
	v.mu.Lock()
	defer v.mu.Unlock()
	if sch, ok := v.compiled[key]; ok {
		return sch, nil
	}
	sch, err := v.compile(c, profiles)
	if err != nil {
		return nil, fmt.Errorf("schema of class %s: %w", c.Name, err)
	}
	if len(v.compiled) >= maxCompiled {
		clear(v.compiled)
	}
	v.compiled[key] = sch
	return sch, nil
}

func (v *Validator) compile(c *Class, profiles []string) (*jsonschema.Schema, error) {
	doc, err := v.s.JSONSchema(c, profiles)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	const url = "ocsf:class"
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(url, value); err != nil {
		return nil, err
	}
	return compiler.Compile(url)
}
