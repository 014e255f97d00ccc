package elb

import (
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/formattest"
)

// scalars are the fields of the line that are not absent, read here by a cutter of its own.
func scalars(t testing.TB, r producers.Record) []formattest.Scalar {
	t.Helper()
	text := strings.TrimRight(string(r.Data), "\r\n \t")
	if strings.HasPrefix(text, "{") {
		return formattest.JSONScalars(t, r)
	}
	var words []string
	ends := closer(text)
	for text != "" {
		end, skip := strings.Index(text+" ", " "), 1
		if text[0] == '"' && (len(words) == 0 || words[0] != "tls") {
			end, skip = ends(len(words), text[1:])+1, 2
			words = append(words, text[1:end])
		} else {
			words = append(words, text[:end])
		}
		text = text[min(end+skip, len(text)):]
	}
	names := strings.Fields(namesFor(words))
	var out []formattest.Scalar
	for i, w := range words {
		if w == "-" || w == "" {
			continue
		}
		name := "field_" + strconv.Itoa(i+1)
		if i < len(names) {
			name = names[i]
		}
		out = append(out, formattest.Scalar{Path: "/" + name, Value: strconv.Quote(w)})
	}
	return out
}

func namesFor(words []string) string {
	_, err := netip.ParseAddr(words[1])
	switch {
	case words[0] == "tls":
		return networkFields
	case len(words) < 12 && isHealth(words[5]):
		return healthFields
	case isType(words[0]) || strings.HasPrefix(words[2], "app/"):
		return applicationFields
	case err == nil:
		return connectionFields
	}
	return classicFields
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

func FuzzParse(f *testing.F) {
	suite().Seed(f)
	check := formattest.NewChecker(f)
	f.Fuzz(func(t *testing.T, data []byte, _ string) { suite().Fuzz(t, check, data, nil) })
}

func BenchmarkParse(b *testing.B) { suite().Bench(b, formattest.CSV) }
