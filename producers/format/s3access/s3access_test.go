package s3access

import (
	"strconv"
	"strings"
	"testing"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/formattest"
)

// scalars are the fields of the line that are not absent.
func scalars(t testing.TB, r producers.Record) []formattest.Scalar {
	t.Helper()
	text := strings.TrimRight(string(r.Data), "\r\n \t")
	if strings.HasPrefix(text, "{") {
		return formattest.JSONScalars(t, r)
	}
	layout := newLayout().Columns
	var out []formattest.Scalar
	for i := 0; text != ""; i++ {
		var word string
		switch {
		case text[0] == '"':
			end := closeQuote(i, text[1:])
			word, text = text[1:1+end], text[2+end:]
		case text[0] == '[' && strings.Contains(text+" ", "] "):
			word, text, _ = strings.Cut(text[1:]+" ", "] ")
			text = " " + text
		default:
			word, text, _ = strings.Cut(text, " ")
			text = " " + text
		}
		text = strings.TrimRight(strings.TrimPrefix(text, " "), " ")
		if word == "-" || word == "" {
			continue
		}
		name := "field_" + strconv.Itoa(i+1)
		if i < len(layout) {
			name = layout[i].Name
		}
		out = append(out, formattest.Scalar{Path: "/" + name, Value: strconv.Quote(word)})
	}
	return out
}

func suite() formattest.Suite { return formattest.Suite{New: New, Scalars: scalars} }

func TestGolden(t *testing.T) { suite().Golden(t) }

func TestSettingsAreStrict(t *testing.T) {
	n, err := config.FromSettings(map[string]string{"no": "such"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := New(n); err == nil {
		t.Error("an unknown setting is accepted")
	}
}

func TestRegion(t *testing.T) {
	for host, want := range map[string]string{
		"b.s3.eu-west-1.amazonaws.com": "eu-west-1", "s3-us-west-2.amazonaws.com": "us-west-2", "b.s3.amazonaws.com": "",
		"b.s3.dualstack.us-gov-west-1.amazonaws.com": "us-gov-west-1", "b.s3.cn-north-1.amazonaws.com.cn": "cn-north-1",
		"www.example.com": "", "s3-1.amazonaws.com": "", ".amazonaws.com": "", "b.s3-website.eu-central-1.amazonaws.com": "eu-central-1",
	} {
		if got := region(host); got != want {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	suite().Seed(f)
	check := formattest.NewChecker(f)
	f.Fuzz(func(t *testing.T, data []byte, _ string) { suite().Fuzz(t, check, data, nil) })
}

func BenchmarkParse(b *testing.B) { suite().Bench(b, formattest.CSV) }
