package cloudfront

import (
	"strconv"
	"strings"
	"testing"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/formattest"
)

// aSetting is the order of fields that the cases with settings have: those do not reach the function scalars.
const aSetting = "timestamp c-ip cs-method cs-host cs-uri-stem sc-status cs-user-agent x-edge-mqcs"

// scalars are the columns of the line that are not absent.
func scalars(t testing.TB, r producers.Record) []formattest.Scalar {
	t.Helper()
	text := strings.TrimRight(string(r.Data), "\r\n \t")
	if strings.HasPrefix(text, "{") {
		return formattest.JSONScalars(t, r)
	}
	separator := "\t"
	if !strings.Contains(text, "\t") {
		separator = " "
	}
	words := strings.Split(text, separator)
	order := standard
	if _, err := strconv.ParseFloat(words[0], 64); err == nil {
		order = realtime
	}
	if header := r.Attrs[producers.AttrHeader]; header != "" {
		order = strings.TrimPrefix(header, "#Fields:")
	} else if order == realtime && len(words) < 20 {
		order = aSetting
	}
	names := strings.Fields(order)
	var out []formattest.Scalar
	for i, w := range words {
		if w != "-" && w != "" {
			out = append(out, formattest.Scalar{Path: "/" + names[i], Value: strconv.Quote(w)})
		}
	}
	return out
}

func suite() formattest.Suite { return formattest.Suite{New: New, Scalars: scalars} }

func TestGolden(t *testing.T) { suite().Golden(t) }

func TestSettingsAreStrict(t *testing.T) {
	for _, set := range []map[string]string{{"field": "date"}, {"fields": "date date"}, {"fields": "-date"}, {"fields": ","}} {
		n, err := config.FromSettings(set)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := New(n); err == nil {
			t.Errorf("%v is accepted", set)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("2026-03-01\t12:00:00\tGET"), "#Fields: date time cs-method")
	suite().Seed(f)
	check := formattest.NewChecker(f)
	f.Fuzz(func(t *testing.T, data []byte, header string) {
		var attrs map[string]string
		if header != "" {
			attrs = map[string]string{producers.AttrHeader: header}
		}
		suite().Fuzz(t, check, data, attrs)
	})
}

const aLine = "2026-03-01\t12:00:01\tZRH55-P1\t2390\t203.0.113.9\tGET\td111111abcdef8.cloudfront.net\t/index.html\t200\thttps://www.example.com/\t" +
	"Mozilla/5.0%20(X11;%20Linux%20x86_64)%20Gecko/20100101%20Firefox/136.0\tid=7\t-\tHit\tSOX4xwn4XV6Q4rgb7XiVGOHms_BGlTAC4KyHmureZmBNrjGdRLiNIQ==\t" +
	"www.example.com\thttps\t213\t0.001\t-\tTLSv1.3\tTLS_AES_128_GCM_SHA256\tHit\tHTTP/2.0\t-\t-\t11040\t0.001\tHit\ttext/html\t78\t-\t-"

func BenchmarkParse(b *testing.B) {
	records := make([]producers.Record, 1000)
	for i := range records {
		records[i] = producers.Record{Data: []byte(aLine), Origin: "bench", Position: strconv.Itoa(i)}
	}
	formattest.Bench(b, New, records, formattest.TSV)
}
