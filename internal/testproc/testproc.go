// Package testproc runs a program as a process of its own in a test, to be killed and interrupted, and waits for what it does. What a test asks of
// any process is added here; what it knows about riposte stays with the test.
package testproc

import (
	"bytes"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/riposte-security/riposte/internal/proc"
)

// A Process is a program that a test started. Its output, both streams of it, is in Log.
type Process struct {
	*proc.Child

	Log *Log
}

// Start runs the program at path in dir, with env added to the environment of the test. The test kills it in the end, if nobody did before, and tells
// the end of its log if the test has failed.
func Start(tb testing.TB, name, path, dir string, env []string, args ...string) *Process {
	tb.Helper()
	log := &Log{}
	child, err := proc.Start(path, dir, env, log, args...)
	if err != nil {
		tb.Fatal(err)
	}
	p := &Process{child, log}
	tb.Cleanup(func() {
		p.Kill()
		if tb.Failed() {
			tb.Logf("%s:\n%s", name, p.Log.tail(40))
		}
	})
	return p
}

// Interrupt asks the process to end, as Ctrl-C does, and returns its exit code and how long it took.
func (p *Process) Interrupt(tb testing.TB) (code int, took time.Duration) {
	tb.Helper()
	code, took, err := p.Child.Interrupt()
	if err != nil {
		tb.Fatal(err)
	}
	return code, took
}

// A Log is what a process writes, while a test reads it.
type Log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write is an io.Writer's.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String is all that was written so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// Lines returns the lines from a place on, counted in bytes, that hold all the parts.
func (l *Log) Lines(from int, parts ...string) []string {
	var out []string
lines:
	for line := range strings.Lines(l.String()[from:]) {
		for _, part := range parts {
			if !strings.Contains(line, part) {
				continue lines
			}
		}
		out = append(out, line)
	}
	return out
}

func (l *Log) tail(n int) string {
	lines := strings.SplitAfter(l.String(), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "")
}

// FreeAddr is an address on loopback that nobody listens on now.
func FreeAddr(tb testing.TB) string {
	tb.Helper()
	addr, err := proc.FreeAddr()
	if err != nil {
		tb.Fatal(err)
	}
	return addr
}
