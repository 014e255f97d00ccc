package config_test

import (
	"encoding/json"
	"testing"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
	format "github.com/riposte-security/riposte/producers/format/config"
	"github.com/riposte-security/riposte/producers/format/formattest"
)

// scalars adds those of the event that a rule's Lambda is called with.
func scalars(t testing.TB, r producers.Record) []formattest.Scalar {
	t.Helper()
	out := formattest.JSONScalars(t, r)
	var call struct {
		InvokingEvent string `json:"invokingEvent"`
	}
	if err := json.Unmarshal(r.Data, &call); err == nil && call.InvokingEvent != "" {
		out = append(out, formattest.JSONScalars(t, producers.Record{Data: []byte(call.InvokingEvent)})...)
	}
	return out
}

func suite() formattest.Suite {
	return formattest.Suite{New: format.New, Scalars: scalars, Free: []string{"/configuration/", "/configurationItem/configuration/", "/detail/configurationItem/configuration/"}}
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

func FuzzParse(f *testing.F) {
	suite().Seed(f)
	check := formattest.NewChecker(f)
	f.Fuzz(func(t *testing.T, data []byte, _ string) { suite().Fuzz(t, check, data, nil) })
}

func BenchmarkParse(b *testing.B) { suite().Bench(b, formattest.JSON) }
