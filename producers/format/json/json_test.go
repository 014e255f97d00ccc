package json_test

import (
	"strings"
	"testing"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/formattest"
	format "github.com/riposte-security/riposte/producers/format/json"
)

// scalars: the data of a CloudEvent stand under unmapped by themselves.
func scalars(t testing.TB, r producers.Record) []formattest.Scalar {
	t.Helper()
	out := formattest.JSONScalars(t, r)
	for i := range out {
		if path, ok := strings.CutPrefix(out[i].Path, "/data/"); ok {
			out[i].Path = "/" + path
		}
	}
	return out
}

func suite() formattest.Suite {
	return formattest.Suite{New: format.New, Scalars: scalars, Free: []string{"/"}}
}

func TestGolden(t *testing.T) { suite().Golden(t) }

func TestSettingsAreStrict(t *testing.T) {
	n, err := config.FromSettings(map[string]string{"no": "such"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := format.New(n); err == nil {
		t.Error("an unknown setting is accepted")
	}
}

// TestTheRecordVouchesForNothing: who publishes an event is trusted or not, whatever the event says of its source.
func TestTheRecordVouchesForNothing(t *testing.T) {
	f, err := format.New(config.Node{})
	if err != nil {
		t.Fatal(err)
	}
	r := producers.Record{Data: []byte(`{"specversion":"1.0","type":"t","source":"trusted","id":"1","data":{"a":1}}`), Origin: "o", Position: "p"}
	events, err := f.Parse(r)
	if err != nil || len(events) != 1 || events[0].Source != "" {
		t.Errorf("%+v, %v", events, err)
	}
}

func FuzzParse(f *testing.F) {
	suite().Seed(f)
	check := formattest.NewChecker(f)
	f.Fuzz(func(t *testing.T, data []byte, _ string) {
		suite().Fuzz(t, check, data, map[string]string{producers.AttrFile: "not lossless of CloudEvents attributes by path"})
	})
}

// The two benchmarks are of what has no class yet, and of events that are OCSF already, which are checked against the whole of it.

func BenchmarkParse(b *testing.B) {
	formattest.Bench(b, format.New, []producers.Record{{
		Data: []byte(`{"kind":"login_failed","at":"2026-03-01T09:00:00Z","user":{"name":"bob","id":4711,"groups":["staff","vpn"]},"ip":"203.0.113.9",` +
			`"session":{"id":"7f0c2f4e-5d2c-4c0e-9b42-0d3b6f1f4c11","mfa":false,"factor":null,"score":0.83},"app":"payroll","build":"2026.2.1+4f2a",` +
			`"note":"third failure within a minute; the account is locked for 15 minutes"}`),
		Origin: "bench", Position: "1",
	}}, formattest.JSON)
}

func BenchmarkAll(b *testing.B) { suite().Bench(b, formattest.JSON) }
