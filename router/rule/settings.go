package rule

import (
	"fmt"
	"strings"
	"time"

	"github.com/riposte-security/riposte/router/rule/predicate"
	"github.com/riposte-security/riposte/router/rule/yamltree"
	"github.com/riposte-security/riposte/schemas"
)

// with reads a step's settings. Where it is not known which there are, any will do.
func (d *decoder) with(n *yamltree.Node, st *step) map[string]*template {
	values, ok := yamltree.Pairs(n)
	if !ok {
		d.fail(n, "with must be a mapping, not %s", yamltree.Kind(n))
		return nil
	}
	out := make(map[string]*template, len(values))
	for _, v := range values {
		key := v.Key.Value
		t := d.template(v.Value)
		out[key] = t
		if !st.checked() {
			continue
		}
		setting := find(st.settings, key)
		if setting == nil {
			names := settingNames(st.settings)
			what := st.action
			if st.spec == nil {
				what = "an alert"
			}
			d.fail(v.Key, "%s has no setting %q%s (known: %s)", what, key, predicate.Suggest(key, names), joined(names))
			continue
		}
		if err := literal(setting, t); err != nil {
			d.fail(v.Value, "%s: %v", key, err)
		}
	}
	return out
}

// checked tells whether it is known which settings the step may have.
func (st *step) checked() bool { return st.spec != nil || st.settings != nil }

// required demands the settings that the action cannot do without.
func (d *decoder) required(n *yamltree.Node, st *step) {
	if st.spec == nil {
		return
	}
	for _, s := range st.spec.Settings {
		if _, ok := st.with[s.Name]; s.Required && !ok {
			d.fail(n, "%s needs the setting %s: %s", st.action, s.Name, s.Help)
		}
	}
}

func find(settings []schemas.Setting, name string) *schemas.Setting {
	for i := range settings {
		if settings[i].Name == name {
			return &settings[i]
		}
	}
	return nil
}

func settingNames(settings []schemas.Setting) []string {
	names := make([]string, len(settings))
	for i, s := range settings {
		names[i] = s.Name
	}
	return names
}

func joined(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// literal checks the type of a template as far as it is known at load.
func literal(s *schemas.Setting, t *template) error {
	switch {
	case t.fixed():
		return settingType(s, t.constant)
	case t.list != nil:
		return settingType(s, []any{})
	case t.fields != nil:
		return settingType(s, map[string]any{})
	case len(t.parts) > 1:
		if s.Type != "string" && s.Type != "duration" {
			return fmt.Errorf("%s expected, this is a string", s.Type)
		}
	}
	return nil
}

// settingType checks a value against the type of a setting.
func settingType(s *schemas.Setting, v any) error {
	ok := true
	switch s.Type {
	case "string":
		_, ok = v.(string)
	case "int":
		_, ok = v.(int64)
	case "bool":
		_, ok = v.(bool)
	case "list":
		_, ok = v.([]any)
	case "map":
		_, ok = v.(map[string]any)
	case "duration":
		var text string
		if text, ok = v.(string); ok {
			if _, err := time.ParseDuration(text); err != nil {
				return fmt.Errorf("a duration such as 90s or 4h expected, not %q", text)
			}
		}
	}
	if !ok {
		return fmt.Errorf("%s expected, this is %s", s.Type, goKind(v))
	}
	return nil
}

func goKind(v any) string {
	switch v.(type) {
	case nil:
		return "nothing"
	case string:
		return "a string"
	case bool:
		return "a boolean"
	case []any:
		return "a list"
	case map[string]any:
		return "a mapping"
	}
	return "a number"
}
