//go:build integration

package integration

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// A process is a stage that runs.
type process struct {
	*exec.Cmd
	name string
	log  *syncBuffer
}

// launch starts the binary. The test kills it in the end, if nobody did before.
func launch(t *testing.T, name, bin, dir string, env []string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(bin, args...), name: name, log: &syncBuffer{}} //nolint:noctx // killed below
	p.Dir, p.Env = dir, append(os.Environ(), env...)
	p.Stdout, p.Stderr = p.log, p.log
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("%s:\n%s", p.name, p.log.tail(25))
		}
	})
	return p
}

// kill ends the process with SIGKILL and waits for its end.
func (p *process) kill() {
	_ = p.Process.Kill() // it may have ended
	_ = p.Wait()
}

// interrupt asks the process to end, as Ctrl-C does, and returns its exit code and how long it took.
func (p *process) interrupt(t *testing.T) (code int, took time.Duration) {
	t.Helper()
	began := time.Now()
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = p.Wait() // its exit code tells
	return p.ProcessState.ExitCode(), time.Since(began)
}

// lines returns the lines of the log from a place on that hold all the parts.
func (p *process) lines(from int, parts ...string) []string {
	var out []string
lines:
	for line := range strings.Lines(p.log.String()[from:]) {
		for _, part := range parts {
			if !strings.Contains(line, part) {
				continue lines
			}
		}
		out = append(out, line)
	}
	return out
}

// syncBuffer is a buffer that a process writes to while a test reads it.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func (b *syncBuffer) tail(n int) string {
	lines := strings.SplitAfter(b.String(), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "")
}

// eventually polls until ok, and fails the test after within. also is added to the message then.
func eventually(t *testing.T, within time.Duration, what string, ok func() bool, also ...func() string) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(within)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			for _, f := range also {
				what += "\n" + f()
			}
			t.Fatalf("after %s still not: %s", within, what)
		}
	}
}
