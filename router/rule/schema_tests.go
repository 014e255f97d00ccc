package rule

import "github.com/riposte-security/riposte/schemas"

// test is the schema of a test.
func (g *schemaMaker) test() object {
	out := g.section("test", testKeys(), object{
		"lists":    object{"description": "What the lists that the rule asks for hold: entries, or kind and entries.", "type": "object"},
		"geo":      object{"description": "What geo(ip) gives: addresses or networks, and the fields of each.", "type": "object"},
		"asn":      object{"description": "What asn(ip) gives: addresses or networks, and the fields of each.", "type": "object"},
		"name":     object{"description": "What the test shows.", "type": "string", "minLength": 1},
		"event":    object{"description": "An event; it need not be complete.", "type": "object"},
		"record":   object{"description": "A record of the format, as text or as the JSON that it is.", "type": []string{"string", "object", "array"}},
		"file":     text("A file below the folder of this rule, with one or several records; events, if no format is given."),
		"format":   text("Format of the record or the file; riposte list formats names them."),
		"set":      object{"description": "Settings of the format.", "type": "object", "additionalProperties": object{"type": "string"}},
		"match":    object{"description": "Whether the rule must fire: of several events, on one at least.", "type": "boolean"},
		"commands": object{"description": "Commands that must be among those that follow; [] for none.", "type": "array", "items": object{"$ref": "#/$defs/command"}},
		"targets":  object{"description": "Ids of the targets of all commands that block or remediate.", "type": []string{"string", "array"}, "items": object{"type": "string"}},
		"timeline": object{"description": "Of a correlation: what happens, and when.", "type": "array", "minItems": 1, "items": g.moment()},
		"fires":    object{"description": "How often the correlation must fire over the timeline.", "type": "integer", "minimum": 0},
	})
	out["required"] = []string{"name"}
	out["oneOf"] = []any{
		object{"required": []string{"event", "match"}}, object{"required": []string{"record", "format", "match"}},
		object{"required": []string{"file", "match"}},
		object{"required": []string{"timeline"}, "anyOf": []any{object{"required": []string{"match"}}, object{"required": []string{"fires"}}}},
	}
	return out
}

// moment is the schema of an entry of a timeline.
func (g *schemaMaker) moment() object {
	out := g.section("entry of timeline", momentKeys(), object{
		"at":     object{"description": "When it happens, from the beginning, as +30s or 2d.", "type": []string{"string", "integer"}},
		"late":   span("How much later than that it arrives."),
		"event":  object{"description": "An event; ${n} stands for the number of the repetition.", "type": "object"},
		"record": object{"description": "A record of the format; ${n} stands for the number of the repetition.", "type": []string{"string", "object", "array"}},
		"file":   text("A file below the folder of this rule; events, if no format is given."),
		"format": text("Format of the record or the file."),
		"set":    object{"description": "Settings of the format.", "type": "object", "additionalProperties": object{"type": "string"}},
		"repeat": object{"description": "How often it happens.", "type": "integer", "minimum": 1, "maximum": maxRepeat},
		"every":  span("The time between repetitions; a second if not given."),
	})
	out["required"] = []string{"at"}
	return out
}

func (g *schemaMaker) commandParts() object {
	return object{
		"lane":     choice("", lanes()...),
		"action":   text("Name of the action, or of the receiver."),
		"step":     text("Name of the step; without one, lane:action."),
		"severity": choice("", schemas.Severities()...),
		"for":      text("How long the effect lasts, as 4h0m0s or 4h."),
		"approval": choice("", schemas.ApprovalRequired, schemas.ApprovalWaived),
		"mode":     choice("", "dry_run"),
		"accept":   choice("", "any"),
		"target":   object{"description": "Id of the target, or some of type, account, region, id.", "type": []string{"string", "number", "object"}},
		"with":     object{"description": "Settings that must be among the command's, with ${ expr } evaluated.", "type": "object"},
	}
}
