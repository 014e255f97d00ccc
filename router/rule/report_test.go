package rule_test

import (
	"encoding/xml"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/router/engine"
	"github.com/riposte-security/riposte/router/rule"
)

func TestJUnit(t *testing.T) {
	t.Parallel()
	rules, err := rule.Parse(options(), "r.yaml", []byte(minimal+`when: message == "fire"
then: [ { alert: {} } ]
tests:
  - { name: "fires & <burns>", format: lines, record: fire, match: true }
  - { name: "wrong\x01", format: lines, record: water, match: true }
`))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := rule.WriteJUnit(&b, rule.Runner{Decider: engine.New(rules, zerolog.Nop()), Record: lines}.Run(rules)); err != nil {
		t.Fatal(err)
	}
	type problem struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
	type document struct {
		XMLName  xml.Name `xml:"testsuites"`
		Tests    int      `xml:"tests,attr"`
		Failures int      `xml:"failures,attr"`
		Suites   []struct {
			Name     string `xml:"name,attr"`
			Tests    int    `xml:"tests,attr"`
			Failures int    `xml:"failures,attr"`
			Cases    []struct {
				Class   string   `xml:"classname,attr"`
				Name    string   `xml:"name,attr"`
				Line    int      `xml:"line,attr"`
				Failure *problem `xml:"failure"`
				Error   *problem `xml:"error"`
			} `xml:"testcase"`
		} `xml:"testsuite"`
	}
	var d document
	if err := xml.Unmarshal([]byte(b.String()), &d); err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	if d.Tests != 2 || d.Failures != 1 || len(d.Suites) != 1 || d.Suites[0].Name != "r.yaml" || d.Suites[0].Failures != 1 {
		t.Errorf("%s", b.String())
	}
	good, bad := d.Suites[0].Cases[0], d.Suites[0].Cases[1]
	if good.Name != "fires & <burns>" || good.Class != "r" || good.Line != 7 || good.Failure != nil {
		t.Errorf("%+v", good)
	}
	if bad.Failure == nil || bad.Failure.Message != "match: true expected, got false" || !strings.Contains(bad.Failure.Text, "r.yaml:8:") ||
		!strings.Contains(bad.Failure.Text, `message == "fire"  ->  false`) {
		t.Errorf("%+v", bad)
	}

	_, err = rule.Parse(options(), "bad.yaml", []byte("id: r\n"))
	problems, ok := errors.AsType[rule.Problems](err)
	if !ok {
		t.Fatal(err)
	}
	b.Reset()
	if err := problems.WriteJUnit(&b); err != nil {
		t.Fatal(err)
	}
	var refused document
	if err := xml.Unmarshal([]byte(b.String()), &refused); err != nil {
		t.Fatal(err)
	}
	if c := refused.Suites[0].Cases[0]; len(refused.Suites[0].Cases) != len(problems) || c.Error == nil || c.Error.Message != problems[0].Message {
		t.Errorf("%s", b.String())
	}
}

func TestCoverage(t *testing.T) {
	t.Parallel()
	body := "title: x\nseverity: low\nwhen: status_id == 1\nthen: [ { alert: {} } ]\n"
	yes, no := "  - { name: y, event: { class_uid: 0 }, match: true }\n", "  - { name: n, event: { class_uid: 0 }, match: false }\n"
	rules, err := rule.Parse(options(), "r.yaml", []byte("id: none\n"+body+"---\nid: both\n"+body+"tests:\n"+yes+no+"---\nid: yes\n"+body+"tests:\n"+yes+"---\nid: no\n"+body+"tests:\n"+no))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, c := range rule.Cover(rules) {
		got[c.Rule] = c.Missing()
	}
	want := map[string]string{"none": "no test", "both": "", "yes": "no test in which it does not fire", "no": "no test in which it fires"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
