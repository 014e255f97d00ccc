package rule_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/router/engine"
	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/schemas"
)

// lines is a stand-in for the formats: "word" is an event with the message word, "two" gives two events, "bad" cannot be read.
func lines(format string, settings map[string]string, record []byte) ([]schemas.Event, error) {
	if format != "lines" {
		return nil, errors.New("no such format")
	}
	if string(record) == "bad" {
		return nil, errors.New("offset 0: bad")
	}
	var out []schemas.Event
	for word := range strings.FieldsSeq(string(record)) {
		text := `{"class_uid": 0, "metadata": {"uid": "` + word + `"}, "message": "` + settings["prefix"] + word + `"}`
		ev, err := schemas.ReadEvent([]byte(text), schemas.Envelope{})
		if err != nil {
			return nil, err
		}
		out = append(out, ev)
	}
	return out, nil
}

// linesFile knows one file.
func linesFile(path, format string, settings map[string]string) ([]schemas.Event, error) {
	if path != "data/two.txt" {
		return nil, errors.New(path + ": no such file")
	}
	return lines(format, settings, []byte("fire water x-fire"))
}

func TestRunTests(t *testing.T) {
	t.Parallel()
	const text = `id: r
title: t
severity: low
class: base_event
when: message == "fire" or message == "x-fire"
then:
  - alert: { group_by: message, with: { a: 1, b: { c: 2, d: 3 } } }
  - block: { action: ipset, target: message, for: 90m, with: { set: s } }
  - remediate: { action: encrypt, target: unmapped.none }
tests:
`
	for _, c := range []struct{ test, want string }{
		{`{ name: a, format: lines, record: fire, match: true }`, ""},
		{`{ name: a, format: lines, record: water fire, match: true }`, ""},
		{`{ name: a, format: lines, record: water, match: false }`, ""},
		{`{ name: a, format: lines, record: fire, set: { prefix: x- }, match: true, commands: [ { target: x-fire } ] }`, ""},
		{`{ name: a, event: { class_uid: 0, message: fire }, match: true, commands: [] }`, "no command expected, got"},
		{`{ name: a, event: { message: fire }, match: false, commands: [] }`, ""}, // no class_uid: it stands under unmapped
		{
			`{ name: a, format: lines, record: fire, match: true, commands: [ { lane: block, action: ipset, step: "block:ipset", severity: low, for: 1h30m, target: { type: ip }, with: { set: s } }, { lane: alert, with: { b: { c: 2 } } } ] }`, "",
		},
		{`{ name: a, format: lines, record: water, match: true }`, "match: true expected, got false\n    5:7     message            ->  \"water\"\n    5:7   message == \"fire\"    ->  false\n    5:28  message == \"x-fire\"  ->  false"},
		{`{ name: a, format: lines, record: fire, match: false }`, `match: false expected, got true`},
		{`{ name: a, event: { class_uid: 6003, message: fire }, match: true }`, "class_uid (the rule looks at base_event only)  ->  6003"},
		{`{ name: a, format: lines, record: fire, match: true, commands: [ { target: other } ] }`, `command {"target":"other"} expected, got {"action":"log"`},
		{`{ name: a, format: lines, record: fire, match: true, commands: [ { lane: alert }, { lane: alert } ] }`, `command {"lane":"alert"} expected`},
		{`{ name: a, format: lines, record: fire, match: true, commands: [ { with: { a: 2 } } ] }`, `command {"with":{"a":2}} expected`},
		{`{ name: a, format: lines, record: fire, match: true, commands: [ { lane: remediate } ] }`, `a dead letter of step remediate:encrypt: no target`},
		{`{ name: a, file: data/two.txt, format: lines, match: true, targets: [ fire, x-fire ] }`, ""},
		{`{ name: a, file: data/two.txt, format: lines, match: true, targets: [ fire ] }`, `targets ["fire"] expected, got ["fire","x-fire"]`},
		{`{ name: a, file: data/two.txt, format: lines, match: true, targets: [] }`, `targets [] expected, got ["fire","x-fire"]`},
		{`{ name: a, file: data/two.txt, match: true }`, `no such format`}, // none is given
		{`{ name: a, file: none.txt, format: lines, match: true }`, `none.txt`},
		{`{ name: a, format: lines, record: a b water, match: true }`, "event 2 of 3         ->  \"b\"\n"},
		{`{ name: a, format: lines, record: fire, match: true, commands: [ { lane: block, with: { set: s } } ], targets: [ fire ] }`, ""},
		{`{ name: a, format: lines, record: bad, match: true }`, `the record is no lines record: offset 0: bad`},
		{`{ name: a, format: lines, record: "", match: false }`, `the record gives no event`},
		{`{ name: a, format: nope, record: x, match: false }`, `no such format`},
		{`{ name: a, event: { class_uid: x }, match: false }`, `event: `},
	} {
		rules, err := rule.Parse(options(), "r.yaml", []byte(text+"  - "+c.test+"\n"))
		if err != nil {
			t.Errorf("%s: %v", c.test, err)
			continue
		}
		results := rule.Runner{Decider: engine.New(rules, zerolog.Nop()), Record: lines, File: linesFile}.Run(rules)
		if len(results) != 1 {
			t.Fatalf("%d results", len(results))
		}
		r := results[0]
		switch {
		case c.want == "" && !r.Passed():
			t.Errorf("%s\n  failed: %s", c.test, r)
		case c.want != "" && (r.Passed() || !strings.Contains(r.String(), c.want) || !strings.HasPrefix(r.String(), "r.yaml:11:")):
			t.Errorf("%s\n  gives %s\n  want  %s", c.test, r, c.want)
		}
	}
}

// TestShippedRulesLoad holds the rules that ship to stand-ins of the actions; that their tests pass with the real formats and actions is
// tested where those may be imported.
func TestShippedRulesLoad(t *testing.T) {
	t.Parallel()
	var o rule.Options
	for name, lane := range shippedActions(t) {
		spec := schemas.ActionSpec{Name: name, Lane: lane, Canonical: canonical("x"), Expires: lane == schemas.LaneBlock}
		for _, s := range []string{"algorithm", "group", "ip_set", "ip_set_v6", "scope"} {
			spec.Settings = append(spec.Settings, schemas.Setting{Name: s, Type: "string"})
		}
		spec.Settings = append(spec.Settings, schemas.Setting{Name: "tags", Type: "map"}, schemas.Setting{Name: "rules", Type: "list"})
		o.Actions = append(o.Actions, spec)
	}
	rules, err := rule.Load(o, "../../rules")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules {
		match, miss := 0, 0
		for _, test := range r.Tests {
			if test.Match {
				match++
			} else {
				miss++
			}
		}
		if match < 1 || miss < 2 || r.Description == "" {
			t.Errorf("rule %s: %d tests that match, %d that do not: at least 1 and 2, and a description", r.ID, match, miss)
		}
	}
}

// shippedActions are the actions that the rules that ship name, by lane.
func shippedActions(t *testing.T) map[string]schemas.Lane {
	t.Helper()
	files, err := filepath.Glob("../../rules/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("the rules that ship: %d, %v", len(files), err)
	}
	all := map[string]schemas.Lane{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`- (block|remediate):\s*\{?\s*action: ([a-z0-9-]+)`).FindAllSubmatch(text, -1) {
			all[string(m[2])] = schemas.Lane(m[1])
		}
	}
	return all
}
