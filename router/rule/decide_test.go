package rule_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/router/engine"
	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/schemas"
)

const bucketEvent = `{"class_uid": 6003, "time": 1772700000000, "status_id": 1, "metadata": {"uid": "ev-1"}, "message": "hello world",
	"cloud": {"account": {"uid": "111122223333"}, "region": "eu-west-1"}, "src_endpoint": {"ip": "203.0.113.9"},
	"resources": [{"uid": "arn:b1"}], "api": {"operation": "CreateBucket", "request": {"data": {"bucketName": "b1"}}},
	"unmapped": {"names": ["b1", "b2", "arn:b1", "", null, "b 3", {"x": 1}, 7], "n": 5, "l": ["x"], "o": {"k": "v"}, "comma": "a,b=c\\d"}}`

// targets lists lane:action:target of the commands, and the reasons of the misses.
func targets(t *testing.T, then string) []string {
	t.Helper()
	d := decide(t, minimal+"when: status_id == 1\nthen:\n"+then, bucketEvent)
	var out []string
	for _, c := range d.Commands {
		out = append(out, c.Step+" "+c.Target.Key())
	}
	for _, p := range d.Publications {
		out = append(out, "publish "+p.Topic)
	}
	for _, m := range d.Misses {
		out = append(out, m.Step+" missed: "+m.Reason)
	}
	return out
}

func TestTargets(t *testing.T) {
	t.Parallel()
	for then, want := range map[string][]string{
		"  - alert: {}\n": {"alert:log resource:111122223333:eu-west-1:arn:b1"},
		"  - alert:\n":    {"alert:log resource:111122223333:eu-west-1:arn:b1"},
		"  - alert: { to: pager, group_by: [cloud.account.uid] }\n":                               {"alert:pager group:::cloud.account.uid=111122223333"},
		"  - alert: { group_by: [unmapped.comma, unmapped.none, unmapped.n] }\n":                  {`alert:log group:::unmapped.comma=a\,b\=c\\d,unmapped.none,unmapped.n=5`},
		"  - remediate: { action: encrypt, target: api.request.data.bucketName }\n":               {"remediate:encrypt bucket:111122223333:eu-west-1:b1"},
		"  - remediate: { action: encrypt, target: unmapped.none }\n":                             {"remediate:encrypt missed: no target"},
		"  - remediate: { action: encrypt, target: unmapped.none.x }\n":                           {"remediate:encrypt missed: no target"},
		"  - remediate: { action: encrypt, target: '\"\"' }\n":                                    {"remediate:encrypt missed: no target"},
		"  - remediate: { action: encrypt, target: '[]' }\n":                                      {"remediate:encrypt missed: no target"},
		"  - remediate: { action: encrypt, target: message }\n":                                   {`remediate:encrypt missed: target "hello world": no such thing`},
		"  - remediate: { action: encrypt, target: unmapped.o }\n":                                {"remediate:encrypt missed: a target must be a string, not a mapping"},
		"  - remediate: { action: encrypt, target: 'map([1, 2], \"x\" + string(#))', name: n }\n": {"n bucket:111122223333:eu-west-1:x1", "n bucket:111122223333:eu-west-1:x2"},
		"  - publish: { topic: team.findings }\n":                                                 {"publish team.findings"},
		"  - remediate: { action: encrypt, target: unmapped.names }\n": {
			"remediate:encrypt bucket:111122223333:eu-west-1:b1", "remediate:encrypt bucket:111122223333:eu-west-1:b2", "remediate:encrypt bucket:111122223333:eu-west-1:7",
			"remediate:encrypt missed: a target must be a string, not a mapping", `remediate:encrypt missed: target "b 3": no such thing`,
		},
		// steps are independent
		"  - remediate: { action: encrypt, target: unmapped.none }\n  - alert: {}\n": {
			"alert:log resource:111122223333:eu-west-1:arn:b1", "remediate:encrypt missed: no target",
		},
	} {
		if diff := cmp.Diff(want, targets(t, then)); diff != "" {
			t.Errorf("%s%s", then, diff)
		}
	}
}

func TestAlertWithoutResourceIsOfTheKey(t *testing.T) {
	t.Parallel()
	text := minimal + "when: true\nthen: [ { alert: {} } ]\n"
	for event, want := range map[string]string{
		`{"class_uid": 0, "metadata": {"uid": "u1"}, "src_endpoint": {"ip": "203.0.113.9"}}`: "resource:::203.0.113.9",
		`{"class_uid": 0, "metadata": {"uid": "u1"}}`:                                        "resource:::u1",
		`{"class_uid": 0, "metadata": {"uid": "u1"}, "resources": [{"uid": ""}]}`:            "resource:::u1",
	} {
		if got := decide(t, text, event).Commands[0].Target.Key(); got != want {
			t.Errorf("%s: %s, want %s", event, got, want)
		}
	}
}

func TestManyTargetsAreBoundedAndSaid(t *testing.T) {
	t.Parallel()
	names := make([]string, 1500)
	for i := range names {
		names[i] = fmt.Sprintf(`"n%d"`, i)
	}
	d := decide(t, minimal+"when: true\nthen: [ { remediate: { action: encrypt, target: unmapped.l } } ]\n",
		`{"class_uid": 0, "metadata": {"uid": "u"}, "unmapped": {"l": [`+strings.Join(names, ",")+`]}}`)
	if len(d.Commands) != 1000 || len(d.Misses) != 1 || d.Misses[0].Reason != "1500 targets for one event; those after the first 1000 were left out" {
		t.Errorf("%d commands, misses %v", len(d.Commands), d.Misses)
	}
}

func TestCommandIsWhole(t *testing.T) {
	t.Parallel()
	d := decide(t, `id: whole
title: Whole
severity: critical
accept: any
when: status_id == 1
then:
  - block:
      name: shut
      action: ipset
      target: src_endpoint.ip
      for: 4h
      approval: required
      mode: dry_run
      with: { set: "blocked-${ cloud.region }" }
`, bucketEvent)
	if len(d.Commands) != 1 {
		t.Fatalf("%+v", d)
	}
	got := d.Commands[0]
	if len(got.RuleHash) != 32 {
		t.Errorf("rule hash %q", got.RuleHash)
	}
	got.RuleHash = ""
	target := schemas.Target{Type: "ip", Account: "111122223333", Region: "eu-west-1", ID: "203.0.113.9"}
	want := schemas.Command{
		ID: schemas.CommandID("whole", "shut", "ev-1", target), Rule: "whole", RuleTitle: "Whole", Step: "shut", Lane: schemas.LaneBlock, Action: "ipset",
		Target: target, With: map[string]any{"set": "blocked-eu-west-1"}, Severity: "critical", Event: json.RawMessage(bucketEvent), EventUID: "ev-1",
		EventTime: time.UnixMilli(1772700000000).UTC(), Accept: "any", Mode: "dry_run", Approval: "required",
		Created: time.Unix(1772800000, 0).UTC(), For: schemas.Duration(4 * time.Hour),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTemplates(t *testing.T) {
	t.Parallel()
	for with, want := range map[string]string{
		`{ algorithm: "a ${ unmapped.n } b ${ cloud.region }" }`:                 `{"algorithm":"a 5 b eu-west-1"}`,
		`{ algorithm: "${ unmapped.none }x" }`:                                   `{"algorithm":"x"}`,
		`{ count: "${ unmapped.n }" }`:                                           `{"count":5}`,
		`{ names: "${ unmapped.l }" }`:                                           `{"names":["x"]}`,
		`{ tags: { a: "${ cloud.region }", b: c } }`:                             `{"tags":{"a":"eu-west-1","b":"c"}}`,
		`{ tags: "${ {'k': unmapped.n} }" }`:                                     `{"tags":{"k":5}}`,
		`{ names: [a, "${ cloud.region }", "${ '}' + cloud.region + \"{\" }"] }`: `{"names":["a","eu-west-1","}eu-west-1{"]}`,
		`{ algorithm: "$${ x } $5 ${ \"$\" }" }`:                                 `{"algorithm":"${ x } $5 $"}`,
		`{ algorithm: "${ unmapped.none }" }`:                                    `null`, // absent: the default of the action
		`{ flag: true, count: 3, wait: 5m }`:                                     `{"count":3,"flag":true,"wait":"5m"}`,
	} {
		d := decide(t, minimal+"when: true\nthen: [ { remediate: { action: encrypt, target: '\"b\"', with: "+with+" } } ]\n", bucketEvent)
		if len(d.Commands) != 1 {
			t.Errorf("%s: %+v", with, d.Misses)
			continue
		}
		with1 := d.Commands[0].With
		if len(with1) == 0 {
			with1 = nil
		}
		got, err := json.Marshal(with1)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s\n  gives %s\n  want  %s", with, got, want)
		}
	}
	d := decide(t, minimal+"when: true\nthen: [ { block: { action: ipset, target: src_endpoint.ip, with: { set: \"${ unmapped.n }\" } } } ]\n", bucketEvent)
	if len(d.Misses) != 1 || d.Misses[0].Reason != "setting set: string expected, this is a number" {
		t.Errorf("a setting of the wrong type at run time: %+v", d)
	}
}

// TestAlertSettings: what an alert says never keeps it from being sent.
func TestAlertSettings(t *testing.T) {
	t.Parallel()
	o := options()
	o.AlertSettings = []schemas.Setting{{Name: "message", Type: "string"}, {Name: "runbook", Type: "string"}}
	rules, err := rule.Parse(o, "r.yaml", []byte(minimal+"when: true\nthen: [ { alert: { with: { message: \"${ unmapped.n }\", runbook: \"${ unmapped.none }\" } } } ]\n"))
	if err != nil {
		t.Fatal(err)
	}
	d := engine.New(rules, zerolog.Nop()).Decide(read(t, bucketEvent), false, time.Unix(0, 0))
	if len(d.Commands) != 1 {
		t.Fatalf("%+v", d)
	}
	if diff := cmp.Diff(map[string]any{"message": "5"}, d.Commands[0].With); diff != "" {
		t.Error(diff)
	}
}
