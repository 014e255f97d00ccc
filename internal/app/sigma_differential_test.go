package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
	"golang.org/x/tools/txtar"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/cloudtrail"
	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/router/rule/predicate"
	"github.com/riposte-security/riposte/router/sigma"
)

// A rawRecord is a record as its source wrote it, and the event that it becomes.
type rawRecord struct {
	name  string
	raws  []map[string]any // the record; of an audit event its lines, of which one has to match
	event map[string]any
}

// fixtures are the records of a format's golden cases that become an event.
func fixtures(t testing.TB, folder string, f producers.Format, raw func(data []byte, event map[string]any) []map[string]any) []rawRecord {
	t.Helper()
	files, err := filepath.Glob("../../producers/format/" + folder + "/testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	var out []rawRecord
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range a.Files {
			// Of types that documentation rules out, and lines without what parts or quotes their fields, nothing is promised but that nothing is lost.
			if slices.Contains([]string{"odd_types.txtar", "audit_joined.txtar", "audit_interpreted.txtar"}, filepath.Base(file)) {
				continue
			}
			if part.Name != "record" {
				continue
			}
			data := bytes.TrimRight(part.Data, "\n")
			events, err := f.Parse(producers.Record{Data: data, Origin: "o", Position: "p"})
			if err != nil || len(events) != 1 {
				continue
			}
			event := decoded(t, events[0].Data)
			if m := raw(data, event); m != nil {
				out = append(out, rawRecord{filepath.Base(file), m, event})
			}
		}
	}
	return out
}

func decoded(t testing.TB, data []byte) map[string]any {
	t.Helper()
	m, err := predicate.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func rawJSON(data []byte) map[string]any {
	var m map[string]any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if d.Decode(&m) != nil {
		return nil
	}
	return m
}

// fieldsOf lists the dotted names of all values of a record with a text of theirs.
func fieldsOf(v any, name string, into map[string][]string) {
	switch x := v.(type) {
	case map[string]any:
		for key, e := range x {
			fieldsOf(e, strings.TrimPrefix(name+"."+key, "."), into)
		}
	case []any:
		for _, e := range x {
			fieldsOf(e, name, into)
		}
	case nil:
		into[name] = append(into[name], "")
	default:
		into[name] = append(into[name], leaves(x)...)
	}
}

// A differential holds converted rules against the evaluation of the raw record.
type differential struct {
	t         *testing.T
	logsource string
	options   sigma.Options
	records   []rawRecord
	rng       *rand.Rand
	rules     int
	pairs     int
	hits      int
	whole     bool // all rules, which takes minutes, and not a sample

	noKeywords bool
	positive   bool // only what asks for a value: of events of another kind, a rule that asks for none is not asked
}

func newDifferential(t *testing.T, logsource string, records []rawRecord) *differential {
	t.Helper()
	l, err := rule.NewLanguage()
	if err != nil {
		t.Fatal(err)
	}
	return &differential{
		t: t, logsource: logsource, records: records, whole: os.Getenv("SIGMA_WHOLE") != "", rng: rand.New(rand.NewPCG(5, 8)),
		options: sigma.Options{Check: rule.Options{Language: l}},
	}
}

// check converts one detection and compares on all records.
func (d *differential) check(detection map[string]any) {
	d.t.Helper()
	text, err := yaml.Marshal(map[string]any{
		"title": "t", "id": fmt.Sprint("r-", d.rules), "logsource": []any{}, "detection": detection,
	})
	if err != nil {
		d.t.Fatal(err)
	}
	source := strings.Replace(string(text), "logsource: []", "logsource: "+d.logsource, 1)
	d.rules++
	res, err := sigma.Import(d.options, []sigma.File{{Name: "rule.yml", Text: []byte(source)}})
	if err != nil {
		d.t.Fatal(err)
	}
	if len(res.Refused) > 0 {
		d.t.Errorf("refused: %v\n%s", res.Refused, source)
		return
	}
	converted := res.Imported[0].Rules[0].YAML()
	rules, err := rule.Parse(d.options.Check, "converted.yaml", []byte(converted))
	if err != nil {
		d.t.Fatal(err)
	}
	for _, r := range d.records {
		want := slices.ContainsFunc(r.raws, func(raw map[string]any) bool { return sigmaHolds(d.t, source, raw) })
		got, err := rules[0].Match(r.event)
		if err != nil {
			d.t.Fatal(err)
		}
		if classes := rules[0].ClassUIDs(); len(classes) > 0 { // which the engine looks at
			got = got && slices.Contains(classes, int(r.event["class_uid"].(int64)))
		}
		d.pairs++
		if want {
			d.hits++
		}
		if got != want {
			d.t.Errorf("%s: the raw record gives %t, the event %t\n%s\n%s", r.name, want, got, source, converted)
			return
		}
	}
}

// single asks one thing of one field: everything there is to ask, about values that records have and such as they nearly have.
func (d *differential) single(field string, values []string) {
	values = slices.Compact(slices.Sorted(slices.Values(values)))
	d.rng.Shuffle(len(values), func(i, j int) { values[i], values[j] = values[j], values[i] })
	s := func(item string, v any) {
		if !d.whole && d.rng.IntN(sampled) > 0 {
			return
		}
		d.check(map[string]any{"s": map[string]any{item: v}, "condition": "s"})
	}
	if !d.positive {
		s(field, nil)
	}
	s(field+"|exists", true)
	s(field, "")
	s(field, "*")
	for _, v := range values[:min(len(values), 2)] {
		v = strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`).Replace(v)
		if strings.ContainsAny(v, "\n\r\x00") || v == "" {
			continue
		}
		runes := []rune(v)
		half := string(runes[:(len(runes)+1)/2])
		if strings.HasSuffix(half, `\`) {
			half = string(runes[:1])
		}
		rest := strings.TrimPrefix(v, half)
		for item, value := range map[string]any{
			"": strings.ToUpper(v), "|cased": v, "|contains": half, "|startswith": half, "|endswith": rest, "|contains|all": []any{half, rest},
			"|contains|cased": half, "|neq": v,
		} {
			if d.rng.IntN(2) == 0 && (!d.positive || item != "|neq") {
				s(field+item, value)
			}
		}
		s(field, []any{v, "something else"})
		s(field, half+"*")
		s(field, "*"+string(runes[len(runes)/2:]))
		if !strings.Contains(half, `\`) && len(runes) > 3 {
			s(field, half+"?*")
			s(field+"|re", "^"+strings.NewReplacer(".", `\.`, "(", `\(`, ")", `\)`, "[", `\[`, "+", `\+`, "*", `\*`, "$", `\$`, "{", `\{`, "?", `\?`, "|", `\|`, "^", `\^`).Replace(half))
			s(field+"|re|i", "[a-z0-9]{3}.$")
		}
		s(field+"|gte", 5)
		s(field+"|lt", 443)
		s(field+"|cidr", "203.0.0.0/8")
	}
}

// fields gathers those of all records.
func (d *differential) fields() map[string][]string {
	all := map[string][]string{}
	for _, r := range d.records {
		for _, raw := range r.raws {
			fieldsOf(raw, "", all)
		}
	}
	return all
}

// combined builds conditions of several detections.
func (d *differential) combined(all map[string][]string, n int) {
	names := slices.Sorted(maps.Keys(all))
	conditions := []string{
		"a and b", "a or b", "a and not b", "not (a or b) and c", "1 of them", "all of them", "a and 1 of b*", "not 1 of c*", "a and b or not c", "not not a",
		"all of b* or (c and (a or not b))",
	}
	pick := func() (string, string) {
		name := names[d.rng.IntN(len(names))]
		values := all[name]
		return name, values[d.rng.IntN(len(values))]
	}
	plain := strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "\n", "?")
	part := func() any {
		field, v := pick()
		other, w := pick()
		switch d.rng.IntN(4) {
		case 0:
			return map[string]any{field: plain.Replace(v), other + "|contains": plain.Replace(w)}
		case 1:
			return []any{map[string]any{field: plain.Replace(v)}, map[string]any{other: []any{plain.Replace(w), "x"}}}
		case 2:
			if len(v) > 3 && !d.noKeywords {
				return []any{plain.Replace(v)}
			}
		}
		return map[string]any{field: plain.Replace(v)}
	}
	for range n {
		d.check(map[string]any{"a": part(), "b1": part(), "b": part(), "c": part(), "condition": conditions[d.rng.IntN(len(conditions))]})
	}
}

func (d *differential) run() {
	all := d.fields()
	for _, field := range slices.Sorted(maps.Keys(all)) {
		if !d.t.Failed() {
			d.single(field, all[field])
		}
	}
	d.combined(all, 60)
	d.t.Logf("%s: %d rules on %d records, %d pairs, %d of them matches", d.logsource, d.rules, len(d.records), d.pairs, d.hits)
}

func TestSigmaCloudTrail(t *testing.T) {
	f, err := cloudtrail.New(config.Node{})
	if err != nil {
		t.Fatal(err)
	}
	raw := func(data []byte, event map[string]any) []map[string]any {
		m := rawJSON(data)
		if m["detail-type"] != nil || m["CloudTrailEvent"] != nil { // an envelope, whose contents are the record
			return nil
		}
		if m["eventCategory"] == "Aggregated" { // the format takes the one for the other
			m["eventName"] = m["eventType"]
			delete(m, "eventId")
		}
		for _, id := range []string{"eventID", "requestID"} { // a record without has the one that we make of its place
			if m[id] == nil {
				m[id] = event["metadata"].(map[string]any)["uid"]
			}
		}
		return []map[string]any{m}
	}
	newDifferential(t, "{product: aws, service: cloudtrail}", fixtures(t, "cloudtrail", f, raw)).run()
}
