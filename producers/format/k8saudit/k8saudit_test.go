package k8saudit_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/formattest"
	"github.com/riposte-security/riposte/producers/format/k8saudit"
)

// scalars are those of the record; of a list, those of its members as if each were a record, and those of the list beside them, unless a
// member has one of the same name.
func scalars(t testing.TB, r producers.Record) []formattest.Scalar {
	t.Helper()
	var list struct {
		Items []map[string]any `json:"items"`
	}
	all := formattest.JSONScalars(t, r)
	if json.Unmarshal(r.Data, &list) != nil || list.Items == nil {
		return all
	}
	item := regexp.MustCompile(`^/items/\d+`)
	var out []formattest.Scalar
	for _, s := range all {
		name, _, _ := strings.Cut(strings.TrimPrefix(s.Path, "/"), "/")
		if at := item.FindString(s.Path); at != "" {
			s.Path = strings.TrimPrefix(s.Path, at)
		} else if len(list.Items) == 0 || list.Items[0][name] != nil {
			continue
		}
		out = append(out, s)
	}
	return out
}

func suite() formattest.Suite {
	return formattest.Suite{New: k8saudit.New, Scalars: scalars, Free: []string{"/requestObject", "/responseObject", "/responseStatus/code"}}
}

func TestGolden(t *testing.T) { suite().Golden(t) }

func TestSettingsAreStrict(t *testing.T) {
	n, err := config.FromSettings(map[string]string{"no": "such"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k8saudit.New(n); err == nil {
		t.Error("an unknown setting is accepted")
	}
}

// Clients choose the auditID: whoever gives two requests the same one must not have the second taken for a repetition.
func TestUIDs(t *testing.T) {
	format, err := k8saudit.New(config.Node{})
	if err != nil {
		t.Fatal(err)
	}
	uid := func(stage, verb string) string {
		t.Helper()
		data := `{"apiVersion":"audit.k8s.io/v1","auditID":"a","stage":"` + stage + `","verb":"` + verb + `","stageTimestamp":"2026-02-25T06:13:20.123456Z"}`
		events, err := format.Parse(producers.Record{Data: []byte(data), Origin: "o", Position: "p"})
		if err != nil {
			t.Fatal(err)
		}
		return events[0].UID
	}
	first := uid("ResponseComplete", "get")
	if !strings.HasPrefix(first, "a/ResponseComplete/") || first != uid("ResponseComplete", "get") {
		t.Errorf("uid %q", first)
	}
	if first == uid("ResponseStarted", "get") || first == uid("ResponseComplete", "delete") {
		t.Error("two events have one uid")
	}
}

func FuzzParse(f *testing.F) {
	suite().Seed(f)
	check := formattest.NewChecker(f)
	f.Fuzz(func(t *testing.T, data []byte, _ string) { suite().Fuzz(t, check, data, nil) })
}

func BenchmarkParse(b *testing.B) { suite().Bench(b, formattest.JSON) }
