package rule

import (
	"fmt"
	"sort"
	"strings"
)

// A Problem is something wrong in a rule file. Line and Column count from 1, the column in characters; 0 where the problem has no place.
type Problem struct {
	File    string `json:"file"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Message string `json:"message"`
	// Warning marks what is suspicious, but does not keep the rules from being loaded.
	Warning bool `json:"warning,omitempty"`
}

// String is file:line:column: message, as far as known; a warning says that it is one.
func (p Problem) String() string {
	if p.Warning {
		p.Message = "warning: " + p.Message
	}
	if p.Line == 0 {
		return fmt.Sprintf("%s: %s", p.File, p.Message)
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.Message)
}

// Problems are all the problems of a rule set, by file and place. It is the error that Load and Parse return.
type Problems []Problem

// Error lists the problems, one a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, x := range p {
		lines[i] = x.String()
	}
	return strings.Join(lines, "\n")
}

// err is p as an error, in order; nil if there is none.
func (p Problems) err() error {
	if len(p) == 0 {
		return nil
	}
	p.Sort()
	return p
}

// Sort puts problems in the order of files and places.
func (p Problems) Sort() {
	sort.SliceStable(p, func(i, j int) bool {
		a, b := p[i], p[j]
		switch {
		case a.File != b.File:
			return a.File < b.File
		case a.Line != b.Line:
			return a.Line < b.Line
		}
		return a.Column < b.Column
	})
}
