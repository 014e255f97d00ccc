package iampolicy

import (
	"encoding/json"
	"slices"
	"strings"
)

// Public tells whether a statement of a resource's policy allows something to everybody: to the principal "*" (or to all but a few), and under no condition
// that ties it to accounts, organisations, networks or resources. A statement that cannot be read allows nothing.
func Public(statement json.RawMessage) bool {
	var s struct {
		Effect                  string
		Principal, NotPrincipal any
		Condition               map[string]map[string]any
	}
	if err := json.Unmarshal(statement, &s); err != nil || s.Effect != "Allow" {
		return false
	}
	if p, ok := s.Principal.(map[string]any); ok {
		s.Principal = p["AWS"]
	}
	if s.NotPrincipal == nil && !slices.Contains(texts(s.Principal), "*") {
		return false
	}
	for operator, keys := range s.Condition {
		for key, values := range keys {
			if ties(operator, key, texts(values)) {
				return false
			}
		}
	}
	return true
}

// ties tells whether a condition lets only some in, who are known.
func ties(operator, key string, values []string) bool {
	switch strings.ToLower(strings.TrimPrefix(operator, "ForAnyValue:")) { // with …IfExists, who does not say it gets in; ForAllValues holds for none as well
	case "stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike", "ipaddress":
	default:
		return false
	}
	switch strings.ToLower(key) {
	case "aws:principalaccount", "aws:principalarn", "aws:principalorgid", "aws:principalorgpaths", "aws:userid", "aws:username",
		"aws:sourceaccount", "aws:sourcearn", "aws:sourceowner", "aws:sourceorgid", "aws:sourceorgpaths",
		"aws:sourceip", "aws:vpcsourceip", "aws:sourcevpc", "aws:sourcevpce":
	default:
		return false
	}
	return len(values) > 0 && !slices.ContainsFunc(values, anything)
}

// anything tells whether a value of a condition fits everybody's: "*", an ARN with neither account nor name, a network of the whole internet.
func anything(value string) bool {
	if strings.HasSuffix(value, "/0") {
		return true
	}
	fields := strings.SplitN(value, ":", 6)
	if len(fields) == 6 && fields[0] == "arn" {
		fields = fields[4:] // account and name
	}
	return strings.Trim(strings.Join(fields, ""), "*?:/") == ""
}

// texts are the strings of what may be one or a list.
func texts(v any) (all []string) {
	switch v := v.(type) {
	case string:
		return []string{v}
	case []any:
		for _, e := range v {
			if s, ok := e.(string); ok {
				all = append(all, s)
			}
		}
	}
	return all
}
