package waf_test

import (
	"testing"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers/format/formattest"
	"github.com/riposte-security/riposte/producers/format/waf"
)

func suite() formattest.Suite {
	return formattest.Suite{New: waf.New, Scalars: formattest.JSONScalars}
}

func TestGolden(t *testing.T) { suite().Golden(t) }

func TestSettingsAreStrict(t *testing.T) {
	n, err := config.FromSettings(map[string]string{"no": "such"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := waf.New(n); err == nil {
		t.Error("an unknown setting is accepted")
	}
}

func FuzzParse(f *testing.F) {
	suite().Seed(f)
	check := formattest.NewChecker(f)
	f.Fuzz(func(t *testing.T, data []byte, _ string) { suite().Fuzz(t, check, data, nil) })
}

func BenchmarkParse(b *testing.B) { suite().Bench(b, formattest.JSON) }
