package app

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestReadme holds the YAML of the README against the code: the rule passes its test, the configuration is sound.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 2 {
		t.Fatalf("%d blocks of YAML in the README, two at least expected", len(blocks))
	}
	t.Setenv("GITHUB_TOKEN", "a-token-for-issues")
	t.Setenv("RIPOSTE_APPROVAL_SECRET", strings.Repeat("s", 32))
	t.Setenv("TICKETS_SECRET", "s")
	t.Setenv("CHAT_KEY", "k")
	t.Chdir(t.TempDir())
	write(t, ".", "exemptions.yaml", "exemptions: []\n")
	for _, name := range []string{"router", "router-before", "ann", "bob"} {
		_, public := newPair(t, ".", name)
		write(t, ".", name+".pub", public+"\n")
	}
	for _, b := range blocks {
		file := write(t, t.TempDir(), "readme.yaml", b[1])
		args := []string{"-c", file, "config", "check"}
		if strings.HasPrefix(b[1], "id:") {
			args = []string{"rules", "test", file}
		}
		var out strings.Builder
		if code := Main(t.Context(), args, Streams{In: strings.NewReader(""), Out: &out, Err: &out}); code != 0 {
			t.Errorf("riposte %s: %d\n%s\n%s", strings.Join(args, " "), code, b[1], &out)
		}
	}
}
