package lists

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/await"
)

func TestFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "list.txt")
	write(t, path, "192.0.2.1\n192.0.2.2\n", time.Minute)
	r := start(t, "lists: { l: { from: { file: "+path+" } } }", rigOptions{})
	if !r.has("l", "192.0.2.1") || r.has("l", "192.0.2.3") {
		t.Fatal("the first copy is not in force")
	}

	write(t, path, "192.0.2.3\n", time.Minute)
	await.Until(t, "the new copy", func() bool { return r.has("l", "192.0.2.3") && !r.has("l", "192.0.2.1") })

	// What is no list of addresses changes nothing: the kind was found out once.
	write(t, path, numbered("<p>error %d</p>", 20), time.Minute)
	await.Until(t, "a refusal", func() bool { return r.logs.count(`list l is away`) == 1 })
	if !r.has("l", "192.0.2.3") {
		t.Error("the last good copy is gone")
	}
	write(t, path, "", time.Minute)
	await.Until(t, "another refusal", func() bool { return r.value(t, "riposte_list_refreshes_total", "l", "failed") >= 2 })
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	await.Until(t, "a third", func() bool { return r.value(t, "riposte_list_refreshes_total", "l", "failed") >= 3 })
	if !r.has("l", "192.0.2.3") || r.logs.count("list l is away") != 1 {
		t.Errorf("still there: %v; told %d times", r.has("l", "192.0.2.3"), r.logs.count("list l is away"))
	}

	write(t, path, "192.0.2.4\nnonsense\n", time.Minute)
	await.Until(t, "it is back", func() bool { return r.has("l", "192.0.2.4") && r.logs.count("list l is back") == 1 })
	if r.logs.count(`"bad":1,"entries":1,"first_bad":"\"nonsense\": no address and no network"`) != 1 {
		t.Error("the bad entry is not told")
	}
	if r.value(t, "riposte_list_entries", "l") != 1 || r.value(t, "riposte_list_loaded", "l") != 1 || r.value(t, "riposte_list_age_seconds", "l") < 59 {
		t.Error("metrics")
	}
}

// TestFileBeingWritten is read when it is quiet, and not before.
func TestFileBeingWritten(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "list.txt")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // closed below
	w := newWatched(path, zerolog.Nop())
	for range 3 {
		if _, err := f.WriteString("192.0.2.1\n"); err != nil {
			t.Fatal(err)
		}
		soon := time.Now().Add(time.Minute) // however slow this machine is, the last write is not over
		if err := os.Chtimes(path, soon, soon); err != nil {
			t.Fatal(err)
		}
		if c, _, err := w.fetch(t.Context()); c != nil || err != errSettling { //nolint:errorlint // that very error
			t.Fatal(c, err)
		}
	}
	past := time.Now().Add(-time.Minute)
	if err := os.Chtimes(path, past, past); err != nil {
		t.Fatal(err)
	}
	c, at, err := w.fetch(t.Context())
	if err != nil || c == nil || !at.Equal(past) {
		t.Fatal(c, at, err)
	}
	// It changes while it is read: that is no good copy, and the next look reads it again.
	if _, err := f.WriteString("192.0.2.2\n"); err != nil {
		t.Fatal(err)
	}
	if err := c.keep(); err == nil {
		t.Error("a change while reading was not seen")
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := os.Chtimes(path, past, past); err != nil {
		t.Fatal(err)
	}
	if c, _, err = w.fetch(t.Context()); err != nil || c == nil {
		t.Fatal(c, err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if c, _, err := w.fetch(t.Context()); c != nil || err != nil {
		t.Error("unchanged", c, err)
	}
}

// TestFileThroughLink: a mounted ConfigMap is a link that is turned round.
func TestFileThroughLink(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{"a": "a.example\n", "b": "b.example\n"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o750); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name, "list.txt"), text, time.Minute)
	}
	turn := func(to string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(dir, "..tmp")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	turn("a")
	if err := os.Symlink("..data/list.txt", filepath.Join(dir, "list.txt")); err != nil {
		t.Fatal(err)
	}
	r := start(t, "lists: { l: { kind: domain, from: { file: "+filepath.Join(dir, "list.txt")+" } } }", rigOptions{})
	if !r.has("l", "www.a.example") {
		t.Fatal("not loaded")
	}
	turn("b")
	await.Until(t, "the other file", func() bool { return r.has("l", "b.example") && !r.has("l", "a.example") })
}

// TestTTL: a file that nobody writes any more holds nothing once it is too old, and does again when it is written.
func TestTTL(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "list.txt")
	write(t, path, "192.0.2.1\n", time.Minute)
	clock := newClock()
	r := start(t, "lists: { l: { ttl: 1h, refresh: 1s, from: { file: "+path+" } } }", rigOptions{now: clock.now})
	if !r.has("l", "192.0.2.1") {
		t.Fatal("not loaded")
	}
	clock.forward(2 * time.Hour)
	if r.has("l", "192.0.2.1") {
		t.Error("too old, and still in force")
	}
	await.Until(t, "it is told", func() bool { return r.logs.count("older than its ttl") == 1 })
	write(t, path, "192.0.2.1\n192.0.2.2\n", -2*time.Hour)
	await.Until(t, "it is fresh", func() bool { return r.has("l", "192.0.2.2") && r.logs.count("fresh again") == 1 })
}

// TestEntriesExpire by the clock, at the lookup.
func TestEntriesExpire(t *testing.T) {
	t.Parallel()
	clock := newClock()
	path := filepath.Join(t.TempDir(), "list.csv")
	write(t, path, "ip,until\n192.0.2.1,"+clock.now().Add(time.Hour).Format(time.RFC3339)+"\n192.0.2.2,\n192.0.2.3,2020-01-01\n", time.Minute)
	r := start(t, "lists: { l: { column: ip, expires: until, from: { file: "+path+" } } }", rigOptions{now: clock.now})
	if !r.has("l", "192.0.2.1") || !r.has("l", "192.0.2.2") || r.has("l", "192.0.2.3") {
		t.Error("before")
	}
	clock.forward(2 * time.Hour)
	if r.has("l", "192.0.2.1") || !r.has("l", "192.0.2.2") {
		t.Error("after")
	}
}

// TestSwapUnderLookups: with -race, that nothing is shared that changes.
func TestSwapUnderLookups(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "list.txt")
	write(t, path, "192.0.2.0/24\n", time.Minute)
	r := start(t, "lists: { l: { kind: ip, from: { file: "+path+" } } }", rigOptions{})
	ctx := t.Context()
	done := make(chan struct{})
	for range 2 {
		go func() {
			defer func() { done <- struct{}{} }()
			for ctx.Err() == nil && !r.has("l", "198.51.100.1") {
				if !r.has("l", "192.0.2.7") {
					t.Error("a list was empty between two copies")
					return
				}
			}
		}()
	}
	for i := range 5 {
		write(t, path, "192.0.2.0/24\n"+numbered("203.0.113.%d", 10+i), time.Minute)
		await.Until(t, "the next copy", func() bool { return r.value(t, "riposte_list_entries", "l") == float64(11+i) })
	}
	write(t, path, "192.0.2.0/24\n198.51.100.1\n", time.Minute)
	<-done
	<-done
}
