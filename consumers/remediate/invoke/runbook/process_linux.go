package runbook

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/riposte-security/riposte/internal/fault"
)

// supervisor is the command of this program itself that supervises a runbook. Its file 3 is the lifeline, its file 4 takes the report.
func supervisor(line, report *os.File) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", Hidden, roleSupervise) //nolint:noctx // it ends with the lifeline
	cmd.ExtraFiles = []*os.File{line, report}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // what interrupts riposte is not for it
	return cmd
}

// owner looks up whom runbooks run as; nil: whom riposte does.
func (c Config) owner() (*owner, error) {
	if c.User == "" {
		return nil, nil
	}
	u, err := user.Lookup(c.User)
	if err != nil {
		return nil, fault.Permanent(fmt.Errorf("invoke.runbooks.user: %w", err))
	}
	o := &owner{}
	if o.UID, err = number(u.Uid); err != nil {
		return nil, err
	}
	if o.GID, err = number(u.Gid); err != nil {
		return nil, err
	}
	if o.UID == 0 {
		return nil, fault.Permanent(errors.New("invoke.runbooks.user: it is root"))
	}
	groups, err := u.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("groups of %s: %w", c.User, err)
	}
	for _, g := range groups {
		n, err := number(g)
		if err != nil {
			return nil, err
		}
		o.Groups = append(o.Groups, n)
	}
	return o, nil
}

func number(id string) (uint32, error) {
	n, err := strconv.ParseUint(id, 10, 32)
	if err != nil {
		return 0, fault.Permanent(fmt.Errorf("id %q of a user or group: %w", id, err))
	}
	return uint32(n), nil
}

// give makes a folder the user's.
func give(dir string, o *owner) error {
	if o == nil {
		return nil
	}
	return os.Chown(dir, int(o.UID), int(o.GID))
}

// remove removes a folder, also one whose owner has shut it.
func remove(dir string) error {
	err := os.RemoveAll(dir)
	if err == nil {
		return nil
	}
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, _ error) error { // what it cannot open, the second try tells of
		if d != nil && d.IsDir() {
			_ = os.Chmod(path, 0o700) //nolint:gosec // its own folder, about to be gone
		}
		return nil
	})
	if err = os.RemoveAll(dir); err != nil {
		return fmt.Errorf("runbook: its folder: %w", err)
	}
	return nil
}
