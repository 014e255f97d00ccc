package sigma_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/router/sigma"
)

func options(t testing.TB) sigma.Options {
	t.Helper()
	l, err := rule.NewLanguage()
	if err != nil {
		t.Fatal(err)
	}
	return sigma.Options{Check: rule.Options{Language: l}}
}

// TestGolden runs every case in testdata: Sigma files (*.yml), optionally placeholders.yaml, and what comes of them: a file for each rule, and
// `refused`. With UPDATE_GOLDEN=1 in the environment the expectations are written anew.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	o := options(t)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := &txtar.Archive{Comment: a.Comment}
			o := o
			var in []sigma.File
			for _, f := range a.Files {
				switch {
				case f.Name == "placeholders.yaml":
					if o.Placeholders, err = sigma.ReadPlaceholders(f.Data); err != nil {
						t.Fatal(err)
					}
				case strings.HasSuffix(f.Name, ".yml"):
					in = append(in, sigma.File{Name: f.Name, Text: f.Data})
				default:
					continue
				}
				got.Files = append(got.Files, f)
			}
			res, err := sigma.Import(o, in)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range res.Imported {
				for _, r := range d.Rules {
					got.Files = append(got.Files, txtar.File{Name: r.ID + ".yaml", Data: []byte(r.YAML())})
				}
			}
			if len(res.Refused) > 0 {
				got.Files = append(got.Files, txtar.File{Name: "refused", Data: []byte(fmt.Sprintln(res.Refused))})
			}
			if os.Getenv("UPDATE_GOLDEN") != "" {
				if err := os.WriteFile(file, txtar.Format(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(txtar.Format(a)), string(txtar.Format(got))); diff != "" && os.Getenv("UPDATE_GOLDEN") == "" {
				t.Error(diff)
			}
		})
	}
}
