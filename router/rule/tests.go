package rule

import (
	"path/filepath"

	"github.com/riposte-security/riposte/router/rule/yamltree"
)

// A Test is one test that a rule brings along: an input, and what the rule must say of it.
type Test struct {
	Name string
	// Event is an event as JSON; Record is a record of the format called Format with the settings Set; File holds one or several records of
	// that format, or events without one, its path being relative to the folder of the rule's file. One of the three is given.
	Event, Record []byte
	File          string
	Format        string
	Set           map[string]string
	// Match tells whether the rule must fire: of several events, on one at least.
	Match bool
	// Commands are the commands that must be among those decided; nil: not checked; empty: there must be none.
	Commands []Expected
	// Targets are the ids of the targets of all commands that block or remediate, in any order; nil: not checked.
	Targets []string
	// Line and Column say where the test stands in the rule's file.
	Line, Column int

	given given
	// Timeline is the input of a test of a correlation, where what happens when matters; nil: one of the three above. Without it, Match tells
	// of a correlation whether the event counts.
	Timeline *Timeline

	matchAt, targetsAt [2]int
}

// Expected is a part of a command: the fields that must be equal. What is not named may be anything.
type Expected struct {
	Fields       map[string]any // lane action step severity for approval mode accept, as strings
	Target       any            // the target's id, or a mapping of type, account, region, id
	With         map[string]any // settings that must be among the command's
	Line, Column int
}

func (d *decoder) tests(n *yamltree.Node) {
	list, ok := yamltree.Items(n)
	if !ok {
		d.fail(n, "tests must be a list, not %s", yamltree.Kind(n))
		return
	}
	names := map[string]bool{}
	for _, e := range list {
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

func (d *decoder) test(n *yamltree.Node) (Test, bool) {
	t := Test{}
	t.Line, t.Column = yamltree.Place(n)
	m, ok := d.mapping(n, "a test", testKeys()...)
	if !ok {
		return t, false
	}
	if v, ok := m["name"]; ok {
		t.Name, _ = d.text(v, "name")
	}
	if t.Name == "" {
		d.fail(n, "a test needs a name")
	}
	t.given = d.given(m)
	if v, ok := m["timeline"]; ok {
		d.timeline(v, m, &t)
	} else {
		d.testInput(n, m, &t)
		if v, ok := m["fires"]; ok {
			d.fail(v, "fires goes with timeline")
		}
	}
	if v, ok := m["match"]; ok {
		b, ok := d.value(v).(bool)
		if !ok {
			d.fail(v, "match must be true or false")
		}
		t.Match = b
		t.matchAt[0], t.matchAt[1] = yamltree.Place(v)
	} else if t.Timeline == nil || t.Timeline.Fires < 0 {
		d.fail(n, "a test needs match: true or false")
	}
	if v, ok := m["commands"]; ok {
		d.expectations(v, &t)
	}
	if v, ok := m["targets"]; ok {
		t.Targets = append([]string{}, d.texts(v, "targets")...)
		t.targetsAt[0], t.targetsAt[1] = yamltree.Place(v)
		if !t.Match && len(t.Targets) > 0 {
			d.fail(v, "a rule that does not match has no targets")
		}
	}
	return t, true
}

// testInput reads event, record or file, with format and set.
func (d *decoder) testInput(n *yamltree.Node, m map[string]*yamltree.Node, t *Test) {
	given := 0
	for _, key := range []string{"event", "record", "file"} {
		if _, ok := m[key]; ok {
			given++
		}
	}
	if given != 1 {
		d.fail(n, "a test needs one of event, record and file")
		return
	}
	format, hasFormat := m["format"]
	if hasFormat {
		t.Format, _ = d.text(format, "format")
	}
	set, hasSet := m["set"]
	if hasSet {
		t.Set = d.settings(set)
	}
	if event, ok := m["event"]; ok {
		if _, ok := yamltree.Pairs(event); !ok {
			d.fail(event, "event must be a mapping, not %s", yamltree.Kind(event))
		}
		if hasFormat {
			d.fail(format, "format goes with record and file, not with event")
		}
		if hasSet {
			d.fail(set, "set goes with record and file, not with event")
		}
		t.Event = d.json(event)
	}
	if record, ok := m["record"]; ok {
		if !hasFormat {
			d.fail(n, "a test with a record needs its format")
		}
		t.Record = d.record(record)
	}
	if file, ok := m["file"]; ok {
		d.testFile(file, t)
		if hasSet && !hasFormat {
			d.fail(set, "set goes with a format")
		}
	}
}

// testFile reads the name of a file. It must lie beside or below the rule's: a set of rules is whole when its folder is copied.
func (d *decoder) testFile(n *yamltree.Node, t *Test) {
	name, ok := d.text(n, "file")
	if ok && !filepath.IsLocal(name) {
		d.fail(n, "file %q: a path below the folder of this rule file is expected", name)
		return
	}
	t.File = name
}

// settings reads those of a format.
func (d *decoder) settings(n *yamltree.Node) map[string]string {
	values, ok := yamltree.Pairs(n)
	if !ok {
		d.fail(n, "set must be a mapping, not %s", yamltree.Kind(n))
	}
	out := map[string]string{}
	for _, p := range values {
		out[p.Key.Value], _ = d.text(p.Value, "a setting")
	}
	return out
}

// record gives a record's bytes: those of a string, or of the JSON that a mapping stands for.
func (d *decoder) record(n *yamltree.Node) []byte {
	if text, ok := yamltree.Text(n); ok {
		return []byte(text)
	}
	return d.json(n)
}

func (d *decoder) json(n *yamltree.Node) []byte {
	b, err := d.appendJSON(nil, n)
	if err != nil {
		d.fail(n, "cannot stand for JSON: %v", err)
	}
	return b
}

func (d *decoder) expectations(n *yamltree.Node, t *Test) {
	list, ok := yamltree.Items(n)
	if !ok {
		d.fail(n, "commands must be a list, not %s", yamltree.Kind(n))
		return
	}
	t.Commands = []Expected{}
	for _, e := range list {
		m, ok := d.mapping(e, "an expected command", commandKeys()...)
		if !ok {
			continue
		}
		x := Expected{Fields: map[string]any{}}
		x.Line, x.Column = yamltree.Place(e)
		for _, key := range commandTexts() {
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
				d.fail(v, "with must be a mapping, not %s", yamltree.Kind(v))
			}
		}
		t.Commands = append(t.Commands, x)
	}
	if !t.Match && len(t.Commands) > 0 {
		d.fail(n, "a rule that does not match gives no commands")
	}
}
