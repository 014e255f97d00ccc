package ocsf

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas/ocsf"
)

// FuzzChecker: what the checker accepts, the validator accepts.
func FuzzChecker(f *testing.F) {
	files, err := filepath.Glob("../*/testdata/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for i, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range txtar.Parse(text).Files {
			if part.Name == "events" && json.Valid(part.Data) && (i%3 == 0 || filepath.Base(filepath.Dir(filepath.Dir(file))) == Name) {
				f.Add(part.Data)
			}
		}
	}
	schema, err := ocsf.Load()
	if err != nil {
		f.Fatal(err)
	}
	quick, err := newChecker(schema)
	if err != nil {
		f.Fatal(err)
	}
	validator := ocsf.NewValidator(schema)
	f.Fuzz(func(t *testing.T, data []byte) {
		var d ocsfjson.Doc
		if d.Parse(data) != nil {
			return
		}
		uid, _ := d.Int(d.Get(d.Root(), "class_uid"))
		class, ok := schema.ClassByUID(int(uid))
		if !ok || !quick.valid(&d, class) {
			return
		}
		if err := validator.Validate(data); err != nil {
			t.Errorf("accepted, but %v: %s", err, data)
		}
	})
}

// TestCheckerAccepts: events of all classes that are valid take the quick way.
func TestCheckerAccepts(t *testing.T) {
	schema, err := ocsf.Load()
	if err != nil {
		t.Fatal(err)
	}
	quick, err := newChecker(schema)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../*/testdata/[a-z]*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	classes := map[int64]int{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range txtar.Parse(text).Files {
			var d ocsfjson.Doc
			if part.Name != "events" || !json.Valid(part.Data) || d.Parse(part.Data) != nil {
				continue
			}
			uid, _ := d.Int(d.Get(d.Root(), "class_uid"))
			class, ok := schema.ClassByUID(int(uid))
			if !ok || !quick.valid(&d, class) {
				t.Errorf("%s: not accepted", file)
			}
			classes[uid]++
		}
	}
	if len(classes) < 10 {
		t.Errorf("only %v", classes)
	}
}
