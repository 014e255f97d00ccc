// Package runbook runs executables of this machine that an operator has put into one folder: without a shell, as a user of their own, with little in their
// environment and bounds on all that they use. Whatever they start ends with them.
package runbook

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/riposte-security/riposte/internal/fault"
)

// Config is the section invoke.runbooks of the configuration.
type Config struct {
	// Folder holds the runbooks; without it there are none. Nothing below it is looked at.
	Folder string `yaml:"folder"`
	// User is whom they run as. Where riposte runs as root it has to be given, and elsewhere it cannot.
	User string `yaml:"user"`
	// Env are the names of the variables that they get of riposte's environment, beside PATH.
	Env []string `yaml:"env"`
	// Within is how long one may take, 15 minutes at most: what takes longer is started by a runbook, and not done by it.
	Within time.Duration `yaml:"within"`
	// Memory is the address space of a process, Output what one may print, FileSize what it may write into one file, all in MiB; CPU is the processor time of a
	// process. Zero: no limit, but for Output.
	Memory   int           `yaml:"memory"`
	Output   int           `yaml:"output"`
	FileSize int           `yaml:"file_size"`
	CPU      time.Duration `yaml:"cpu"`
	// Files is how many files a process may have open, Processes how many of them User may have at a time.
	Files     int `yaml:"files"`
	Processes int `yaml:"processes"`
}

const (
	mib     = 1 << 20
	longest = 15 * time.Minute
)

// Defaults is the configuration of whoever says nothing.
func Defaults() Config {
	return Config{Within: time.Minute, Memory: 2048, Output: 1, FileSize: 1024, CPU: time.Minute, Files: 256, Processes: 128}
}

// Validate checks what YAML cannot say.
func (c Config) Validate() error {
	var errs []error
	root := os.Geteuid() == 0
	switch {
	case c.Folder == "":
	case c.User == "" && root:
		errs = append(errs, errors.New("user: riposte runs as root, and runbooks need a user of their own"))
	case c.User != "" && !root:
		errs = append(errs, errors.New("user: only root can run something as somebody else"))
	}
	if c.Within < time.Second || c.Within > longest {
		errs = append(errs, fmt.Errorf("within is %s; 1s to %s expected", c.Within, longest))
	}
	if c.CPU != 0 && c.CPU < time.Second {
		errs = append(errs, fmt.Errorf("cpu is %s; 1s or more expected, or 0", c.CPU))
	}
	for _, r := range []struct {
		name         string
		is, from, to int
	}{
		{"memory", c.Memory, 0, 1 << 20}, {"output", c.Output, 1, 64}, {"file_size", c.FileSize, 0, 1 << 20}, {"files", c.Files, 0, 1 << 20},
		{"processes", c.Processes, 0, 1 << 20},
	} {
		if r.is < r.from || r.is > r.to {
			errs = append(errs, fmt.Errorf("%s is %d; %d to %d expected", r.name, r.is, r.from, r.to))
		}
	}
	return errors.Join(errs...)
}

// Find returns the path of a runbook. A name that leads out of the folder, what is no executable, and what others than its owner may change, are permanent errors.
func (c Config) Find(name string) (string, error) {
	if c.Folder == "" {
		return "", fault.Permanent(errors.New("no folder of runbooks is configured (invoke.runbooks.folder)"))
	}
	if !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`).MatchString(name) {
		return "", fault.Permanent(fmt.Errorf("runbook %.100q: the name of a file in %s expected", name, c.Folder))
	}
	path, err := filepath.Abs(filepath.Join(c.Folder, name))
	if err != nil {
		return "", fmt.Errorf("runbook %s: %w", name, err)
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "", fault.Permanent(fmt.Errorf("runbook %s: there is none in %s", name, c.Folder))
	case err != nil:
		return "", fmt.Errorf("runbook %s: %w", name, err)
	case !info.Mode().IsRegular():
		return "", fault.Permanent(fmt.Errorf("runbook %s: a regular file expected, no link or folder", name))
	case info.Mode().Perm()&0o111 == 0:
		return "", fault.Permanent(fmt.Errorf("runbook %s is not executable", name))
	case info.Mode().Perm()&0o022 != 0:
		return "", fault.Permanent(fmt.Errorf("runbook %s may be changed by others than its owner (mode %s)", name, info.Mode().Perm()))
	}
	return path, nil
}
