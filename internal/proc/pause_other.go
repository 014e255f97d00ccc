//go:build !unix

package proc

import (
	"errors"
	"fmt"
)

// Pause fails: nothing here stops a process.
func (c *Child) Pause() error { return fmt.Errorf("process: pause: %w", errors.ErrUnsupported) }

// Resume fails as Pause does.
func (c *Child) Resume() error { return fmt.Errorf("process: resume: %w", errors.ErrUnsupported) }
