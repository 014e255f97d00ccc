package app

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func ruleSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	var out strings.Builder
	if code := Main(t.Context(), []string{"rules", "schema"}, Streams{Out: &out, Err: &out}); code != 0 {
		t.Fatal(out.String())
	}
	kept, err := os.ReadFile("../../schemas/rule.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if string(kept) != out.String() {
		t.Error("schemas/rule.schema.json is not what riposte rules schema prints; run go generate ./internal/app")
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(out.String()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("rule", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("rule")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// asJSON gives a YAML document as JSON sees it.
func asJSON(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// TestRuleSchema: every rule that ships is valid by the schema that editors have, and wrong ones are not.
func TestRuleSchema(t *testing.T) {
	s := ruleSchema(t)
	files, err := filepath.Glob("../../rules/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for doc := range strings.SplitSeq("\n"+string(text), "\n---\n") {
			if err := s.Validate(asJSON(t, doc)); err != nil {
				t.Errorf("%s: %v", f, err)
			}
		}
	}
	const head = "id: r\ntitle: t\nseverity: low\nwhen: status_id == 1\n"
	const then = "then: [ { alert: {} } ]\n"
	for _, good := range []string{
		head + then, head + "then: [ { alert: } ]\n", head + "class: [api_activity, dns_activity]\n" + then, strings.Replace(head, "status_id == 1", "true", 1) + then,
		head + "then: [ { remediate: { action: s3-encrypt-bucket, target: message, with: { algorithm: '${ message }' } } } ]\n",
		head + "then: [ { publish: { topic: a.b } } ]\n",
		head + "correlate: { type: event_count, within: 1d, at_least: 3 }\n" + then,
		head + then + "tests: [ { name: a, file: a.json, match: true, targets: [] } ]\n",
	} {
		if err := s.Validate(asJSON(t, good)); err != nil {
			t.Errorf("%s%v", good, err)
		}
	}
	for _, bad := range []string{
		"id: r\ntitle: t\nseverity: low\n" + then, head + "wen: x\n" + then, strings.Replace(head, "low", "lowest", 1) + then, head + "class: api\n" + then,
		head + "then: []\n", head + "then: [ { alrt: {} } ]\n", head + "then: [ { alert: {}, publish: { topic: x } } ]\n", head + "then: [ { invoke: {} } ]\n",
		head + "then: [ { alert: { group: x } } ]\n", head + "then: [ { remediate: { action: s3-encrypt-bucket } } ]\n",
		head + "then: [ { block: { action: s3-encrypt-bucket, target: message } } ]\n",
		head + "then: [ { remediate: { action: s3-encrypt-bucket, target: message, with: { alg: x } } } ]\n",
		head + "then: [ { block: { action: wafv2-ipset, target: message, for: 4 hours } } ]\n",
		head + then + "max_rate: 0\n", head + then + "tests: [ { name: a, match: true } ]\n", head + then + "tests: [ { name: a, event: {}, file: x, match: true } ]\n",
		head + then + "tests: [ { name: a, record: x, match: true } ]\n", head + then + "correlate: { type: event_count }\n",
	} {
		if s.Validate(asJSON(t, bad)) == nil {
			t.Errorf("the schema takes\n%s", bad)
		}
	}
}
