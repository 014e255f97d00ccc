package unpack_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/riposte-security/riposte/producers/unpack"
)

// What looks like the beginning of a document between lines of text costs itself alone.
func TestBraceAmongLines(t *testing.T) {
	for _, line := range []string{"2 123456789012 eni-1 OK", "Mar  1 09:14:02 web-1 x: y", "<34>1 - - - - - -", "https 2026-03-01T09:14:02Z"} {
		for _, bad := range []string{`{"a":`, `{`, `{"a":"b`, `{"a":[1,`, `{"a" 1}`} {
			got, _ := read(t, strings.Join([]string{bad, line, line, bad, line, bad}, "\n")+"\n", unpack.Options{})
			if want := []string{"!" + bad, line, line, "!" + bad, line, "!" + bad}; fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
				t.Errorf("%q\nwant\n%q", got, want)
			}
		}
	}
	spread := "{\n  \"a\" 1,\n  \"b\": [\n1\n]\n}" // its lines are no records, but for the one that looks like one
	got, _ := read(t, "{\n  \"a\" 1,\n  \"b\": 2\n}\n{\"n\":1}\n", unpack.Options{})
	if want := []string{"!{\n  \"a\" 1,\n  \"b\": 2\n}", `{"n":1}`}; fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("%q\nwant\n%q", got, want)
	}
	if got, _ := read(t, spread, unpack.Options{}); strings.ReplaceAll(strings.Join(got, "\n"), "!", "") != spread {
		t.Errorf("lost of %q: %q", spread, got)
	}
}
