package vpcflow_test

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/formattest"
	"github.com/riposte-security/riposte/producers/format/vpcflow"
)

const (
	defaults = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
	aLine    = "2 210987654321 eni-0a1b2c3d4e5f60718 203.0.113.9 10.20.1.15 51544 443 6 12 5230 1772000000 1772000058 ACCEPT OK"
)

// scalars are the words of the line that are not absent. Where they would stand under unmapped is said by the header line; a setting
// does not reach this function, so such cases name their fields here as well.
func scalars(t testing.TB, r producers.Record) []formattest.Scalar {
	t.Helper()
	header := r.Attrs[producers.AttrHeader]
	words := strings.Fields(string(r.Data))
	if header == "" {
		header = defaults
		if len(words) != 14 {
			header = "srcaddr dstaddr srcport dstport protocol instance-id interface-id flow-direction end start cloud_cover"
		}
	}
	names := strings.Fields(header)
	var out []formattest.Scalar
	for i, w := range words {
		if w != "-" {
			out = append(out, formattest.Scalar{Path: "/" + names[i], Value: `"` + w + `"`})
		}
	}
	return out
}

func suite() formattest.Suite { return formattest.Suite{New: vpcflow.New, Scalars: scalars} }

func TestGolden(t *testing.T) { suite().Golden(t) }

func TestSettingsAreStrict(t *testing.T) {
	for _, set := range []map[string]string{{"field": "version"}, {"fields": "version version"}, {"fields": "Version"}} {
		n, err := config.FromSettings(set)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := vpcflow.New(n); err == nil {
			t.Errorf("%v is accepted", set)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(aLine), "")
	f.Add([]byte("2 10.0.0.1 -"), "version srcaddr dstaddr")
	suite().Seed(f)
	check := formattest.NewChecker(f)
	f.Fuzz(func(t *testing.T, data []byte, header string) {
		suite().Fuzz(t, check, data, map[string]string{producers.AttrHeader: header})
	})
}

// The two benchmarks read the same thousand lines: from bytes to events, and what merely cutting them into fields costs.

func thousand() []byte { return bytes.Repeat([]byte(aLine+"\n"), 1000) }

func BenchmarkParse(b *testing.B) {
	format, err := vpcflow.New(config.Node{})
	if err != nil {
		b.Fatal(err)
	}
	text := thousand()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		for line := range bytes.Lines(text) {
			if _, err := format.Parse(producers.Record{Data: line, Origin: "bench", Position: "1"}); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkCSV(b *testing.B) {
	text := thousand()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		r := csv.NewReader(bytes.NewReader(text))
		r.Comma = ' '
		for {
			if _, err := r.Read(); err != nil {
				break
			}
		}
	}
}
