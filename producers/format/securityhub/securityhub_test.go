package securityhub_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/formattest"
	"github.com/riposte-security/riposte/producers/format/securityhub"
)

// scalars: what comes in a list or in an EventBridge event stands as if the finding came by itself.
func scalars(t testing.TB, r producers.Record) []formattest.Scalar {
	t.Helper()
	out := formattest.JSONScalars(t, r)
	wrapped := false
	for i := range out {
		wrapped = wrapped || strings.HasPrefix(out[i].Path, "/detail/")
		out[i].Path = inner(out[i].Path)
	}
	if strings.Contains(string(r.Data), `"class_uid"`) { // of events in OCSF, null is what is not there
		out = slices.DeleteFunc(out, func(s formattest.Scalar) bool { return s.Value == "null" })
	}
	for i := range out {
		if wrapped && !strings.HasPrefix(out[i].Path, "/detail/") {
			out[i].Path = "/envelope" + out[i].Path
		}
		out[i].Path = inner(strings.TrimPrefix(out[i].Path, "/detail"))
	}
	return out
}

// inner takes the way to an element of a list of findings off a path.
func inner(path string) string {
	parts := strings.SplitN(path, "/", 4)
	if len(parts) < 4 || !strings.EqualFold(parts[1], "findings") {
		return path
	}
	if _, err := strconv.Atoi(parts[2]); err != nil {
		return path
	}
	return "/" + parts[3]
}

func suite() formattest.Suite {
	return formattest.Suite{New: securityhub.New, Scalars: scalars, Free: []string{
		"/Resources/", "/Vulnerabilities/", "/Network/", "/Process/", "/Action/", "/Threats/", "/Confidence", "/time", "/class_uid", "/activity_id",
		"/category_uid", "/type_uid", "/severity_id", "/status_id", "/compliance/", "/finding_info/", "/is_alert", "/vulnerabilities/", "/vendor_attributes/", "/aws_extra/",
	}}
}

func TestGolden(t *testing.T) { suite().Golden(t) }

func TestSettingsAreStrict(t *testing.T) {
	n, err := config.FromSettings(map[string]string{"no": "such"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := securityhub.New(n); err == nil {
		t.Error("an unknown setting is accepted")
	}
}

// TestUpdates: a finding that has changed is another event; the same one is not.
func TestUpdates(t *testing.T) {
	f, err := securityhub.New(config.Node{})
	if err != nil {
		t.Fatal(err)
	}
	uid := func(updated string) string {
		events, err := f.Parse(producers.Record{Data: []byte(`{"Id":"f1","SchemaVersion":"2018-10-08","UpdatedAt":"` + updated + `"}`), Origin: "o"})
		if err != nil {
			t.Fatal(err)
		}
		return events[0].UID
	}
	first, again, later := uid("2026-03-01T10:00:00.000Z"), uid("2026-03-01T10:00:00.000Z"), uid("2026-03-01T10:15:00.000Z")
	if first != again || first == later {
		t.Errorf("uids %q, %q, %q", first, again, later)
	}
}

func FuzzParse(f *testing.F) {
	s := suite()
	s.Seed(f)
	made, err := securityhub.New(config.Node{}) // takes its time
	if err != nil {
		f.Fatal(err)
	}
	s.New = func(config.Node) (producers.Format, error) { return made, nil }
	check := formattest.NewChecker(f)
	f.Fuzz(func(t *testing.T, data []byte, _ string) { s.Fuzz(t, check, data, nil) })
}

func BenchmarkParse(b *testing.B) { suite().Bench(b, formattest.JSON) }
