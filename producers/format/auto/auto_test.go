package auto_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/catalog"
	"github.com/riposte-security/riposte/producers/format/auto"
	"github.com/riposte-security/riposte/producers/format/formattest"
)

// exceptions are the cases of other formats that read as something else by themselves, and why.
func exceptions() map[string]string {
	return map[string]string{
		"json/ocsf":                "ocsf", // json reads events that are OCSF as well
		"json/ocsf_without_uid":    "ocsf",
		"eventbridge/detail_alone": "cloudtrail",
	}
}

// TestEveryFixture: every record of every format's golden cases that gives events is recognised as that format's. A case with settings is
// none that content alone can tell.
func TestEveryFixture(t *testing.T) {
	files, err := filepath.Glob("../*/testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	seen := map[string]int{}
	for _, file := range files {
		name := filepath.Base(filepath.Dir(filepath.Dir(file)))
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r, readable := record(t, archive)
		if !readable || name == auto.Name {
			continue
		}
		seen[name]++
		id := name + "/" + strings.TrimSuffix(filepath.Base(file), ".txtar")
		want := name
		if other, ok := exceptions()[id]; ok {
			want = other
		} else if bytes.Contains(r.Data, []byte(`"detail-type"`)) {
			want = "eventbridge"
		}
		if got := auto.Detect(r); got != want {
			t.Errorf("%s: recognised as %q, want %q", id, got, want)
		}
	}
	for _, f := range catalog.Formats() {
		if seen[f.Name] == 0 && f.Name != auto.Name {
			t.Errorf("format %s: no cases", f.Name)
		}
	}
}

// record reads a case; readable is false for one that gives no events, or needs settings.
func record(t *testing.T, archive *txtar.Archive) (r producers.Record, readable bool) {
	t.Helper()
	r = producers.Record{Origin: "test", Position: "1", Attrs: map[string]string{}}
	readable = true
	for _, f := range archive.Files {
		switch f.Name {
		case "record":
			r.Data = bytes.TrimSuffix(f.Data, []byte("\n"))
		case "attrs":
			for line := range strings.Lines(string(f.Data)) {
				name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
				r.Attrs[name] = value
			}
		case "settings", "error":
			readable = false
		case "events":
			readable = readable && len(bytes.TrimSpace(f.Data)) > 0 // an empty list of nothing says nothing of its format
		}
	}
	return r, readable
}

func suite() formattest.Suite {
	return formattest.Suite{New: auto.New(catalog.NewFormat), Scalars: formattest.JSONScalars, Free: []string{"/"}}
}

func TestUnknown(t *testing.T) {
	f, err := auto.New(catalog.NewFormat)(config.Node{})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "hello world", "[1,2]", "2026-03-01 something", strings.Repeat("x", 10000), "\x00\xff"} {
		_, err := f.Parse(producers.Record{Data: []byte(text), Origin: "o", Position: "1"})
		if err == nil || !fault.IsPermanent(err) || len(err.Error()) > 300 {
			t.Errorf("%.20q: %v", text, err)
		}
	}
}

// TestMaking: a format that cannot be made is not the record's fault.
func TestMaking(t *testing.T) {
	broken := errors.New("broken")
	f, err := auto.New(func(string, config.Node) (producers.Format, error) { return nil, broken })(config.Node{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Parse(producers.Record{Data: []byte(`{"a":1}`)}); !errors.Is(err, broken) || fault.IsPermanent(err) {
		t.Error(err)
	}
}

func TestSettingsAreStrict(t *testing.T) {
	n, err := config.FromSettings(map[string]string{"no": "such"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := auto.New(catalog.NewFormat)(n); err == nil {
		t.Error("an unknown setting is accepted")
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("../*/testdata/[a-z]*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for i, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range archive.Files {
			if part.Name == "record" && i%5 == 0 {
				f.Add(part.Data)
			}
		}
	}
	check := formattest.NewChecker(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		suite().Fuzz(t, check, data, map[string]string{producers.AttrFile: "what is lossless, each format's own test says"})
	})
}
