package rule

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/riposte-security/riposte/router/rule/predicate"
)

// A TestResult is how one test of a rule went.
type TestResult struct {
	Rule    string  `json:"rule"`
	Name    string  `json:"name"`
	Match   bool    `json:"match"` // what the test expects of the rule
	File    string  `json:"file"`
	Line    int     `json:"line"` // of what was not as expected, else of the test
	Column  int     `json:"column"`
	Seconds float64 `json:"seconds"`
	// Failures say what was not as expected; empty: passed.
	Failures []string `json:"failures,omitempty"`
	// Parts are the values of the parts of the predicate, where the rule fired or did not against expectation.
	Parts []Part `json:"parts,omitempty"`
}

// Passed tells whether everything was as expected.
func (t TestResult) Passed() bool { return len(t.Failures) == 0 }

// String is a line for a test that passed, and several for one that failed, the first of which begins with file:line:column.
func (t TestResult) String() string {
	if t.Passed() {
		return fmt.Sprintf("ok   %s: %s", t.Rule, t.Name)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: %s", t.File, t.Line, t.Column, t.Reason())
	return b.String()
}

// Reason is String without the place.
func (t TestResult) Reason() string {
	var b strings.Builder
	fmt.Fprintf(&b, "rule %s, test %q: %s", t.Rule, t.Name, strings.Join(t.Failures, "\n    "))
	for _, line := range Table(t.Parts) {
		b.WriteString("\n    " + line)
	}
	return b.String()
}

// A Part is the value of a part of a rule's predicate on an event, with its place in the rule's file; Line is 0 for what stands nowhere.
type Part struct {
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Text   string `json:"text"`
	Value  any    `json:"value"`
	// Operand tells that the part is only an operand of the next condition, and no condition itself.
	Operand bool `json:"operand,omitempty"`
}

// lay adds the parts of a tree in the order in which they were evaluated, each once: the conditions, and before each its operands.
func (r *Rule) lay(out []Part, tree []predicate.Part) []Part {
	for i := range tree {
		out = r.layOne(out, &tree[i], false)
	}
	return out
}

func (r *Rule) layOne(out []Part, p *predicate.Part, operand bool) []Part {
	for i := range p.Of {
		out = r.layOne(out, &p.Of[i], operand || p.Op == "")
	}
	if p.Op != "" {
		return out
	}
	line, column := r.WhenAt(p.Offset)
	return append(out, Part{Line: line, Column: column, Text: p.Text, Value: p.Value, Operand: operand})
}

// Table aligns parts for people, a line each: place, text, value. Operands are indented below what they belong to, and told once.
func Table(parts []Part) []string {
	const widest = 72 // longer texts do not push the values of the others away
	type row struct{ place, text, value string }
	var rows []row
	known := map[row]bool{}
	place, text := 0, 0
	for _, p := range parts {
		x := row{text: clip(p.Text), value: show(p.Value)}
		if p.Line > 0 {
			x.place = fmt.Sprintf("%d:%d", p.Line, p.Column)
		}
		if p.Operand {
			x.text = "  " + x.text
			same := row{text: x.text, value: x.value}
			if known[same] {
				continue
			}
			known[same] = true
		}
		rows = append(rows, x)
		place = max(place, len(x.place))
		if n := utf8.RuneCountInString(x.text); n <= widest {
			text = max(text, n)
		}
	}
	lines := make([]string, len(rows))
	for i, x := range rows {
		pad := max(0, text-utf8.RuneCountInString(x.text))
		lines[i] = fmt.Sprintf("%-*s  %s%s  ->  %s", place, x.place, x.text, strings.Repeat(" ", pad), x.value)
	}
	return lines
}
