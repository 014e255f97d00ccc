package table

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// settings are what a command's `with` says, and the defaults of the rest. Their types have been checked: what a row reads is there.
type settings map[string]json.RawMessage

// settingsOf checks a command's `with` against what a row knows. Unknown keys, wrong types and missing settings are permanent errors.
func settingsOf(known []schemas.Setting, cmd schemas.Command) (settings, error) {
	with := map[string]json.RawMessage{}
	if err := attribute.Settings(cmd, &with); err != nil {
		return nil, err
	}
	s := settings{}
	for _, k := range known {
		v, given := with[k.Name]
		delete(with, k.Name)
		if !given || string(v) == "null" {
			if k.Required {
				return nil, fault.Permanent(fmt.Errorf("with.%s is missing: %s", k.Name, k.Help))
			}
			if k.Default == "" {
				continue
			}
			v = defaultOf(k)
		}
		if err := check(k, v); err != nil {
			return nil, fault.Permanent(fmt.Errorf("with.%s: %w", k.Name, err))
		}
		s[k.Name] = v
	}
	for name := range with {
		return nil, fault.Permanent(fmt.Errorf("with: unknown setting %q; known are [%s]", name, strings.Join(names(known), " ")))
	}
	return s, nil
}

func names(known []schemas.Setting) (all []string) {
	for _, k := range known {
		all = append(all, k.Name)
	}
	return all
}

// defaultOf writes a default as JSON: one of a list has commas between its elements.
func defaultOf(k schemas.Setting) json.RawMessage {
	var v any = k.Default
	switch k.Type {
	case "int", "bool":
		return json.RawMessage(k.Default)
	case "list":
		v = strings.Split(k.Default, ",")
	}
	b, err := json.Marshal(v)
	if err != nil { // strings have a JSON form
		return nil
	}
	return b
}

func check(k schemas.Setting, v json.RawMessage) error {
	var err error
	switch k.Type {
	case "int":
		var n int64
		if err = json.Unmarshal(v, &n); err == nil && n < 0 {
			return fmt.Errorf("%d: a number from 0 on expected", n)
		}
	case "bool":
		err = json.Unmarshal(v, new(bool))
	case "list":
		err = json.Unmarshal(v, new(texts))
	default:
		var text string
		if err = json.Unmarshal(v, &text); err == nil && len(k.OneOf) > 0 && !slices.Contains(k.OneOf, text) {
			return fmt.Errorf("%q: one of [%s] expected", text, strings.Join(k.OneOf, " "))
		}
	}
	return err
}

// text is a setting of type string; "" where it is not set.
func (s settings) text(name string) (v string) { return value[string](s, name) }

// number is a setting of type int.
func (s settings) number(name string) int { return value[int](s, name) }

// int32 is a setting of type int, as many calls want it: no number of AWS's comes near to its end.
func (s settings) int32(name string) int32 { return int32(min(s.number(name), math.MaxInt32)) } //nolint:gosec // bounded

// truth is a setting of type bool.
func (s settings) truth(name string) bool { return value[bool](s, name) }

// list is a setting of type list.
func (s settings) list(name string) []string { return value[texts](s, name) }

// texts is a list, or a single value in its place, of strings and numbers.
type texts []string

// UnmarshalJSON reads them.
func (t *texts) UnmarshalJSON(b []byte) error {
	var list []json.RawMessage
	if len(b) == 0 || b[0] != '[' {
		list = []json.RawMessage{b}
	} else if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	*t = nil
	for _, v := range list {
		var text string
		var n json.Number
		if err := json.Unmarshal(v, &text); err == nil {
			*t = append(*t, text)
		} else if err := json.Unmarshal(v, &n); err == nil {
			*t = append(*t, n.String())
		} else {
			return fmt.Errorf("%.40s: a string or number expected", v)
		}
	}
	return nil
}

func value[T any](s settings, name string) (v T) {
	if err := json.Unmarshal(s[name], &v); err != nil { // not set: the types have been checked
		var none T
		return none
	}
	return v
}
