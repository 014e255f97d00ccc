// Package proc runs a program as a process of its own, to be killed, paused and interrupted. It knows nothing about what it runs.
package proc

import (
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"time"
)

// A Child is a program that runs, or has ended. Whoever started it ends it, by Kill or Interrupt.
type Child struct {
	*exec.Cmd

	ended chan struct{}
	err   error // of its end, once ended is closed
}

// Start runs the program at path in dir, with env added to the environment of this process. Both streams of its output go to out; one that is no
// *os.File is written to until the program has ended.
func Start(path, dir string, env []string, out io.Writer, args ...string) (*Child, error) {
	c := &Child{Cmd: exec.Command(path, args...), ended: make(chan struct{})} //nolint:noctx,gosec // ended by Kill or Interrupt; the caller knows what it runs
	c.Dir, c.Env = dir, append(os.Environ(), env...)
	c.Stdout, c.Stderr = out, out
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("process: %w", err)
	}
	go func() { // ends with the process, for which Kill and Interrupt wait
		c.err = c.Cmd.Wait()
		close(c.ended)
	}()
	return c, nil
}

// Wait waits for the end of the process. The error is exec.Cmd's.
func (c *Child) Wait() error {
	<-c.ended
	return c.err
}

// Ended is closed when the process has ended; its ProcessState tells how.
func (c *Child) Ended() <-chan struct{} { return c.ended }

// Kill ends the process with SIGKILL and waits for its end.
func (c *Child) Kill() {
	_ = c.Process.Kill() // it may have ended
	<-c.ended
}

// Interrupt asks the process to end, as Ctrl-C does, and returns its exit code and how long it took.
func (c *Child) Interrupt() (code int, took time.Duration, err error) {
	began := time.Now()
	if err := c.Process.Signal(os.Interrupt); err != nil {
		return 0, 0, fmt.Errorf("process: %w", err)
	}
	<-c.ended
	return c.ProcessState.ExitCode(), time.Since(began), nil
}

// FreeAddr is an address on loopback that nobody listens on now.
func FreeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // closed at once
	if err != nil {
		return "", fmt.Errorf("free address: %w", err)
	}
	defer l.Close() //nolint:errcheck // only its address is wanted
	return l.Addr().String(), nil
}
