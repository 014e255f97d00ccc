//go:build !linux

package runbook

import (
	"errors"
	"os"
	"os/exec"

	"github.com/riposte-security/riposte/internal/fault"
)

// Hidden is the first argument with which this program calls itself, where it can run runbooks.
const Hidden = "__runbook"

// Child is what the program does whose first argument is Hidden.
func Child([]string) int { return 2 }

func (c Config) owner() (*owner, error) {
	return nil, fault.Permanent(errors.New("runbooks run on Linux only"))
}

func supervisor(*os.File, *os.File) *exec.Cmd { return &exec.Cmd{} }

func give(string, *owner) error { return nil }

func remove(dir string) error { return os.RemoveAll(dir) }
