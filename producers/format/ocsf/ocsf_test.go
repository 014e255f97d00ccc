package ocsf_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/formattest"
	"github.com/riposte-security/riposte/producers/format/ocsf"
)

// scalars: of an event of another version, an attribute that is null is not there; unmapped stays where it is.
func scalars(t testing.TB, r producers.Record) []formattest.Scalar {
	t.Helper()
	out := formattest.JSONScalars(t, r)
	wrapped := strings.Contains(string(r.Data), `"detail-type"`)
	for i := range out {
		if path, ok := strings.CutPrefix(out[i].Path, "/detail"); ok && strings.HasPrefix(path, "/") {
			out[i].Path = path
		} else if wrapped {
			out[i].Path = "/envelope" + out[i].Path
		}
		out[i].Path = strings.TrimPrefix(out[i].Path, "/unmapped")
	}
	return slices.DeleteFunc(out, func(s formattest.Scalar) bool { return s.Value == "null" })
}

func suite() formattest.Suite {
	return formattest.Suite{New: ocsf.New, Scalars: scalars, Free: []string{"/"}}
}

func TestGolden(t *testing.T) { suite().Golden(t) }

func TestSettingsAreStrict(t *testing.T) {
	n, err := config.FromSettings(map[string]string{"no": "such"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ocsf.New(n); err == nil {
		t.Error("an unknown setting is accepted")
	}
}

func FuzzParse(f *testing.F) {
	s := suite()
	s.Seed(f)
	made, err := ocsf.New(config.Node{}) // takes its time
	if err != nil {
		f.Fatal(err)
	}
	s.New = func(config.Node) (producers.Format, error) { return made, nil }
	check := formattest.NewChecker(f)
	f.Fuzz(func(t *testing.T, data []byte, _ string) { s.Fuzz(t, check, data, nil) })
}

func BenchmarkParse(b *testing.B) { suite().Bench(b, formattest.JSON) }
