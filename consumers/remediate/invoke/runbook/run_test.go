//go:build linux

package runbook_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/riposte-security/riposte/consumers/remediate/invoke/runbook"
	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/fault"
)

// TestMain lets this program be the processes around a runbook, as riposte is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == runbook.Hidden {
		os.Exit(runbook.Child(os.Args[2:]))
	}
	os.Exit(alone(m))
}

// alone runs the tests in a folder of their own: what others leave in the common one for a while is not left behind by these.
func alone(m *testing.M) int {
	dir, err := os.MkdirTemp("", "runbooks-")
	if err == nil {
		err = errors.Join(os.Chmod(dir, 0o755), os.Setenv("TMPDIR", dir))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir) //nolint:errcheck // of a test
	return m.Run()
}

// conf has a folder with one runbook, a script. Where the tests run as root, it runs as nobody.
func conf(t *testing.T, script string) (runbook.Config, string) {
	t.Helper()
	c := runbook.Defaults()
	c.Folder = t.TempDir()
	for dir := c.Folder; len(dir) > len(os.TempDir()); dir = filepath.Dir(dir) { // the user has to get there
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if os.Geteuid() == 0 {
		c.User = "nobody"
	}
	path := filepath.Join(c.Folder, "book")
	if err := os.WriteFile(path, []byte("#!/bin/bash\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	found, err := c.Find("book")
	if err != nil {
		t.Fatal(err)
	}
	return c, found
}

// mark is a number of seconds that no other process sleeps: what is left behind is found by it.
func mark(t *testing.T) string {
	t.Helper()
	return strconv.Itoa(1_000_000 + os.Getpid()%100_000*10 + len(t.Name())%10)
}

// gone fails the test if a process that the runbook started, or its folder, is left.
func gone(t *testing.T, mark string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "pgrep", "-f", "sleep "+mark).Output()
	if err == nil {
		t.Errorf("left behind: %s", out)
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() != 1) {
		t.Fatal(err)
	}
	if dirs, err := filepath.Glob(filepath.Join(os.TempDir(), "riposte-runbook-*")); err != nil || len(dirs) > 0 {
		t.Errorf("left behind: %v, %v", dirs, err)
	}
}

func run(t *testing.T, c runbook.Config, path string) runbook.Result {
	t.Helper()
	r, err := c.Run(t.Context(), path, []byte(`{"a":1}`), map[string]string{"RIPOSTE_COMMAND": "c1"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// What a runbook finds: the event, a folder of its own, little else.
func TestWhatItFinds(t *testing.T) {
	t.Setenv("RIPOSTE_SECRET", "no")
	t.Setenv("NAMED", "yes")
	c, path := conf(t, "cat; echo; env | sort; pwd; touch here; ls; ls -l /proc/self/fd | wc -l; id -un; cat /proc/self/limits >&2; umask\n")
	c.Env = []string{"NAMED"}
	r := run(t, c, path)
	out := string(r.Output)
	if r.Exit != 0 || r.Signal != "" || !strings.HasPrefix(out, `{"a":1}`) || !strings.Contains(out, "NAMED=yes") || !strings.Contains(out, "RIPOSTE_COMMAND=c1") {
		t.Errorf("%+v\n%s", r, out)
	}
	for line := range strings.SplitSeq(out, "\n") {
		name, _, ok := strings.Cut(line, "=")
		if ok && !strings.Contains("PATH NAMED RIPOSTE_COMMAND TMPDIR PWD SHLVL _ ", name+" ") {
			t.Errorf("it finds %s", line)
		}
	}
	if !strings.Contains(out, "\nhere\n") || os.Geteuid() == 0 && !strings.Contains(out, "\nnobody\n") {
		t.Errorf("%s", out)
	}
	if !strings.Contains(r.Errors, "Max address space") && !strings.Contains(r.Errors, "Max realtime") {
		t.Errorf("%s", r.Errors)
	}
	gone(t, mark(t))
}

// However a runbook ends, and whatever it leaves running, nothing is left behind.
func TestNothingIsLeft(t *testing.T) {
	m := mark(t)
	for name, tt := range map[string]struct {
		script string
		is     func(r runbook.Result) bool
		edit   func(*runbook.Config)
	}{
		"ends well":           {"echo '{\"n\":1}'", func(r runbook.Result) bool { return r.Exit == 0 && string(r.Output) == "{\"n\":1}\n" }, nil},
		"ends badly":          {"echo because >&2; exit 3", func(r runbook.Result) bool { return r.Exit == 3 && r.Errors == "because" }, nil},
		"asks for later":      {"exit 75", func(r runbook.Result) bool { return r.Exit == runbook.TempFail }, nil},
		"hangs":               {"sleep MARK", func(r runbook.Result) bool { return r.Late && r.Signal == "terminated" }, nil},
		"ignores SIGTERM":     {"trap '' TERM; sleep MARK", func(r runbook.Result) bool { return r.Late && r.Signal == "killed" }, nil},
		"ends at SIGTERM":     {"trap 'exit 9' TERM; sleep MARK & wait", func(r runbook.Result) bool { return r.Late && r.Exit == 9 }, nil},
		"leaves a child":      {"sleep MARK & exit 0", func(r runbook.Result) bool { return r.Exit == 0 && !r.Late }, nil},
		"leaves a daemon":     {"setsid sh -c 'sleep MARK & sleep MARK' & sleep 0.2; exit 0", func(r runbook.Result) bool { return r.Exit == 0 && !r.Late }, nil},
		"daemon that ignores": {"setsid sh -c 'trap \"\" TERM HUP; sleep MARK' >/dev/null 2>&1 & sleep 0.2; sleep MARK", func(r runbook.Result) bool { return r.Late }, nil},
		"leaves zombies":      {"for i in 1 2 3 4 5; do (exit 1) & done; exec sleep MARK", func(r runbook.Result) bool { return r.Late }, nil},
		"kills itself":        {"kill -SEGV $$", func(r runbook.Result) bool { return r.Signal == "segmentation fault" }, nil},
		"kills what is around": {"kill -9 -1; kill -9 $PPID; echo still here", func(r runbook.Result) bool { return r.Signal == "killed" || r.Exit == 0 }, func(c *runbook.Config) {
			if c.User != "" { // not that of the other packages' runbooks, which are around as well
				c.User = "daemon"
			}
		}},
		"closes its output":     {"exec >&- 2>&-; sleep MARK", func(r runbook.Result) bool { return r.Late }, nil},
		"shuts its folder":      {"mkdir -p a/b; touch a/b/c; chmod 0 a/b a .", func(r runbook.Result) bool { return r.Exit == 0 }, nil},
		"reads nothing":         {"exec <&-; exit 0", func(r runbook.Result) bool { return r.Exit == 0 }, nil},
		"prints 1 GB":           {"exec head -c 1000000000 /dev/zero", func(r runbook.Result) bool { return r.Loud && !r.Late && len(r.Output) == 1<<20 }, nil},
		"prints 1 GB of errors": {"exec head -c 1000000000 /dev/zero >&2", func(r runbook.Result) bool { return r.Loud && !r.Late && len(r.Errors) < 16<<10 }, nil},
		"prints for ever":       {"yes & yes & yes", func(r runbook.Result) bool { return r.Loud }, nil},
		"writes a large file":   {"head -c 20M /dev/zero > big; stat -c %s big", func(r runbook.Result) bool { return string(r.Output) == "1048576\n" }, func(c *runbook.Config) { c.FileSize = 1 }},
		"takes memory":          {"x=$(head -c 400M /dev/zero | tr '\\0' x); echo ${#x}", func(r runbook.Result) bool { return !strings.Contains(string(r.Output), "419430400") }, func(c *runbook.Config) { c.Memory = 100 }},
		"computes for ever":     {"while :; do :; done", func(r runbook.Result) bool { return r.Signal == "killed" && !r.Late }, func(c *runbook.Config) { c.CPU = time.Second }},
		"opens many files":      {"for i in $(seq 3 60); do eval \"exec $i</dev/null\" || exit 4; done", func(r runbook.Result) bool { return r.Exit != 0 }, func(c *runbook.Config) { c.Files = 32 }},
		"forks for ever":        {"f() { sleep MARK & f & f; }; f", func(runbook.Result) bool { return true }, func(c *runbook.Config) { c.Processes = 40 }},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "forks for ever" && os.Geteuid() != 0 {
				t.Skip("only a user of its own has a number of processes of its own")
			}
			c, path := conf(t, strings.ReplaceAll(tt.script, "MARK", m)+"\n")
			c.Within = time.Minute // whatever ends by itself has time for it, on a busy machine as well
			if slices.Contains([]string{"hangs", "ignores SIGTERM", "ends at SIGTERM", "daemon that ignores", "leaves zombies", "closes its output", "forks for ever"}, name) {
				c.Within = time.Second
			}
			if tt.edit != nil {
				tt.edit(&c)
			}
			if os.Geteuid() != 0 && name == "kills what is around" {
				t.Skip("without a user of its own it may kill the test")
			}
			r := run(t, c, path)
			if !tt.is(r) {
				t.Errorf("%+v\n%.300s", r, r.Output)
			}
			gone(t, m)
		})
	}
}

// When riposte is asked to end, the runbook ends with it, and nothing is said of it.
func TestCancelled(t *testing.T) {
	m := mark(t)
	c, path := conf(t, "trap '' TERM; setsid sleep "+m+" & sleep "+m+"\n")
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(300*time.Millisecond, cancel)
	if _, err := c.Run(ctx, path, nil, nil); !errors.Is(err, context.Canceled) || fault.IsPermanent(err) {
		t.Errorf("%v", err)
	}
	gone(t, m)
}

// When riposte is killed, the runbook dies with it.
func TestKilledWithUs(t *testing.T) {
	m := mark(t)
	if os.Getenv("RUNBOOK_OF_A_CHILD") != "" {
		c, path := conf(t, "setsid sleep "+os.Getenv("RUNBOOK_OF_A_CHILD")+" & exec sleep "+os.Getenv("RUNBOOK_OF_A_CHILD")+"\n")
		_, _ = c.Run(t.Context(), path, nil, nil)
		return
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestKilledWithUs$")
	child.Env = append(os.Environ(), "RUNBOOK_OF_A_CHILD="+m, "TMPDIR="+t.TempDir())
	if err := os.Chmod(filepath.Dir(t.TempDir()), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	sleeping := func() bool {
		return exec.CommandContext(t.Context(), "pgrep", "-f", "sleep "+m).Run() == nil
	}
	await.Until(t, "the runbook runs", sleeping)
	if err := child.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	await.Until(t, "the runbook is gone", func() bool { return !sleeping() })
}

func TestFind(t *testing.T) {
	c, _ := conf(t, "")
	write := func(name string, mode os.FileMode) {
		path := filepath.Join(c.Folder, name)
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
	}
	write("plain", 0o644)
	write("open", 0o777)
	if err := errors.Join(os.Mkdir(filepath.Join(c.Folder, "dir"), 0o700), os.Symlink("/bin/sh", filepath.Join(c.Folder, "link"))); err != nil {
		t.Fatal(err)
	}
	for name, why := range map[string]string{
		"plain": "not executable", "open": "changed by others", "dir": "regular file", "link": "regular file", "none": "there is none", "../book": "name of a file",
		"/bin/sh": "name of a file", "": "name of a file", ".": "name of a file", "a\x00b": "name of a file", "dir/book": "name of a file",
	} {
		if path, err := c.Find(name); !fault.IsPermanent(err) || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %s, %v", name, path, err)
		}
	}
	if _, err := (runbook.Config{}).Find("book"); !fault.IsPermanent(err) || !strings.Contains(err.Error(), "invoke.runbooks.folder") {
		t.Errorf("%v", err)
	}
}

func TestValidate(t *testing.T) {
	for want, edit := range map[string]func(*runbook.Config){
		"within": func(c *runbook.Config) { c.Within = time.Hour }, "output": func(c *runbook.Config) { c.Output = 0 }, "cpu": func(c *runbook.Config) { c.CPU = 1 },
		"memory": func(c *runbook.Config) { c.Memory = -1 }, "files": func(c *runbook.Config) { c.Files = -1 },
		"user": func(c *runbook.Config) { // whichever is wrong here
			c.Folder = "/x"
			if os.Geteuid() != 0 {
				c.User = "root"
			}
		},
	} {
		c := runbook.Defaults()
		edit(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if c := runbook.Defaults(); c.Validate() != nil {
		t.Error(c.Validate())
	}
}
