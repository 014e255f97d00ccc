package checkpoint

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/riposte-security/riposte/internal/fault"
)

type state struct {
	After string `json:"after"`
	Count int    `json:"count"`
}

func TestSurvives(t *testing.T) {
	path := filepath.Join(t.TempDir(), "checkpoints", "a.json")
	f, err := Open(path, "test", state{After: "start"})
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Error("whether it can be written is not known", err)
	}
	if err := f.Save(); err != nil {
		t.Fatal(err)
	}
	if now, err := os.Stat(path); err != nil || !os.SameFile(before, now) {
		t.Error("saved without a change", err)
	}
	f.Update(func(s *state) { s.After, s.Count = "k", 2 })
	if err := f.Save(); err != nil {
		t.Fatal(err)
	}
	f.Update(func(s *state) { s.Count = 3 })
	if err := f.SaveAfter(time.Hour); err != nil { // too early
		t.Fatal(err)
	}
	g, err := Open(path, "test", state{})
	if err != nil {
		t.Fatal(err)
	}
	g.Read(func(s *state) {
		if *s != (state{"k", 2}) {
			t.Errorf("%+v", *s)
		}
	})
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*.tmp"))
	if err != nil || len(left) > 0 {
		t.Error(left, err)
	}
}

func TestRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"another kind":    `{"version":1,"kind":"other","state":{}}`,
		"another version": `{"version":2,"kind":"test","state":{}}`,
		"cut short":       `{"version":1,"kind":"test","sta`,
		"empty":           "",
	} {
		path := filepath.Join(t.TempDir(), "a.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path, "test", state{}); !fault.IsPermanent(err) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestNoRoom opens where nothing can be written: a source is not to begin.
func TestNoRoom(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(filepath.Join(dir, "file", "a.json"), "test", state{}); err == nil || fault.IsPermanent(err) {
		t.Error("fresh:", err)
	}
	known := filepath.Join(dir, strings.Repeat("x", 250)) // with more behind it, the name is too long
	if err := os.WriteFile(known, []byte(`{"version":1,"kind":"test","state":{}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(known, "test", state{}); err == nil || fault.IsPermanent(err) {
		t.Error("known:", err)
	}
}

func TestSaveFails(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(filepath.Join(dir, "a.json"), "test", state{})
	if err != nil {
		t.Fatal(err)
	}
	f.path = filepath.Join(dir, "file", "a.json") // its folder is a file
	f.Update(func(s *state) { s.Count = 1 })
	if err := f.Save(); err == nil {
		t.Fatal("no error")
	}
	f.path = filepath.Join(dir, "a.json")
	if err := f.Save(); err != nil { // what failed is still to be saved
		t.Fatal(err)
	}
	if _, err := os.Stat(f.path); err != nil {
		t.Error(err)
	}
}

func TestPath(t *testing.T) {
	for _, c := range []struct{ setting, data, name, want string }{
		{"x.json", "data", "p", "x.json"},
		{"", "data", "p", filepath.Join("data", "checkpoints", "p.json")},
		{"", "data", "../p", filepath.Join("data", "checkpoints", "p.json")},
		{"", "", "p", ""},
	} {
		got, err := Path(c.setting, c.data, c.name)
		if got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%+v: %q %v", c, got, err)
		}
	}
}
