package schemas_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/riposte-security/riposte/schemas"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func command() schemas.Command {
	target := schemas.Target{Type: "s3-bucket", Account: "111122223333", Region: "eu-central-2", ID: "ledger-exports"}
	return schemas.Command{
		ID:   schemas.CommandID("s3-bucket-unencrypted", "remediate:s3-encrypt-bucket", "e-1", target),
		Rule: "s3-bucket-unencrypted", RuleTitle: "S3 bucket without encryption", RuleHash: "77aa", Step: "remediate:s3-encrypt-bucket",
		Lane: schemas.LaneRemediate, Action: "s3-encrypt-bucket", Target: target,
		With:     map[string]any{"algorithm": "aws:kms", "days": int64(9007199254740993), "share": 0.5, "list": []any{int64(1), "two", nil}},
		Severity: "high", Event: json.RawMessage(`{"class_uid":6003,"cloud":{"provider":"AWS","region":"eu-west-1","account":{"uid":"444455556666"}}}`),
		EventUID: "e-1", EventTime: time.UnixMilli(1767225600000).UTC(), Source: "riposte/cloudtrail", Accept: "any", Mode: "dry_run",
		Approval: "required", Cause: "c0ffee", Created: time.UnixMilli(1767225600007).UTC(), For: schemas.Duration(4 * time.Hour),
		Shed: &schemas.Shed{Count: 2, EventUIDs: []string{"e-2"}, Topic: "riposte.events", Partition: 1, First: 10, Last: 11},
	}
}

func plan() schemas.Plan {
	return schemas.Plan{
		Summary: "encrypt ledger-exports with aws:kms",
		Calls: []schemas.Call{{Service: "s3", Operation: "PutBucketEncryption", Params: map[string]any{
			"Bucket": "ledger-exports", "big": int64(9007199254740993),
		}}},
		Before: json.RawMessage(`{"algorithm":"AES256","n":1}`), After: json.RawMessage(`{"algorithm":"aws:kms"}`), Approval: "no predecessor",
	}
}

func outcome(state schemas.State) schemas.Outcome {
	return schemas.Outcome{
		State: state, Message: "the bucket is encrypted", Error: "Throttling", After: json.RawMessage(`{"algorithm":"aws:kms"}`),
		Attempts: 3, Time: time.UnixMilli(1767225601234).UTC(),
	}
}

func document(t testing.TB, name string) (*jsonschema.Schema, map[string]any) {
	t.Helper()
	text, err := fs.ReadFile(os.DirFS("."), name+".schema.json")
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("doc:"+name, doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("doc:" + name)
	if err != nil {
		t.Fatal(err)
	}
	root, ok := doc.(map[string]any)
	if !ok {
		t.Fatal("the schema is no object")
	}
	return s, root
}

// toJSON gives a value as JSON sees it.
func toJSON(t testing.TB, v any) map[string]any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	m, ok := doc.(map[string]any)
	if !ok {
		t.Fatalf("no object: %s", text)
	}
	return m
}

// full returns one value of each type with every field set, by name of its schema.
func full() map[string]any {
	return map[string]any{"command": command(), "plan": plan(), "outcome": outcome(schemas.StateVerified)}
}

// Schema and type say the same: every field of the type is a property and the other way round, and what the type always writes is required.
func TestTypesAndSchemasAgree(t *testing.T) {
	for name, value := range full() {
		_, doc := document(t, name)
		agree(t, name, reflect.TypeOf(value), doc, doc)
	}
}

func agree(t *testing.T, at string, typ reflect.Type, doc, root map[string]any) {
	t.Helper()
	if ref, ok := doc["$ref"].(string); ok {
		defs, _ := root["$defs"].(map[string]any)
		doc, _ = defs[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
	}
	props, _ := doc["properties"].(map[string]any)
	if doc["additionalProperties"] != false {
		t.Errorf("%s: unknown properties are allowed", at)
	}
	var fields, always []string
	for _, f := range reflect.VisibleFields(typ) {
		tag, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		if tag == "-" {
			continue
		}
		fields = append(fields, tag)
		if !strings.Contains(opts, "omit") {
			always = append(always, tag)
		}
		sub, _ := props[tag].(map[string]any)
		of := f.Type
		if of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		if of.Kind() == reflect.Slice && of.Elem().Kind() == reflect.Struct {
			of, sub = of.Elem(), sub["items"].(map[string]any)
		}
		if of.Kind() == reflect.Struct && of != reflect.TypeFor[time.Time]() {
			agree(t, at+"."+tag, of, sub, root)
		}
	}
	slices.Sort(fields)
	slices.Sort(always)
	if diff := cmp.Diff(fields, slices.Sorted(maps.Keys(props))); diff != "" {
		t.Errorf("%s: fields of the type (-) and properties of the schema (+):\n%s", at, diff)
	}
	var required []string
	list, _ := doc["required"].([]any)
	for _, r := range list {
		required = append(required, r.(string))
	}
	slices.Sort(required)
	if diff := cmp.Diff(always, required); diff != "" {
		t.Errorf("%s: fields always written (-) and required ones (+):\n%s", at, diff)
	}
}

func TestSchemasRefuse(t *testing.T) {
	for name, value := range full() {
		s, root := document(t, name)
		if err := s.Validate(toJSON(t, value)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		list, _ := root["required"].([]any)
		for _, r := range list {
			doc := toJSON(t, value)
			delete(doc, r.(string))
			if s.Validate(doc) == nil {
				t.Errorf("%s without %s is valid", name, r)
			}
		}
		doc := toJSON(t, value)
		doc["colour"] = "red"
		if s.Validate(doc) == nil {
			t.Errorf("%s with an unknown field is valid", name)
		}
	}
	s, _ := document(t, "outcome")
	for _, state := range schemas.States() {
		if err := s.Validate(toJSON(t, outcome(state))); err != nil {
			t.Error(err)
		}
	}
	if s.Validate(toJSON(t, outcome("done"))) == nil {
		t.Error("an unknown state is valid")
	}
}

func TestHeadersThereAndBack(t *testing.T) {
	s, _ := document(t, "envelope")
	e := schemas.Event{
		UID: "e-1", Class: schemas.ClassAPIActivity, Time: time.UnixMilli(1767225600123).UTC(), Source: "riposte/cloudtrail",
		Cause: "c0ffee", Trace: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	}
	c := command()
	for name, test := range map[string]struct {
		headers map[string]string
		want    schemas.Envelope
	}{
		"event": {schemas.EventHeaders(e), schemas.Envelope{
			ID: "e-1", Source: e.Source, Type: "ocsf.api_activity", Time: e.Time, ContentType: "application/json", Cause: "c0ffee", Trace: e.Trace,
		}},
		"command": {schemas.CommandHeaders(c, "riposte/route", e.Trace), schemas.Envelope{
			ID: c.ID, Source: "riposte/route", Type: "riposte.command", Time: c.Created, ContentType: "application/json", Cause: "c0ffee", Trace: e.Trace,
		}},
		"little": {schemas.EventHeaders(schemas.Event{UID: "u"}), schemas.Envelope{
			ID: "u", Type: "ocsf.base_event", ContentType: "application/json",
		}},
	} {
		if err := s.Validate(toJSON(t, test.headers)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if test.headers[schemas.HeaderSpecVersion] != "1.0" {
			t.Errorf("%s: %v", name, test.headers)
		}
		got := schemas.ReadEnvelope(func(key string) string { return test.headers[key] })
		if got != test.want {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
	for _, bad := range []string{"", "yesterday", "2026-01-01", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59-01:00"} {
		got := schemas.ReadEnvelope(func(key string) string {
			if key == schemas.HeaderTime {
				return bad
			}
			return ""
		})
		if !got.Time.IsZero() {
			t.Errorf("time %q: %s", bad, got.Time)
		}
	}
}
