package falco_test

import (
	"testing"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers/format/falco"
	"github.com/riposte-security/riposte/producers/format/formattest"
)

// suite names the numbers that are moved: their own place is not looked at, only whether the event has them.
func suite() formattest.Suite {
	return formattest.Suite{New: falco.New, Scalars: formattest.JSONScalars, Free: []string{
		"/output_fields/proc.pid", "/output_fields/proc.ppid", "/output_fields/fd.cport", "/output_fields/fd.sport",
	}}
}

func TestGolden(t *testing.T) { suite().Golden(t) }

func TestSettingsAreStrict(t *testing.T) {
	n, err := config.FromSettings(map[string]string{"no": "such"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := falco.New(n); err == nil {
		t.Error("an unknown setting is accepted")
	}
}

func FuzzParse(f *testing.F) {
	suite().Seed(f)
	check := formattest.NewChecker(f)
	f.Fuzz(func(t *testing.T, data []byte, _ string) { suite().Fuzz(t, check, data, nil) })
}

func BenchmarkParse(b *testing.B) { suite().Bench(b, formattest.JSON) }
