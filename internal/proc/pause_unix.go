//go:build unix

package proc

import (
	"fmt"
	"syscall"
)

// Pause stops the process as it stands, without its knowing, until Resume.
func (c *Child) Pause() error { return c.signal(syscall.SIGSTOP) }

// Resume lets a paused process go on.
func (c *Child) Resume() error { return c.signal(syscall.SIGCONT) }

func (c *Child) signal(s syscall.Signal) error {
	if err := c.Process.Signal(s); err != nil {
		return fmt.Errorf("process: %w", err)
	}
	return nil
}
