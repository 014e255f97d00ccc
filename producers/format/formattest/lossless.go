package formattest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/schemas"
)

// JSONScalars lists the scalars of a JSON record.
func JSONScalars(t testing.TB, r producers.Record) []Scalar {
	t.Helper()
	return flatten(t, r.Data)
}

func flatten(t testing.TB, data []byte) []Scalar {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	var out []Scalar
	walk(v, "", &out)
	return out
}

func walk(v any, path string, out *[]Scalar) {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			walk(e, path+"/"+k, out)
		}
	case []any:
		for i, e := range v {
			walk(e, path+"/"+strconv.Itoa(i), out)
		}
	case string:
		*out = append(*out, Scalar{path, strconv.Quote(v)})
	case json.Number:
		*out = append(*out, Scalar{path, v.String()})
	case bool:
		*out = append(*out, Scalar{path, strconv.FormatBool(v)})
	case nil:
		*out = append(*out, Scalar{path, "null"})
	}
}

// Lossless checks that every scalar of a record stands in one of its events: under unmapped at its own path, or elsewhere with the same
// value. Observables only repeat, so they do not count. free is Suite.Free.
func (c *Checker) Lossless(t testing.TB, record []Scalar, free []string, events []schemas.Event) {
	t.Helper()
	unmapped, mapped := map[Scalar]bool{}, map[string]bool{}
	for _, e := range events {
		for _, s := range flatten(t, e.Data) {
			if path, ok := strings.CutPrefix(s.Path, "/unmapped"); ok {
				unmapped[Scalar{path, s.Value}] = true
				if beside, ok := strings.CutPrefix(path, "/outer"); ok { // what a message and the record in it call by one name
					unmapped[Scalar{beside, s.Value}] = true
				}
			} else if !strings.HasPrefix(s.Path, "/observables/") {
				mapped[s.Value] = true
			}
		}
	}
	for _, s := range record {
		whole := s.Value[0] == '"' || slices.ContainsFunc(free, func(prefix string) bool { return strings.HasPrefix(s.Path, prefix) })
		if !unmapped[s] && (!whole || !mapped[s.Value]) {
			t.Errorf("lost: %s = %s", s.Path, s.Value)
		}
	}
}
