package rule

import (
	"encoding/json"

	"github.com/goccy/go-yaml/ast"

	"github.com/riposte-security/riposte/schemas"
)

// A Test is one test that a rule brings along: an input, and what the rule must say of it.
type Test struct {
	Name string
	// Event is an event as JSON; Record is a record of the format called Format with the settings Set. One of the two is given.
	Event, Record []byte
	Format        string
	Set           map[string]string
	Match         bool
	// Commands are the commands that must be among those decided; nil: not checked; empty: there must be none.
	Commands []Expected
	// Line and Column say where the test stands in the rule's file.
	Line, Column int

	matchAt [2]int
}

// Expected is a part of a command: the fields that must be equal. What is not named may be anything.
type Expected struct {
	Fields       map[string]any // lane action step severity for approval mode accept, as strings
	Target       any            // the target's id, or a mapping of type, account, region, id
	With         map[string]any // settings that must be among the command's
	Line, Column int
}

func (d *decoder) tests(n ast.Node) {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		d.fail(n, "tests must be a list, not %s", kindOf(n))
		return
	}
	names := map[string]bool{}
	for _, e := range list.Values {
		t, ok := d.test(e)
		if !ok {
			continue
		}
		if names[t.Name] {
			d.fail(e, "two tests of this rule are called %q", t.Name)
		}
		names[t.Name] = true
		d.current.Tests = append(d.current.Tests, t)
	}
}

func (d *decoder) test(n ast.Node) (Test, bool) {
	t := Test{}
	t.Line, t.Column = place(n)
	m, ok := d.mapping(n, "a test", "name", "event", "record", "format", "set", "match", "commands")
	if !ok {
		return t, false
	}
	if v, ok := m["name"]; ok {
		t.Name, _ = d.text(v, "name")
	}
	if t.Name == "" {
		d.fail(n, "a test needs a name")
	}
	d.testInput(n, m, &t)
	if v, ok := m["match"]; ok {
		b, ok := d.value(v).(bool)
		if !ok {
			d.fail(v, "match must be true or false")
		}
		t.Match = b
		t.matchAt[0], t.matchAt[1] = place(v)
	} else {
		d.fail(n, "a test needs match: true or false")
	}
	if v, ok := m["commands"]; ok {
		d.expectations(v, &t)
	}
	return t, true
}

// testInput reads event, or record with format and set.
func (d *decoder) testInput(n ast.Node, m map[string]ast.Node, t *Test) {
	event, hasEvent := m["event"]
	record, hasRecord := m["record"]
	format, hasFormat := m["format"]
	switch {
	case hasEvent == hasRecord:
		d.fail(n, "a test needs either event or record")
	case hasEvent:
		if _, ok := pairs(event); !ok {
			d.fail(event, "event must be a mapping, not %s", kindOf(event))
			return
		}
		t.Event = d.json(event)
	case !hasFormat:
		d.fail(n, "a test with a record needs its format")
	default:
		t.Format, _ = d.text(format, "format")
		t.Record = d.record(record)
	}
	if hasEvent && hasFormat {
		d.fail(format, "format goes with record, not with event")
	}
	if v, ok := m["set"]; ok && hasEvent {
		d.fail(v, "set goes with record, not with event")
	}
	if v, ok := m["set"]; ok {
		t.Set = map[string]string{}
		values, ok := pairs(v)
		if !ok {
			d.fail(v, "set must be a mapping, not %s", kindOf(v))
		}
		for _, p := range values {
			t.Set[p.Key.GetToken().Value], _ = d.text(p.Value, "a setting")
		}
	}
}

// record gives a record's bytes: those of a string, or of the JSON that a mapping stands for.
func (d *decoder) record(n ast.Node) []byte {
	switch n.(type) {
	case *ast.StringNode, *ast.LiteralNode:
		text, _ := d.text(n, "record")
		return []byte(text)
	}
	return d.json(n)
}

func (d *decoder) json(n ast.Node) []byte {
	b, err := json.Marshal(d.value(n))
	if err != nil {
		d.fail(n, "cannot stand for JSON: %v", err)
	}
	return b
}

func (d *decoder) expectations(n ast.Node, t *Test) {
	list, ok := n.(*ast.SequenceNode)
	if !ok {
		d.fail(n, "commands must be a list, not %s", kindOf(n))
		return
	}
	t.Commands = []Expected{}
	texts := []string{"lane", "action", "step", "severity", "for", "approval", "mode", "accept"}
	for _, e := range list.Values {
		m, ok := d.mapping(e, "an expected command", append([]string{"target", "with"}, texts...)...)
		if !ok {
			continue
		}
		x := Expected{Fields: map[string]any{}}
		x.Line, x.Column = place(e)
		for _, key := range texts {
			if v, ok := m[key]; ok {
				x.Fields[key], _ = d.text(v, key)
			}
		}
		if v, ok := m["lane"]; ok {
			d.oneOf(v, "lane", lanes()...)
		}
		if v, ok := m["target"]; ok {
			x.Target = d.value(v)
		}
		if v, ok := m["with"]; ok {
			if x.With, ok = d.value(v).(map[string]any); !ok {
				d.fail(v, "with must be a mapping, not %s", kindOf(v))
			}
		}
		t.Commands = append(t.Commands, x)
	}
	if !t.Match && len(t.Commands) > 0 {
		d.fail(n, "a rule that does not match gives no commands")
	}
}

func lanes() []string {
	var out []string
	for _, l := range schemas.Lanes() {
		out = append(out, string(l))
	}
	return out
}
