package suricata_test

import (
	"testing"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers/format/formattest"
	"github.com/riposte-security/riposte/producers/format/suricata"
)

// suite names the numbers that are moved: their own place is not looked at, only whether the event has them.
func suite() formattest.Suite {
	return formattest.Suite{New: suricata.New, Scalars: formattest.JSONScalars, Free: []string{
		"/src_port", "/dest_port", "/dns/id", "/dns/query/0/id", "/http/status", "/http/length", "/http/http_port", "/fileinfo/size",
		"/flow/bytes_to", "/flow/pkts_to", "/netflow/bytes", "/netflow/pkts", "/files/",
	}}
}

func TestGolden(t *testing.T) { suite().Golden(t) }

func TestSettingsAreStrict(t *testing.T) {
	n, err := config.FromSettings(map[string]string{"no": "such"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := suricata.New(n); err == nil {
		t.Error("an unknown setting is accepted")
	}
}

func FuzzParse(f *testing.F) {
	suite().Seed(f)
	check := formattest.NewChecker(f)
	f.Fuzz(func(t *testing.T, data []byte, _ string) { suite().Fuzz(t, check, data, nil) })
}

func BenchmarkParse(b *testing.B) { suite().Bench(b, formattest.JSON) }
