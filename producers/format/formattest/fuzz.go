package formattest

import (
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
)

// Seed gives the records of all golden cases, with their header line, to a fuzz target of ([]byte, string).
func (s Suite) Seed(f *testing.F) {
	f.Helper()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range archive.Files {
			if part.Name == "record" {
				f.Add(part.Data, "")
			}
		}
	}
}

// Fuzz checks what must hold of any input: an event that is valid and says the same twice, or a permanent error.
func (s Suite) Fuzz(t *testing.T, check *Checker, data []byte, attrs map[string]string) {
	format, err := s.New(config.Node{})
	if err != nil {
		t.Fatal(err)
	}
	r := producers.Record{Data: data, Origin: "fuzz", Position: "1", Received: time.Unix(1772000000, 0), Attrs: attrs}
	events, err := format.Parse(r)
	if err != nil {
		if !fault.IsPermanent(err) {
			t.Fatalf("not permanent: %v", err)
		}
		return
	}
	again, err := format.Parse(r)
	if err != nil || len(again) != len(events) {
		t.Fatalf("the second time: %v", err)
	}
	for i, e := range events {
		check.Valid(t, e)
		if string(e.Data) != string(again[i].Data) || e.UID != again[i].UID {
			t.Fatal("the second time another event")
		}
	}
	if len(attrs) == 0 {
		check.Lossless(t, s.Scalars(t, r), s.Free, events)
	}
}
