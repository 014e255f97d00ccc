package ocsf

import (
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// maxProblems bounds what one error lists.
const maxProblems = 20

// A Problem is one thing that is wrong with an event.
type Problem struct {
	Pointer string // JSON pointer (RFC 6901) to the value; "" is the event itself
	Reason  string
}

// An InvalidError lists what is wrong with an event, ordered by pointer.
type InvalidError struct {
	Problems []Problem
	More     int // how many further problems are not listed
}

// Error names each problem with its pointer.
func (e *InvalidError) Error() string {
	var b strings.Builder
	b.WriteString("not a valid OCSF event: ")
	for i, p := range e.Problems {
		if i > 0 {
			b.WriteString("; ")
		}
		if p.Pointer != "" {
			b.WriteString(p.Pointer + ": ")
		}
		b.WriteString(p.Reason)
	}
	if e.More > 0 {
		fmt.Fprintf(&b, "; and %d more", e.More)
	}
	return b.String()
}

// problems turns the library's tree of errors into a list in the words of OCSF.
func (v *Validator) problems(c *Class, root *jsonschema.ValidationError) []Problem {
	var out []Problem
	printer := message.NewPrinter(language.English)
	var walk func(e *jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		at := pointer(e.InstanceLocation)
		switch k := e.ErrorKind.(type) {
		case *kind.AdditionalProperties:
			for _, name := range k.Properties {
				out = append(out, Problem{at + pointer([]string{name}), v.unknown(c, e.InstanceLocation, name)})
			}
		case *kind.Required:
			for _, name := range k.Missing {
				out = append(out, Problem{at + pointer([]string{name}), "is required"})
			}
		case *kind.AnyOf:
			out = append(out, Problem{at, "needs at least one of " + strings.Join(missing(e), ", ")})
		case *kind.OneOf:
			if len(k.Subschemas) == 0 {
				out = append(out, Problem{at, "needs one of " + strings.Join(missing(e), ", ")})
				break
			}
			out = append(out, Problem{at, "has several attributes that exclude each other"})
		case *kind.Pattern:
			out = append(out, Problem{at, fmt.Sprintf("%q has not the form that its type asks for", k.Got)})
		default:
			if len(e.Causes) == 0 {
				out = append(out, Problem{at, k.LocalizedString(printer)})
			}
			for _, cause := range e.Causes {
				walk(cause)
			}
		}
	}
	walk(root)
	return out
}

// unknown says why an attribute was refused.
func (v *Validator) unknown(c *Class, parent []string, name string) string {
	if len(parent) > 0 {
		return "is no attribute of this object"
	}
	if a, ok := c.Attrs[name]; ok {
		return fmt.Sprintf("belongs to profile %s, which metadata.profiles does not list", strings.Join(a.Profiles, " or "))
	}
	return "is no attribute of class " + c.Name
}

// missing lists the attributes that an at-least-one constraint asked for.
func missing(e *jsonschema.ValidationError) []string {
	var out []string
	for _, cause := range e.Causes {
		if r, ok := cause.ErrorKind.(*kind.Required); ok {
			out = append(out, r.Missing...)
		}
		out = append(out, missing(cause)...)
	}
	return out
}

// pointer is a JSON pointer as in RFC 6901.
func pointer(tokens []string) string {
	var b strings.Builder
	for _, t := range tokens {
		b.WriteByte('/')
		b.WriteString(strings.ReplaceAll(strings.ReplaceAll(t, "~", "~0"), "/", "~1"))
	}
	return b.String()
}

// invalid makes an error of problems, or nil of none.
func invalid(problems []Problem) error {
	if len(problems) == 0 {
		return nil
	}
	slices.SortStableFunc(problems, func(a, b Problem) int { return strings.Compare(a.Pointer, b.Pointer) })
	e := &InvalidError{Problems: problems}
	if len(problems) > maxProblems {
		e.Problems, e.More = problems[:maxProblems], len(problems)-maxProblems
	}
	return e
}
