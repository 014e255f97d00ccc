package rule

import "github.com/goccy/go-yaml/ast"

// Documents parses YAML text as it is read in rules, with their limits, into the bodies of its documents. file is for the problems.
func Documents(file, text string) ([]ast.Node, Problems) {
	s := &source{file: file}
	return s.documents(text), s.problems
}

// Place is where a node begins: line and column, from 1, the column in characters; of a mapping, that of its first key.
func Place(n ast.Node) (line, column int) { return place(n) }

// KindOf names what a node is, for messages: "a mapping", "a list".
func KindOf(n ast.Node) string { return kindOf(n) }
