package file

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/producers"
)

// TestUnfinishedLinesStarveNobody: more files than are read at the same time have a last line without an end. The others are read all the
// same, somebody is told, and the lines come when they are finished.
func TestUnfinishedLinesStarveNobody(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	name := func(i int) string { return filepath.Join(dir, fmt.Sprintf("%03d.log", i)) }
	const n = maxOpen + 12
	for i := range n {
		write(t, name(i), strings.TrimSuffix(line(i), "}\n"))
	}
	write(t, filepath.Join(dir, "zz.log"), line(n))
	k := &sink{}
	s := open(t, "paths: [ "+dir+"/*.log ]\npoll: 50ms\n", producers.SourceDeps{DataDir: dir}).(*source)
	var log bytes.Buffer
	s.log = zerolog.New(zerolog.SyncWriter(&log))
	stop := start(t, s, k)
	await.Until(t, "the file with a whole line", func() bool { return k.lines()[strings.TrimSpace(line(n))] == 1 })
	for i := range n {
		write(t, name(i), "}\n")
	}
	await.Until(t, "all lines", func() bool { return len(k.lines()) == n+1 })
	wantOnce(t, k, n+1)
	stop()
	if said := strings.Count(log.String(), "they take turns"); said < 1 || said > 3 {
		t.Errorf("said %d times: %s", said, log.String())
	}
}

// TestBusyFilesTakeTurns: a file that never stops growing makes room as well.
func TestBusyFilesTakeTurns(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	busy, other := filepath.Join(dir, "a.log"), filepath.Join(dir, "b.log")
	write(t, busy, line(0))
	k := &sink{}
	s := open(t, "paths: [ "+dir+"/*.log ]\npoll: 20ms\n", producers.SourceDeps{DataDir: dir}).(*source)
	s.maxOpen, s.turn = 1, 100*time.Millisecond
	stop := start(t, s, k)
	n := 1
	await.Until(t, "the busy file", func() bool { return k.lines()[strings.TrimSpace(line(0))] == 1 })
	write(t, other, "{\"other\":1}\n")
	await.Until(t, "the other file, while the first grows", func() bool {
		write(t, busy, line(n))
		n++
		return k.lines()[`{"other":1}`] == 1
	})
	await.Until(t, "the rest", func() bool { return len(k.lines()) == n+1 })
	stop()
	for l, times := range k.lines() {
		if times != 1 {
			t.Errorf("%s is there %d times", l, times)
		}
	}
}
