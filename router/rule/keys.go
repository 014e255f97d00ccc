package rule

import "github.com/riposte-security/riposte/schemas"

// What a rule may say: the decoder refuses every other key, and the JSON Schema for editors (schema.go) is made of the same lists.

func ruleKeys() []string {
	return []string{
		"id", "title", "description", "severity", "class", "on", "when", "then", "accept", "max_rate", "tests", "correlate",
		"author", "tags", "references", "status", "created", "modified", "false_positives",
	}
}

func requiredKeys() []string { return []string{"id", "title", "severity", "when", "then"} }

func stepKinds() []string { return []string{"alert", "block", "remediate", "publish", "invoke"} }

func alertKeys() []string { return []string{"to", "group_by", "name", "with", "mode"} }

func responseKeys() []string {
	return []string{"action", "target", "with", "for", "approval", "mode", "name"}
}

func invokeKeys() []string { return []string{"to", "target", "with", "approval", "mode", "name"} }

func publishKeys() []string { return []string{"topic", "name"} }

func testKeys() []string {
	return append(givenKeys(), "name", "event", "record", "file", "format", "set", "match", "commands", "targets", "timeline", "fires")
}

// commandTexts are the keys of an expected command that are strings.
func commandTexts() []string {
	return []string{"lane", "action", "step", "severity", "for", "approval", "mode", "accept"}
}

func commandKeys() []string { return append([]string{"target", "with"}, commandTexts()...) }

func lanes() []string {
	var out []string
	for _, l := range schemas.Lanes() {
		out = append(out, string(l))
	}
	return out
}
