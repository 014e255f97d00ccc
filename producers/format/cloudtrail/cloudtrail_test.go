package cloudtrail_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/cloudtrail"
	"github.com/riposte-security/riposte/producers/format/formattest"
)

func suite() formattest.Suite {
	return formattest.Suite{New: cloudtrail.New, Scalars: formattest.JSONScalars, Free: []string{
		"/requestParameters/", "/responseElements/", "/detail/requestParameters/", "/detail/responseElements/",
	}}
}

func TestGolden(t *testing.T) { suite().Golden(t) }

func TestSettingsAreStrict(t *testing.T) {
	n, err := config.FromSettings(map[string]string{"no": "such"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cloudtrail.New(n); err == nil {
		t.Error("an unknown setting is accepted")
	}
}

func FuzzParse(f *testing.F) {
	suite().Seed(f)
	check := formattest.NewChecker(f)
	f.Fuzz(func(t *testing.T, data []byte, _ string) { suite().Fuzz(t, check, data, nil) })
}

// records are those of the golden cases that can be read, as a trail delivers them: without white space.
func records(b *testing.B) (list [][]byte, size int64) {
	b.Helper()
	files, err := filepath.Glob("testdata/[a-ac-z]*.txtar")
	if err != nil {
		b.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		for _, part := range txtar.Parse(text).Files {
			var line bytes.Buffer
			if part.Name == "record" && json.Compact(&line, part.Data) == nil {
				list, size = append(list, line.Bytes()), size+int64(line.Len())
			}
		}
	}
	return list, size
}

// The two benchmarks read the same records: from bytes to events, and what merely decoding them costs.

func BenchmarkParse(b *testing.B) {
	list, size := records(b)
	format, err := cloudtrail.New(config.Node{})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		for _, data := range list {
			if _, err := format.Parse(producers.Record{Data: data, Origin: "bench", Position: "1"}); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	list, size := records(b)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		for _, data := range list {
			var m map[string]any
			if err := json.Unmarshal(data, &m); err != nil {
				b.Fatal(err)
			}
		}
	}
}
