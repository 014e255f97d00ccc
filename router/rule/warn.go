package rule

import "github.com/riposte-security/riposte/router/rule/predicate"

// Warnings says what is suspicious about rules that were loaded: conditions that are the same for every event, exclude each other, or ask for
// values that OCSF does not have. l is the language that they were loaded with, or a new one.
func Warnings(l *predicate.Language, rules []*Rule) Problems {
	var out Problems
	for _, r := range rules {
		if r.whenAt == nil {
			continue // it has no predicate of its own
		}
		for _, e := range l.Lint(r.When, r.Classes) {
			out = append(out, r.Warn(e.Offset, e.Message))
		}
	}
	out.Sort()
	return out
}

// Warn is a warning about the part of the rule's predicate at an offset, in characters.
func (r *Rule) Warn(offset int, message string) Problem {
	line, column := r.WhenAt(offset)
	return Problem{File: r.File, Line: line, Column: column, Message: message, Warning: true}
}
