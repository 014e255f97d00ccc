package rule

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/riposte-security/riposte/router/correlate"
	"github.com/riposte-security/riposte/schemas"
)

// schemaID is where the JSON Schema is published.
const schemaID = "https://github.com/riposte-security/riposte/schemas/rule.schema.json"

type object = map[string]any

// Schema is the JSON Schema of a rule, for editors, with the actions that o knows. It is made of the decoder's own keys: one that has no
// description here is an error, and a test fails. What it cannot say (types of expressions, names of fields), `rules check` does.
func Schema(o Options) ([]byte, error) {
	if o.Language == nil {
		l, err := NewLanguage()
		if err != nil {
			return nil, err
		}
		o.Language = l
	}
	g := &schemaMaker{o: o}
	root := g.section("rule", ruleKeys(), g.ruleParts())
	root["$schema"], root["$id"], root["title"] = "https://json-schema.org/draft/2020-12/schema", schemaID, "Rule"
	root["description"] = "A rule of riposte: a condition over events, and what to do when it holds."
	root["required"] = slices.DeleteFunc(requiredKeys(), func(k string) bool { return k == "when" || k == "then" })
	root["anyOf"] = []any{object{"required": []string{"when"}}, object{"required": []string{"correlate"}}}
	root["$defs"] = object{
		"expression": object{"description": "An expression of expr-lang.org over the event.", "type": []string{"string", "boolean"}},
		"alert":      g.alert(),
		"block":      g.response(schemas.LaneBlock),
		"remediate":  g.response(schemas.LaneRemediate),
		"publish":    g.publish(),
		"invoke":     g.invoke(),
		"correlate":  g.correlate(),
		"test":       g.test(),
		"command":    g.section("expected command", commandKeys(), g.commandParts()),
	}
	if g.err != nil {
		return nil, g.err
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(root); err != nil {
		return nil, fmt.Errorf("schema of rules: %w", err)
	}
	return b.Bytes(), nil
}

type schemaMaker struct {
	o   Options
	err error
}

// section is an object with exactly these keys.
func (g *schemaMaker) section(name string, keys []string, parts object) object {
	properties := object{}
	for _, key := range keys {
		part, ok := parts[key]
		if !ok && g.err == nil {
			g.err = fmt.Errorf("schema of rules: the key %q of a %s has no description in router/rule/schema.go", key, name)
		}
		properties[key] = part
	}
	for key := range parts {
		if !slices.Contains(keys, key) && g.err == nil {
			g.err = fmt.Errorf("schema of rules: %q is no key of a %s", key, name)
		}
	}
	return object{"type": "object", "additionalProperties": false, "properties": properties}
}

func text(description string) object { return object{"description": description, "type": "string"} }

func choice(description string, of ...string) object {
	return object{"description": description, "enum": of}
}

// someOf is one thing or a list of them.
func someOf(description string, one object) object {
	return object{"description": description, "anyOf": []any{one, object{"type": "array", "minItems": 1, "items": one}}}
}

// expression refers to one. It is a function, since a schema that stands in two places must not be one map.
func expression(description string) object {
	return object{"description": description, "$ref": "#/$defs/expression"}
}

func span(description string) object {
	return object{"description": description, "type": "string", "pattern": `^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$|^[0-9]+[dw]$`}
}

func (g *schemaMaker) ruleParts() object {
	steps := object{}
	for _, kind := range stepKinds() {
		steps[kind] = object{"$ref": "#/$defs/" + kind}
	}
	return object{
		"id":          object{"description": "The rule's name for ever: ids of commands are made of it.", "type": "string", "pattern": `^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`},
		"title":       object{"description": "One line for people.", "type": "string", "minLength": 1},
		"description": text("What the rule looks for and why, for whoever is woken up by it."),
		"severity":    choice("How bad it is when the rule fires.", schemas.Severities()...),
		"class":       someOf("The OCSF classes of events that the rule looks at; without, all.", object{"enum": g.o.Language.Types.ClassNames()}),
		"on":          choice("events, or outcomes of commands.", "events", "outcomes"),
		"when":        expression("The condition. What is absent in an event is nil, and comparisons with it are false."),
		"then": object{"description": "What to do; the steps are independent of each other.", "type": "array", "minItems": 1, "items": object{
			"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": false, "properties": steps,
		}},
		"accept":          choice("any: block and remediate act on events from untrusted sources, too.", "any"),
		"max_rate":        object{"description": "Firings a second, above which the rule is held back and one alert says so.", "type": "integer", "minimum": 1, "maximum": 1_000_000},
		"tests":           object{"description": "Run by: riposte rules test", "type": "array", "items": object{"$ref": "#/$defs/test"}},
		"correlate":       object{"$ref": "#/$defs/correlate"},
		"author":          text("Who answers for the rule."),
		"tags":            someOf("Such as attack.t1530.", object{"type": "string"}),
		"references":      someOf("Where to read more.", object{"type": "string"}),
		"status":          text("Such as stable or experimental."),
		"created":         text("A date, in quotes."),
		"modified":        text("A date, in quotes."),
		"false_positives": someOf("What else may look like it.", object{"type": "string"}),
	}
}

func (g *schemaMaker) alert() object {
	out := g.section("alert", alertKeys(), object{
		"to":       text("Name of a receiver; without, log."),
		"group_by": someOf("What alerts are grouped by; without, the resource.", expression("An expression.")),
		"name":     text("Name of the step, where a rule has two of a kind."),
		"with":     settingsSchema(g.o.AlertSettings),
		"mode":     choice("dry_run: this step is never carried out for real.", "dry_run"),
	})
	out["type"] = []string{"object", "null"}
	return out
}

// actions lists those for which named says yes, under the name that it gives them, and the settings of each, which depend on what key says.
func (g *schemaMaker) actions(key string, named func(*schemas.ActionSpec) (string, bool)) (names []string, each []any) {
	for i := range g.o.Actions {
		a := &g.o.Actions[i]
		name, ok := named(a)
		if !ok {
			continue
		}
		names = append(names, name)
		then := object{"properties": object{"with": settingsSchema(a.Settings)}}
		for _, s := range a.Settings {
			if s.Required {
				then["required"] = []string{"with"}
			}
		}
		each = append(each, object{"if": object{"required": []string{key}, "properties": object{key: object{"const": name}}}, "then": then})
	}
	return names, each
}

// invoke is a step that starts something.
func (g *schemaMaker) invoke() object {
	names, each := g.actions("to", func(a *schemas.ActionSpec) (string, bool) { return strings.CutPrefix(a.Name, InvokePrefix) })
	out := g.section("invoke", invokeKeys(), object{
		"to":       choice("What to invoke; riposte list actions tells more.", names...),
		"target":   expression("What it is about: a name or an ARN, or a list of them; without, the resource of the event."),
		"with":     object{"description": "Settings. A string may hold ${ expr }.", "type": "object"},
		"approval": approvals(),
		"mode":     choice("dry_run: this step is never carried out for real.", "dry_run"),
		"name":     text("Name of the step, where a rule has two of a kind."),
	})
	out["required"] = []string{"to"}
	if len(each) > 0 {
		out["allOf"] = each
	}
	return out
}

// response is a step of the block or remediate lane; the settings depend on the action.
func (g *schemaMaker) response(lane schemas.Lane) object {
	names, each := g.actions("action", func(a *schemas.ActionSpec) (string, bool) { return a.Name, a.Lane == lane })
	out := g.section(string(lane), responseKeys(), object{
		"action":   choice("What to do; riposte list actions tells more.", names...),
		"target":   expression("What to do it to: a name or an ARN, or a list of them."),
		"with":     object{"description": "Settings of the action. A string may hold ${ expr }.", "type": "object"},
		"for":      span("How long the effect lasts."),
		"approval": approvals(),
		"mode":     choice("dry_run: this step is never carried out for real.", "dry_run"),
		"name":     text("Name of the step, where a rule has two of a kind."),
	})
	out["required"] = []string{"action", "target"}
	if len(each) > 0 {
		out["allOf"] = each
	}
	return out
}

func approvals() object {
	return choice("required: a person is asked first; waived: nobody is, only because the effect cannot be taken back.", schemas.ApprovalRequired, schemas.ApprovalWaived)
}

func (g *schemaMaker) publish() object {
	out := g.section("publish", publishKeys(), object{
		"topic": object{"description": "A topic of yours; the event is copied to it.", "type": "string", "pattern": `^[A-Za-z0-9._-]{1,249}$`},
		"name":  text("Name of the step, where a rule has two of a kind."),
	})
	out["required"] = []string{"topic"}
	return out
}

// settingsSchema is a step's with. Any setting may be an expression, whose type is known only when it is evaluated.
func settingsSchema(settings []schemas.Setting) object {
	out := object{"description": "Settings. A string may hold ${ expr }.", "type": "object"}
	if settings == nil {
		return out
	}
	types := map[string]string{"string": "string", "int": "integer", "bool": "boolean", "duration": "string", "list": "array", "map": "object"}
	properties, required := object{}, []string{}
	for _, s := range settings {
		p := object{"description": s.Help, "anyOf": []any{object{"type": types[s.Type]}, object{"type": "string", "pattern": `\$\{`}}}
		if s.Type == "string" || s.Type == "duration" {
			p = text(s.Help)
		}
		if s.Default != "" {
			p["description"] = s.Help + " (default " + s.Default + ")"
		}
		properties[s.Name] = p
		if s.Required {
			required = append(required, s.Name)
		}
	}
	out["additionalProperties"], out["properties"] = false, properties
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}

func (g *schemaMaker) correlate() object {
	var types []string
	for _, t := range correlate.Types() {
		types = append(types, string(t))
	}
	parts := object{
		"type":           choice("What several events have to show.", types...),
		"rules":          someOf("Ids of the rules whose matches count; without, the events for which when holds.", object{"type": "string"}),
		"aliases":        object{"description": "Names of expressions of group_by that differ between the rules: alias, rule, expression.", "type": "object"},
		"group_by":       someOf("Events with the same values are one group; without, all are.", object{"type": "string"}),
		"value":          text("The expression whose values are compared."),
		"within":         span("Length of the window."),
		"lateness":       span("How much later than its time an event may arrive."),
		"learn":          span("new_value: how long a group must have been known before a value counts as new."),
		"speed_above":    object{"description": "impossible_travel: km/h.", "type": "number", "minimum": 0},
		"distance_above": object{"description": "impossible_travel: km.", "type": "number", "minimum": 0},
	}
	for _, key := range boundKeys() {
		parts[key] = object{"description": "Bound of the count or the sum.", "type": "number", "minimum": 0}
	}
	out := g.section("correlation", correlateKeys(), parts)
	out["description"] = "Makes the rule one over several events."
	out["required"] = []string{"type", "within"}
	return out
}
