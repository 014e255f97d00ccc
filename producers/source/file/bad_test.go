package file

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/producers"
)

// journal is a log that a test may read while it is written.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) count(s string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Count(j.text.String(), s)
}

// TestNoFiles names what is no file beside one that is: the log says so once for each, and the file is read.
func TestNoFiles(t *testing.T) {
	dir, log := t.TempDir(), &journal{}
	write(t, dir+"/a.log", line(0))
	if err := os.Mkdir(dir+"/folder", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir+"/sub.log", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(dir+"/fifo", 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir+"/loop", dir+"/loop"); err != nil {
		t.Fatal(err)
	}
	k := &sink{}
	conf := "poll: 20ms\npaths: [" + strings.Join([]string{dir + "/folder", dir + "/fifo", dir + "/loop", dir + "/*.log"}, ", ") + "]"
	start(t, open(t, conf, producers.SourceDeps{DataDir: t.TempDir(), Log: zerolog.New(log)}), k)
	await.Until(t, "the file", func() bool { return len(k.lines()) == 1 })
	write(t, dir+"/b.log", line(1))
	await.Until(t, "another one", func() bool { return len(k.lines()) == 2 })
	if f, p, l := log.count("folders are not read"), log.count("only regular files"), log.count("is away"); f != 1 || p != 1 || l != 1 {
		t.Errorf("%d %d %d\n%s", f, p, l, &log.text)
	}
}

// TestOnceGoesOn cannot read one of three files: the others are read once, however often the source is started anew.
func TestOnceGoesOn(t *testing.T) {
	dir, k := t.TempDir(), &sink{}
	write(t, dir+"/a.log", line(0))
	write(t, dir+"/c.log", line(1))
	if err := os.Symlink("/proc/self/mem", dir+"/b.log"); err != nil { // a regular file that cannot be read from its beginning, by root either
		t.Fatal(err)
	}
	s := open(t, "paths: ["+dir+"/*.log]\nfollow: false", producers.SourceDeps{})
	for range 2 {
		err := s.Run(context.Background(), k.emit)
		if !fault.IsPermanent(err) || !strings.Contains(err.Error(), "b.log") {
			t.Error(err)
		}
	}
	wantOnce(t, k, 2)
	if k.count != 2 {
		t.Errorf("%d records", k.count)
	}
}

// identities tells how many different records came.
func (k *sink) identities() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.byUID)
}

// TestReplacedByItsLike has a file rewritten in place while nobody looks, with the same first kilobyte as before: nothing of it is taken for
// what was read already, whether it is longer now or shorter.
func TestReplacedByItsLike(t *testing.T) {
	banner := "# " + strings.Repeat("=", 2000) + "\n"
	for name, now := range map[string]string{
		"longer":  banner + "new 1\nnew 2\nnew 3\n",
		"shorter": banner + "n 1\n",
	} {
		t.Run(name, func(t *testing.T) {
			dir, k := t.TempDir(), &sink{}
			path := filepath.Join(dir, "a.log")
			conf, deps := "paths: ["+path+"]\npoll: 20ms", producers.SourceDeps{DataDir: dir}
			write(t, path, banner+"old 1\nold 2\n")
			stop := start(t, open(t, conf, deps), k)
			await.Until(t, "the old", func() bool { return k.identities() == 3 })
			stop()
			if err := os.WriteFile(path, []byte(now), 0o600); err != nil {
				t.Fatal(err)
			}
			start(t, open(t, conf, deps), k)
			want := 3 + strings.Count(now, "\n")
			await.Until(t, "the new", func() bool { return k.identities() == want })
		})
	}
}

// TestNoRoomForTheCheckpoint reads nothing more as long as it could not remember that it did. That a checkpoint can be read and not written is
// had by a name to which nothing can be added.
func TestNoRoomForTheCheckpoint(t *testing.T) {
	dir, k := t.TempDir(), &sink{}
	conf := "follow: false\npaths: [" + dir + "/a.log]\ncheckpoint: " + dir + "/"
	write(t, dir+"/a.log", line(0))
	if err := open(t, conf+"cp.json", producers.SourceDeps{}).Run(context.Background(), k.emit); err != nil {
		t.Fatal(err)
	}
	name := strings.Repeat("x", 250)
	if err := os.Rename(dir+"/cp.json", dir+"/"+name); err != nil {
		t.Fatal(err)
	}
	write(t, dir+"/a.log", line(1))
	for range 3 {
		if err := open(t, conf+name, producers.SourceDeps{}).Run(context.Background(), k.emit); !errors.Is(err, syscall.ENAMETOOLONG) || fault.IsPermanent(err) {
			t.Error(err)
		}
	}
	if k.count != 1 {
		t.Errorf("%d records were read", k.count)
	}
}
