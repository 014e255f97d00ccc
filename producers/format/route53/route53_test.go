package route53_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/formattest"
	"github.com/riposte-security/riposte/producers/format/route53"
)

// scalars are those of a JSON record, or the words of a line that are not absent.
func scalars(t testing.TB, r producers.Record) []formattest.Scalar {
	t.Helper()
	text := strings.TrimSpace(string(r.Data))
	if strings.HasPrefix(text, "{") {
		return formattest.JSONScalars(t, r)
	}
	names := strings.Fields("version query_timestamp hosted_zone_id query_name query_type rcode protocol edge_location resolver_ip edns_client_subnet")
	var out []formattest.Scalar
	words := strings.FieldsFunc(text, func(c rune) bool { return c == ' ' })
	for i, w := range words {
		if w != "-" {
			out = append(out, formattest.Scalar{Path: "/" + names[i], Value: strconv.Quote(w)})
		}
	}
	return out
}

func suite() formattest.Suite {
	return formattest.Suite{New: route53.New, Scalars: scalars, Free: []string{"/srcport", "/detail/src-port"}}
}

func TestGolden(t *testing.T) { suite().Golden(t) }

func TestSettingsAreStrict(t *testing.T) {
	n, err := config.FromSettings(map[string]string{"no": "such"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := route53.New(n); err == nil {
		t.Error("an unknown setting is accepted")
	}
}

func FuzzParse(f *testing.F) {
	suite().Seed(f)
	check := formattest.NewChecker(f)
	f.Fuzz(func(t *testing.T, data []byte, _ string) { suite().Fuzz(t, check, data, nil) })
}

const (
	aQuery = `{"version":"1.100000","account_id":"210987654321","region":"eu-central-1","vpc_id":"vpc-0a1b2c3d",` +
		`"query_timestamp":"2026-02-25T06:13:20Z","query_name":"api.example.com.","query_type":"A","query_class":"IN","rcode":"NOERROR",` +
		`"answers":[{"Rdata":"edge.example.net.","Type":"CNAME","Class":"IN"},{"Rdata":"198.51.100.80","Type":"A","Class":"IN"}],` +
		`"srcaddr":"10.20.1.15","srcport":"56067","transport":"UDP","srcids":{"instance":"i-0a1b2c3d4e5f60718"}}`
	aLine = "1.0 2026-02-25T06:13:20.123Z Z0A1B2C3D4E5F6 www.example.com A NOERROR UDP FRA56-P3 198.51.100.53 203.0.113.0/24"
)

func record(text string) []producers.Record {
	return []producers.Record{{Data: []byte(text), Origin: "bench", Position: "1"}}
}

func BenchmarkParse(b *testing.B) { formattest.Bench(b, route53.New, record(aQuery), formattest.JSON) }

func BenchmarkLine(b *testing.B) { formattest.Bench(b, route53.New, record(aLine), formattest.CSV) }

// Records of both kinds may come one after the other: nothing of one may stand in the next.
func TestTurns(t *testing.T) {
	format, err := route53.New(config.Node{})
	if err != nil {
		t.Fatal(err)
	}
	check := formattest.NewChecker(t)
	for range 3 {
		for _, text := range []string{aQuery, aLine} {
			r := record(text)[0]
			events, err := format.Parse(r)
			if err != nil {
				t.Fatal(err)
			}
			check.Valid(t, events[0])
			check.Lossless(t, scalars(t, r), suite().Free, events)
			if n := strings.Count(string(events[0].Data), `"unmapped":`); n != 1 {
				t.Errorf("unmapped stands there %d times", n)
			}
		}
	}
}
