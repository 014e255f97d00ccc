package unpack

import (
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// TestSeveralLines: what is indented belongs to the entry before it, of syslog and of journalctl alone, and what journalctl prints between
// entries is none. (A golden file cannot hold the lines that begin with two hyphens.)
func TestSeveralLines(t *testing.T) {
	const in = `-- Journal begins at Sun 2026-01-04 10:00:00 UTC, ends at Sun 2026-03-01 09:20:00 UTC. --
Mar 01 09:14:02 web-1 app[12]: first line
                               second line
                                 deeper
Mar 01 09:14:03 web-1 sshd[4242]: alone
-- Boot 0123456789abcdef0123456789abcdef --
2026-03-01T09:14:04+00:00 web-1 java[7]: Exception in thread main
	at Main.run(Main.java:7)

	at Main.main(Main.java:3)
Sun 2026-03-01 09:14:05 UTC web-1 app[12]: two
                                           lines
<13>Mar  1 09:14:06 web-1 app: three
  lines
2026-03-01 09:14:02 another log
  indented
-- cursor: s=0123456789abcdef0123456789abcdef;i=1a2
`
	want := []string{
		"Mar 01 09:14:02 web-1 app[12]: first line\nsecond line\n  deeper",
		"Mar 01 09:14:03 web-1 sshd[4242]: alone",
		"2026-03-01T09:14:04+00:00 web-1 java[7]: Exception in thread main\n\tat Main.run(Main.java:7)\n\n\tat Main.main(Main.java:3)",
		"Sun 2026-03-01 09:14:05 UTC web-1 app[12]: two\nlines",
		"<13>Mar  1 09:14:06 web-1 app: three\nlines",
		"2026-03-01 09:14:02 another log", "indented",
	}
	for _, got := range [][]Item{items(t, strings.NewReader(in), Options{}), items(t, iotest.OneByteReader(strings.NewReader(in)), Options{})} {
		var texts []string
		for _, it := range got {
			texts = append(texts, string(it.Record.Data))
		}
		if !slices.Equal(texts, want) {
			t.Errorf("%q", texts)
		}
	}
}

// TestSeveralLinesBounded: an entry that never ends is a problem of bounded size, and the next one is found.
func TestSeveralLinesBounded(t *testing.T) {
	const next = "\nMar 01 09:14:03 web-1 sshd[4242]: alone\n"
	for _, begin := range []string{"Mar 01 09:14:02 web-1 app[12]: first", "Sun 2026-03-01 09:14:02.123456 UTC [s=1;t=64c2ff13b2c40;x=1]"} {
		got := items(t, strings.NewReader(begin+strings.Repeat("\n    A=x", 1000)+next), Options{MaxRecord: 256})
		if len(got) != 2 || got[0].Err == nil || len(got[0].Record.Data) > 256 || got[1].Err != nil {
			t.Errorf("%s: %s", begin, show(got))
		}
	}
}
