package rule_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/riposte-security/riposte/router/rule"
	"github.com/riposte-security/riposte/schemas"
)

// TestProblems holds every case in testdata: rule.yaml, and in problems what is to be said of it.
func TestProblems(t *testing.T) {
	t.Parallel()
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatal("no cases", err)
	}
	l, err := rule.NewLanguage()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			o := options()
			o.Receivers, o.Language, o.Lists = []string{"security"}, l, []string{"scanners", "other"}
			o.AlertSettings = []schemas.Setting{{Name: "message", Type: "string"}, {Name: "runbook", Type: "string"}}
			_, err = rule.Parse(o, "r.yaml", a.Files[0].Data)
			got := ""
			if err != nil {
				got = err.Error() + "\n"
			}
			if want := string(a.Files[1].Data); got != want {
				if os.Getenv("UPDATE") != "" {
					a.Files[1].Data = []byte(got)
					if err := os.WriteFile(path, txtar.Format(a), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

// TestPlacesInScalars: a misspelt field is found in every style that YAML has for a string.
func TestPlacesInScalars(t *testing.T) {
	t.Parallel()
	o := options()
	var err error
	if o.Language, err = rule.NewLanguage(); err != nil {
		t.Fatal(err)
	}
	for name, when := range map[string]string{
		"plain":             "when: status_id == 1 and BAD == 2\n",
		"plain, two lines":  "when: status_id == 1\n  and BAD == 2\n",
		"double":            "when: \"message == \\\"x\\ty\\\" and BAD == 2\"\n",
		"double, \\u":       "when: \"message == \\\"\\u00e9\\x41\\\" and BAD == 2\"\n",
		"double, two lines": "when: \"message == 'x' and \\\n    status_id == 1\n\n    and BAD == 2\"\n",
		"single":            "when: 'message == ''x'' and BAD == 2'\n",
		"single, two lines": "when: 'message == ''x''\n  and BAD == 2'\n",
		"literal":           "when: |\n  status_id == 1\n    and BAD == 2\n",
		"literal, blank":    "when: |-\n\n  status_id == 1\n\n  and BAD == 2\n",
		"literal, indent":   "when: |2\n   status_id == 1\n    and BAD == 2\n",
		"folded":            "when: >\n  status_id == 1\n  and BAD == 2\n",
		"folded, strip":     "when: >-\n  status_id == 1\n\n  and BAD == 2\n",
		"folded, comment":   "when: > # of the header\n  status_id == 1\n  and BAD == 2\n",
		"not ASCII":         "when: message == \"\u00e9\u4e16\U0001f600\" and BAD == 2\n",
		"not ASCII, folded": "when: >\n  message == \"\u00e9\u4e16\U0001f600\"\n  and message != \"\u00e9\" and BAD == 2\n",
		"carriage returns":  "when: >\r\n  status_id == 1\r\n  and BAD == 2\r\n",
	} {
		for _, before := range []string{"", "# a comment\n\n", "description: >\n  Some text.\n\n  More of it.\n"} {
			text := before + when + minimal + "then: [ { alert: {} } ]\n"
			_, err := rule.Parse(o, "r.yaml", []byte(text))
			var problems rule.Problems
			if !errors.As(err, &problems) || len(problems) != 1 {
				t.Errorf("%s: %v", name, err)
				continue
			}
			p := problems[0]
			line := []rune(strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")[p.Line-1])
			if rest := string(line[min(p.Column-1, len(line)):]); !strings.HasPrefix(rest, "BAD") {
				t.Errorf("%s: %v points at %q", name, p, rest)
			}
		}
	}
}

func TestLoadFolders(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	body := "title: x\nseverity: low\nwhen: status_id == 1\nthen: [ { alert: {} } ]\n"
	write("a.yaml", "id: a\n"+body+"---\nid: b\n"+body+"---\n# nothing\n")
	write("sub/c.yml", "id: c\n"+body)
	write("notes.txt", "id: ignored")
	write(".hidden/d.yaml", "no rule")
	write("sub/.e.yaml", "no rule")
	rules, err := rule.Load(options(), dir)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, r := range rules {
		ids = append(ids, r.ID)
	}
	if got := strings.Join(ids, " "); got != "a b c" {
		t.Errorf("rules %q", got)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	if rules, err := rule.Load(options(), link); err != nil || len(rules) != 3 {
		t.Errorf("through a link: %d rules, %v", len(rules), err)
	}
	write("z.yaml", "id: b\n"+body)
	write("y.yaml", "id: y\n"+strings.Replace(body, "low", "lowest", 1))
	_, err = rule.Load(options(), dir, filepath.Join(dir, "none.yaml"), t.TempDir())
	for _, want := range []string{
		`z.yaml:1:1: the id "b" is taken by the rule at ` + filepath.Join(dir, "a.yaml") + ":7",
		`y.yaml:3:11: severity "lowest": informational, low, medium, high, critical expected`,
		"none.yaml: no such file or directory",
		"no rule files (*.yaml, *.yml) in this folder",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in\n%v", want, err)
		}
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"flow sequences": minimal + "tags: " + strings.Repeat("[", 200_000),
		"flow mappings":  minimal + "tags: " + strings.Repeat("{a: ", 100_000),
		"dashes":         minimal + "tags:\n" + strings.Repeat("- ", 200_000) + "x\n",
		"indentation":    deep(2000),
		"question marks": strings.Repeat("? ", 100_000),
		"keys":           keys(60_000),
		"anchor":         "a: &a [x]\nb: *a\n",
		"tag":            "id: !!binary x\n",
	} {
		if _, err := rule.Parse(options(), "r.yaml", []byte(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	big := filepath.Join(t.TempDir(), "big.yaml")
	if err := os.WriteFile(big, make([]byte, 2<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := rule.Load(options(), big); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("a file of 2 MiB: %v", err)
	}
}

func keys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "k%d: v\n", i)
	}
	return b.String()
}

func deep(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return b.String()
}

func TestHashIsOfWhatTheRuleDoes(t *testing.T) {
	t.Parallel()
	base := minimal + "when: status_id == 1\nthen: [ { alert: {} } ]\n"
	hash := parse(t, base).Hash
	if len(hash) != 32 {
		t.Fatalf("hash %q", hash)
	}
	same := "# comment\nthen:\n  - alert: {}\nwhen: >-\n  status_id == 1\n" + minimal + "tests: [ { name: x, match: true, event: { class_uid: 0, status_id: 1 } } ]\n"
	if got := parse(t, same).Hash; got != hash {
		t.Error("layout, comments and tests changed the hash")
	}
	if got := parse(t, strings.Replace(base, "status_id == 1", "status_id == 2", 1)).Hash; got == hash {
		t.Error("another predicate has the same hash")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(minimal + "when: status_id == 1\nthen: [ { alert: {} } ]\n")
	f.Add(minimal + "when: >\n  unmapped.a matches \"x\"\nthen:\n  - remediate: { action: encrypt, target: unmapped.b, with: { algorithm: \"${ unmapped.a }-$${x}\" } }\n")
	f.Add("id: x\n---\nid: 'y'\nwhen: \"a \\\n b\"\n...\n")
	f.Add("{id: [}")
	f.Add("when: |2-\n   x\nthen: null\ntests: [{event: {a: .inf}}]")
	o := options()
	l, err := rule.NewLanguage()
	if err != nil {
		f.Fatal(err)
	}
	o.Language = l
	f.Fuzz(func(t *testing.T, text string) {
		_, err := rule.Parse(o, "r.yaml", []byte(text))
		var problems rule.Problems
		if err != nil && !errors.As(err, &problems) {
			t.Fatalf("no place: %v", err)
		}
		lines := strings.Count(text, "\n") + 2
		for _, p := range problems {
			if p.Line < 0 || p.Line > lines || p.Column < 0 {
				t.Fatalf("%v is outside of the text", p)
			}
		}
	})
}
