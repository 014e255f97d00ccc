package alert

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/riposte-security/riposte/schemas"
)

// TestGolden holds the text and JSON forms against testdata: a command, and what it is to look like. UPDATE_GOLDEN=1 writes what is.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var cmd schemas.Command
			if err := json.Unmarshal(ar.Files[0].Data, &cmd); err != nil {
				t.Fatal(err)
			}
			n := From(cmd)
			body, err := n.JSON()
			if err != nil {
				t.Fatal(err)
			}
			got := []txtar.File{ar.Files[0], {Name: "subject", Data: []byte(n.Subject(100) + "\n")}, {Name: "text", Data: []byte(n.Text())}, {Name: "json", Data: append(body, '\n')}}
			if os.Getenv("UPDATE_GOLDEN") != "" {
				if err := os.WriteFile(file, txtar.Format(&txtar.Archive{Comment: ar.Comment, Files: got}), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(asText(ar.Files), asText(got)); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func asText(files []txtar.File) map[string]string {
	all := map[string]string{}
	for _, f := range files {
		all[f.Name] = string(f.Data)
	}
	return all
}

func TestClean(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"plain", "plain"},
		{"two\r\nlines", "two  lines"},
		{"\x1b[2Jgone", ".[2Jgone"},
		{"a\u202eb\u2066c\u2028d", "a.b.c.d"},
		{"0123456789abc", "0123456789..."},
		{"\xff\xfe", "\ufffd\ufffd"},
	} {
		if got := Clean(c.in, 10); got != c.want {
			t.Errorf("Clean(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestSubject(t *testing.T) {
	for _, limit := range []int{0, 1, 3, 12, 100} {
		s := Notification{Title: strings.Repeat("é", 300), Severity: "high"}.Subject(limit)
		if len(s) > limit {
			t.Errorf("Subject(%d) has %d bytes", limit, len(s))
		}
	}
}

// FuzzFrom: whatever stands in an event, its notification is bounded, has no line of its own making, and can be written as JSON.
func FuzzFrom(f *testing.F) {
	f.Add([]byte(`{"class_uid":6003,"api":{"operation":"x"}}`), "title", "target")
	f.Add([]byte(`{"class_uid":4001,"src_endpoint":{"ip":"1\n2"}}`), "a\nb", "\x1b")
	f.Add([]byte(`[`), "", "")
	f.Fuzz(func(t *testing.T, event []byte, title, target string) {
		n := From(schemas.Command{Event: event, RuleTitle: title, Target: schemas.Target{Type: target, ID: target, Region: target}})
		for _, s := range []string{n.Title, n.Summary, n.Severity, n.Target.ID, n.Region, n.Subject(100)} {
			if strings.ContainsFunc(s, unicode.IsControl) || len(s) > 4*maxField+3 {
				t.Errorf("%q is not clean", s)
			}
		}
		for _, l := range n.Links {
			if strings.ContainsAny(l.URL, " \n\r\x1b") {
				t.Errorf("link %q", l.URL)
			}
		}
		if body, err := n.JSON(); err != nil || !json.Valid(body) {
			t.Errorf("JSON: %s, %v", body, err)
		}
		if lines := strings.Count(n.Text(), "\n"); lines > 20 {
			t.Errorf("%d lines of text", lines)
		}
	})
}
