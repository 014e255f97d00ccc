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
	kind kind
	expr string // of kFree the object in which path leads to the value
	path string
	only string // the condition under which the value here is the field's
	odd  bool   // only what is no usual text stands here: numbers, booleans, empty texts, null
}

func text(expr string) place       { return place{kind: kText, expr: expr} }
func free(expr, path string) place { return place{kind: kFree, expr: expr, path: path} }

// integer is a place of kInteger.
func integer(expr string) place { return place{kind: kInteger, expr: expr} }

// but makes a place hold only where another path has nothing, and when only under a condition.
func (p place) but(path string) place       { return p.when(path + " == nil") }
func (p place) when(condition string) place { p.only = condition; return p }

// left is where values stand that a format had no use for.
func left(path string) place { return place{kind: kFree, expr: "unmapped", path: path} }

// column is a text that stands under unmapped by one name.
func column(name string) place { return text("unmapped" + member(name)) }

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
	// spans are expressions that join what stands beside each other in a line, for keywords that go across.
	spans []string
	// dashed tells that the logs write a dash where there is no value. Formats take that for what it is, and so does a rule that asks for a dash.
	dashed bool
	// each is the list of which one element has to fulfil the whole condition; fields are then those of the element.
	each string
}

// sourceOf finds the source for a log source.
func sourceOf(l logsource) (source, bool) {
	switch {
	case l.product == "aws" && l.category == "" && (l.service == "cloudtrail" || l.service == ""):
		return cloudtrail(), true
	case l.product == "aws" && (l.service == "vpcflow" || l.service == "vpcflowlogs" || l.service == "flowlogs"):
		return flowLog(), true
	case l.product == "kubernetes" && (l.service == "audit" || l.service == "" || l.category == "audit"):
		return kubernetes(), true
	case l.product == "linux":
		return linuxSource(l)
	case l.product == "windows", l.product == "macos", l.product == "zeek":
		return source{}, false
	case l.category == "webserver", l.category == "proxy":
		return web(), true
	case l.category == "dns", l.category == "network" && l.service == "dns":
		return dns(), true
	case l.category == "firewall" && (l.service == "" || l.product == ""), l.category == "network" && (l.service == "" || l.service == "connection" || l.service == "flow"):
		return firewall(), true
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
