package ocsf_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/riposte-security/riposte/schemas/ocsf"
	"golang.org/x/tools/txtar"
)

// Each case is an event and the problems that Validate must name, one a line as "pointer: reason"; an empty list is a valid event.
func TestValidate(t *testing.T) {
	v := ocsf.NewValidator(load(t))
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no cases", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			text, err := fs.ReadFile(os.DirFS("."), file)
			if err != nil {
				t.Fatal(err)
			}
			parts := map[string]string{}
			for _, f := range txtar.Parse(text).Files {
				parts[f.Name] = string(f.Data)
			}
			var got strings.Builder
			if err := v.Validate([]byte(parts["event"])); err != nil {
				var invalid *ocsf.InvalidError
				if !errors.As(err, &invalid) {
					t.Fatal(err)
				}
				for _, p := range invalid.Problems {
					got.WriteString(p.Pointer + ": " + p.Reason + "\n")
				}
			}
			if diff := cmp.Diff(parts["problems"], got.String()); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func TestValidateRefusesWhatIsNoJSON(t *testing.T) {
	v := ocsf.NewValidator(load(t))
	for _, text := range []string{"", "{", "{} {}", "nonsense"} {
		var invalid *ocsf.InvalidError
		if err := v.Validate([]byte(text)); err == nil || errors.As(err, &invalid) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"{}", "[]", `"x"`, `{"class_uid":"6003"}`, `{"class_uid":1}`} {
		if err := v.Validate([]byte(text)); err == nil || !strings.Contains(err.Error(), "/class_uid") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Every class compiles, without and with all profiles.
func TestEverySchemaCompiles(t *testing.T) {
	s := load(t)
	v := ocsf.NewValidator(s)
	for _, name := range s.ClassNames() {
		c, _ := s.Class(name)
		for _, profiles := range []string{"", `"` + strings.Join(s.Profiles, `","`) + `"`} {
			event := `{"class_uid":` + itoa(c.UID) + `,"metadata":{"profiles":[` + profiles + `]}}`
			var invalid *ocsf.InvalidError
			if err := v.Validate([]byte(event)); !errors.As(err, &invalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
