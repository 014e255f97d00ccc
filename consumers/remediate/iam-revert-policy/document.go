package iamrevertpolicy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// A document is an IAM policy document, as far as it matters here. encoding/json takes the names of elements in any case, as IAM does.
type document struct {
	Statement oneOrMany[statement]
}

type statement struct {
	Effect      string
	Action      oneOrMany[string]
	NotAction   oneOrMany[string]
	Resource    oneOrMany[string]
	NotResource oneOrMany[string]
	Condition   map[string]any
}

// oneOrMany is a value that IAM lets stand alone or in a list.
type oneOrMany[T any] []T

// UnmarshalJSON reads one value, or a list.
func (o *oneOrMany[T]) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '[' {
		return json.Unmarshal(b, (*[]T)(o))
	}
	var one T
	if err := json.Unmarshal(b, &one); err != nil {
		return err
	}
	*o = oneOrMany[T]{one}
	return nil
}

// grantsAll tells whether a policy document allows every action on every resource (*:*), or so nearly all that its holder can allow himself
// the rest. A condition is no excuse: one that always holds is easily written. A Deny without condition on everything takes it all back.
func grantsAll(doc []byte) (bool, error) {
	var d document
	if err := json.Unmarshal(doc, &d); err != nil {
		return false, fmt.Errorf("policy document: %w", err)
	}
	all := false
	for _, s := range d.Statement {
		switch {
		case strings.EqualFold(s.Effect, "Allow") && s.everyAction() && s.everyResource():
			all = true
		case strings.EqualFold(s.Effect, "Deny") && len(s.Condition) == 0 && slices.ContainsFunc(s.Action, everyActionPattern) && slices.ContainsFunc(s.Resource, everyResourcePattern):
			return false, nil
		}
	}
	return all, nil
}

// everyAction: named so, or by excepting some. An exception takes nothing of weight away unless it covers IAM, by which the rest can be had.
func (s statement) everyAction() bool {
	if len(s.NotAction) > 0 {
		return !slices.ContainsFunc(s.NotAction, func(p string) bool { return everyActionPattern(p) || strings.EqualFold(p, "iam:*") })
	}
	return slices.ContainsFunc(s.Action, everyActionPattern)
}

func (s statement) everyResource() bool {
	if len(s.NotResource) > 0 {
		return !slices.ContainsFunc(s.NotResource, everyResourcePattern)
	}
	return slices.ContainsFunc(s.Resource, everyResourcePattern)
}

// everyActionPattern tells whether a pattern fits every action: *, *:*, **, ?*:*.
func everyActionPattern(p string) bool {
	for part := range strings.SplitSeq(p, ":") {
		if !stars(part) {
			return false
		}
	}
	return strings.Count(p, ":") <= 1
}

// everyResourcePattern tells whether a pattern fits every resource: *, or an ARN of which only the partition is given (arn:aws:*).
func everyResourcePattern(p string) bool {
	parts := strings.SplitN(p, ":", 6)
	for i, part := range parts {
		fixed := i == 0 && strings.EqualFold(part, "arn") || i == 1 && strings.HasPrefix(part, "aws")
		if !fixed && !stars(part) {
			return false
		}
	}
	return stars(parts[len(parts)-1]) // something open at the end
}

// stars tells whether a pattern fits any text but, perhaps, the shortest: stars, with question marks among them.
func stars(p string) bool { return strings.Contains(p, "*") && strings.Trim(p, "*?") == "" }
