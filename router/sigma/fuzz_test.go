package sigma_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/router/sigma"
)

// FuzzImport: whatever a file holds, it is refused with a reason or becomes rules that load.
func FuzzImport(f *testing.F) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		f.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range a.Files {
			if strings.HasSuffix(part.Name, ".yml") {
				f.Add(string(part.Data))
			}
		}
	}
	o := options(f)
	f.Fuzz(func(t *testing.T, text string) {
		res, err := sigma.Import(o, []sigma.File{{Name: "rule.yml", Text: []byte(text)}})
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, d := range res.Imported {
			for _, r := range d.Rules {
				all = append(all, r.YAML())
			}
		}
		if len(all) == 0 {
			return
		}
		if _, err := rule.Parse(o.Check, "converted.yaml", []byte(strings.Join(all, "---\n"))); err != nil {
			t.Errorf("what was made does not load: %v\n%s", err, strings.Join(all, "---\n"))
		}
	})
}

// TestLongLists: a rule with thousands of values is a rule.
func TestLongLists(t *testing.T) {
	const many = 1000
	for _, modifier := range []string{"", "|contains", "|cidr"} { // the field does not matter
		var b strings.Builder
		b.WriteString("title: long\nid: long\nlogsource: { product: linux, category: network_connection }\ndetection:\n  s:\n    DestinationHostname" + modifier + ":\n")
		for i := range many {
			if modifier == "|cidr" {
				b.WriteString("      - 10." + itoa(i/256) + "." + itoa(i%256) + ".0/24\n")
			} else {
				b.WriteString("      - host-" + itoa(i) + ".example.com\n")
			}
		}
		b.WriteString("  condition: s\n")
		res, err := sigma.Import(options(t), []sigma.File{{Name: "long.yml", Text: []byte(b.String())}})
		if err != nil || len(res.Refused) > 0 {
			t.Errorf("%s: %v %v", modifier, err, res.Refused)
		}
	}
}

func itoa(i int) string {
	const digits = "0123456789"
	if i < 10 {
		return digits[i : i+1]
	}
	return itoa(i/10) + digits[i%10:i%10+1]
}

// TestReport prints what becomes of the Sigma rules in testdata, which cover every modifier and every form of condition: run it with -v.
func TestReport(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	o := options(t)
	text, err := os.ReadFile("testdata/modifiers.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range txtar.Parse(text).Files {
		if f.Name == "placeholders.yaml" {
			if o.Placeholders, err = sigma.ReadPlaceholders(f.Data); err != nil {
				t.Fatal(err)
			}
		}
	}
	documents, imported, refused, rules := 0, 0, 0, 0
	for _, file := range files {
		a, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var in []sigma.File
		for _, f := range a.Files {
			if strings.HasSuffix(f.Name, ".yml") {
				in = append(in, sigma.File{Name: filepath.Base(file) + "/" + f.Name, Text: f.Data})
			}
		}
		res, err := sigma.Import(o, in)
		if err != nil {
			t.Fatal(err)
		}
		documents, imported, refused = documents+res.Documents, imported+len(res.Imported), refused+res.RefusedDocuments
		for _, d := range res.Imported {
			rules += len(d.Rules)
			for _, r := range d.Rules {
				t.Logf("%s:%d: imported as %s (%s)", d.File, d.Line, r.ID, r.Title)
			}
		}
		for _, p := range res.Refused {
			t.Logf("%s", p)
		}
	}
	t.Logf("%d documents: %d imported (%d rules), %d refused", documents, imported, rules, refused)
	if imported+refused != documents || imported == 0 {
		t.Errorf("%d documents, %d imported, %d refused", documents, imported, refused)
	}
}
