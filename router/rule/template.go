package rule

import (
	"strings"

	"github.com/riposte-security/riposte/router/rule/predicate"
	"github.com/riposte-security/riposte/router/rule/yamltree"
)

// A template is a value of `with`: a constant, or something that holds ${ expr }.
type template struct {
	constant any
	parts    []part               // of a string
	list     []*template          // of a list
	fields   map[string]*template // of a mapping
}

// part is a piece of a string: a text, or an expression.
type part struct {
	text  string
	value *predicate.Program
}

// fixed tells whether the template is the same for every event.
func (t *template) fixed() bool { return t.parts == nil && t.list == nil && t.fields == nil }

// expand evaluates the template on a decoded event.
func (t *template) expand(event map[string]any) (any, error) {
	switch {
	case t.list != nil:
		out := make([]any, len(t.list))
		for i, e := range t.list {
			v, err := e.expand(event)
			if err != nil {
				return nil, err
			}
			out[i] = v
		}
		return out, nil
	case t.fields != nil:
		out := make(map[string]any, len(t.fields))
		for k, e := range t.fields {
			v, err := e.expand(event)
			if err != nil {
				return nil, err
			}
			out[k] = v
		}
		return out, nil
	case t.parts == nil:
		return t.constant, nil
	case len(t.parts) == 1 && t.parts[0].value != nil: // only an expression: it keeps its type
		return t.parts[0].value.Eval(event)
	}
	var b strings.Builder
	for _, p := range t.parts {
		if p.value == nil {
			b.WriteString(p.text)
			continue
		}
		v, err := p.value.Eval(event)
		if err != nil {
			return nil, err
		}
		b.WriteString(predicate.Text(v))
	}
	return b.String(), nil
}

// template reads a value of `with`.
func (d *decoder) template(n *yamltree.Node) *template {
	if text, ok := yamltree.Text(n); ok {
		return d.interpolated(n, text)
	}
	fixed := true
	if items, ok := yamltree.Items(n); ok {
		t := &template{list: make([]*template, len(items))}
		for i, e := range items {
			t.list[i] = d.template(e)
			fixed = fixed && t.list[i].fixed()
		}
		return d.folded(t, fixed)
	}
	if pairs, ok := yamltree.Pairs(n); ok {
		t := &template{fields: make(map[string]*template, len(pairs))}
		for _, v := range pairs {
			e := d.template(v.Value)
			t.fields[v.Key.Value] = e
			fixed = fixed && e.fixed()
		}
		return d.folded(t, fixed)
	}
	return &template{constant: d.value(n)}
}

// folded turns a list or mapping without expressions into its value.
func (d *decoder) folded(t *template, fixed bool) *template {
	if !fixed {
		return t
	}
	v, err := t.expand(nil)
	if err != nil { // cannot be: nothing is evaluated
		d.failAt(0, 0, "%v", err)
	}
	return &template{constant: v}
}

// interpolated splits a string at its ${ expr }; $${ stands for ${ itself.
func (d *decoder) interpolated(n *yamltree.Node, text string) *template {
	runes := []rune(text)
	var parts []part
	var plain strings.Builder
	flush := func() {
		if plain.Len() > 0 {
			parts = append(parts, part{text: plain.String()})
			plain.Reset()
		}
	}
	found := false
	for i := 0; i < len(runes); i++ {
		switch rest := runes[i:]; {
		case starts(rest, "$${"):
			plain.WriteString("${")
			i += 2
		case starts(rest, "${"):
			end := closing(rest)
			if end < 0 {
				line, column := d.at(n, i)
				d.failAt(line, column, "${ without its }")
				return &template{parts: []part{{text: text}, {}}}
			}
			flush()
			found = true
			p := d.compile(n, string(rest[2:end]), i+2, predicate.WantAny)
			parts = append(parts, part{value: p})
			i += end
		default:
			plain.WriteRune(runes[i])
		}
	}
	if !found {
		return &template{constant: plain.String()}
	}
	flush()
	return &template{parts: parts}
}

func starts(r []rune, s string) bool { return len(r) >= len(s) && string(r[:len(s)]) == s }

// closing finds the } that ends the ${ at the beginning of r, past strings and inner braces of the expression; -1 if there is none.
func closing(r []rune) int {
	depth := 0
	var quote rune
	for i := 2; i < len(r); i++ {
		switch c := r[i]; {
		case quote != 0:
			if c == '\\' && quote != '`' {
				i++
			} else if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'' || c == '`':
			quote = c
		case c == '{':
			depth++
		case c == '}':
			if depth == 0 {
				return i
			}
			depth--
		}
	}
	return -1
}
