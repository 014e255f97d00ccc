package sigma

import (
	"strings"
)

// A logsource says which events a Sigma rule is about.
type logsource struct{ category, product, service string }

func (l logsource) String() string {
	var parts []string
	for _, p := range [][2]string{{"product", l.product}, {"category", l.category}, {"service", l.service}} {
		if p[1] != "" {
			parts = append(parts, p[0]+" "+p[1])
		}
	}
	return strings.Join(parts, ", ")
}

// A kind says how a value stands in the event.
type kind int

const (
	// kText is a path to a string, or to nothing.
	kText kind = iota
	// kInteger is a path to an integer, or to nothing.
	kInteger
	// kFree is anything below a path: a text, a number, a boolean, a list, an object, also through lists.
	kFree
)

// A place is where the value of a field can stand.
type place struct {
	kind   kind
	expr   string // of kFree the object in which path leads to the value
	path   string
	unless string // the value here is another field's if this is there
	odd    bool   // only what is no usual text stands here: numbers, booleans, empty texts, null
}

func text(expr string) place       { return place{kind: kText, expr: expr} }
func free(expr, path string) place { return place{kind: kFree, expr: expr, path: path} }

func (p place) but(path string) place { p.unless = path; return p }

// left is where values stand that a format had no use for.
func left(path string) place { return place{kind: kFree, expr: "unmapped", path: path} }

func leftOdd(path string) place { return place{kind: kFree, expr: "unmapped", path: path, odd: true} }

// A source knows where the values of a log source's records stand in events.
type source struct {
	// guard are the conditions for an event to be one of the log source.
	guard []string
	class []string
	// field gives the places of a field: of one record, the value stands in one of them. No place means that the log source has no such field.
	field func(name string) ([]place, error)
	// words are the expressions whose texts are those of the record, for keywords.
	words []string
	// each is the list of which one element has to fulfil the whole condition; fields are then those of the element.
	each string
}

// sourceOf finds the source for a log source.
func sourceOf(l logsource) (source, bool) {
	switch {
	case l.product == "aws" && (l.service == "cloudtrail" || l.service == "" && l.category == ""):
		return cloudtrail(), true
	}
	return source{}, false
}

// mapped is the places of a field by a table; what is not in it falls through. A field that the table has parts of stands in all of them.
func mapped(table map[string][]place, name string, rest func(string) []place) []place {
	if places, ok := table[name]; ok {
		return places
	}
	var out []place
	for _, key := range sortedKeys(table) {
		if strings.HasPrefix(key, name+".") {
			out = append(out, table[key]...)
		}
	}
	return append(out, rest(name)...)
}

// movedTo lists the paths of a table's texts.
func movedTo(table map[string][]place) []string {
	paths := map[string]bool{}
	for _, places := range table {
		for _, p := range places {
			if p.kind == kText {
				paths[p.expr] = true
			}
		}
	}
	return sortedKeys(paths)
}
