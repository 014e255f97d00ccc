package runbook

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Hidden is the first argument with which this program calls itself: whoever runs runbooks has to call Child then, before all else.
const Hidden = "__runbook"

const (
	roleSupervise = "supervise"
	roleLimit     = "limit"

	fileLine, fileReport = 3, 4
	failed               = 126 // exit code where something could not be run
)

// Child is what the program does whose first argument is Hidden; args are the others. It returns the exit code.
func Child(args []string) int {
	switch {
	case len(args) == 1 && args[0] == roleSupervise:
		return supervise()
	case len(args) == 3 && args[0] == roleLimit:
		return limit(args[1], args[2])
	}
	return 2
}

// supervise runs what comes through the lifeline, and reports what became of it. It takes in whatever the runbook leaves without a parent, so that nothing gets away:
// neither by a process group of its own nor by a second fork. When the lifeline ends, and with riposte it does, all of that is killed.
//
// It is a process and not a goroutine because the orphans of a process go to its nearest ancestor that asks for them, and riposte has other children.
func supervise() int {
	syscall.CloseOnExec(fileLine)
	syscall.CloseOnExec(fileReport)
	line, report := bufio.NewReader(os.NewFile(fileLine, "lifeline")), os.NewFile(fileReport, "report")
	text, err := line.ReadBytes('\n')
	var o order
	if err == nil {
		err = json.Unmarshal(text, &o)
	}
	if err == nil {
		err = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	}
	var pid int
	if err == nil {
		pid, err = launch(o)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "riposte: %v\n", err)
		return failed
	}
	_ = os.Stdin.Close() // it is the runbook's: who writes to it must see when that is gone
	go obey(line, pid)
	var status syscall.WaitStatus
	for {
		done, err := syscall.Wait4(-1, &status, 0, nil)
		if done == pid {
			break
		}
		if err != nil && !errors.Is(err, syscall.EINTR) {
			return failed
		}
	}
	sweep()
	r := Result{Exit: status.ExitStatus()}
	if status.Signaled() {
		r.Exit, r.Signal = 0, status.Signal().String()
	}
	if err := json.NewEncoder(report).Encode(r); err != nil {
		return failed
	}
	return 0
}

// launch starts the runbook, by way of limit.
func launch(o order) (int, error) {
	bounds, err := json.Marshal(o.Limits)
	if err != nil {
		return 0, err
	}
	attr := &syscall.SysProcAttr{Setpgid: true}
	if o.User != nil {
		attr.Credential = &syscall.Credential{Uid: o.User.UID, Gid: o.User.GID, Groups: o.User.Groups}
	}
	return syscall.ForkExec("/proc/self/exe", []string{"riposte", Hidden, roleLimit, string(bounds), o.Path}, &syscall.ProcAttr{ //nolint:gosec // ourselves
		Env: o.Env, Files: []uintptr{0, 1, 2}, Sys: attr,
	})
}

// obey does what comes through the lifeline: asks the runbook's group to end, and kills all of it at the end of the line.
func obey(line io.ByteReader, pid int) {
	for {
		word, err := line.ReadByte()
		if err != nil {
			break
		}
		if word == wordTerm {
			_ = syscall.Kill(-pid, syscall.SIGTERM) // its group; it may be gone
		}
	}
	for {
		_ = syscall.Kill(-pid, syscall.SIGKILL)
		killChildren()
		time.Sleep(5 * time.Millisecond) //nolint:forbidigo // until the wait in supervise is over, which ends this process
	}
}

// sweep kills and waits for whatever the runbook has left, until nothing is: what loses its parent on the way comes to us.
func sweep() {
	for {
		killChildren()
		var status syscall.WaitStatus
		switch pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil); {
		case errors.Is(err, syscall.ECHILD):
			return
		case pid == 0:
			time.Sleep(time.Millisecond) //nolint:forbidigo // they are dying
		}
	}
}

// killChildren kills our children, as /proc knows them.
func killChildren() {
	self := os.Getpid()
	names, err := readNames("/proc")
	if err != nil {
		return
	}
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		text, err := os.ReadFile("/proc/" + name + "/stat") //nolint:gosec // name is a number
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(text[strings.LastIndexByte(string(text), ')')+1:]), " ") // after the name, which may hold anything
		if f := strings.Fields(rest); len(f) > 1 && f[1] == strconv.Itoa(self) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

func readNames(dir string) ([]string, error) {
	d, err := os.Open(dir) //nolint:gosec // /proc
	if err != nil {
		return nil, err
	}
	defer d.Close() //nolint:errcheck // only read
	return d.Readdirnames(-1)
}

// limit bounds this process and becomes the runbook. What fails here, fails before a line of it was run.
func limit(bounds, path string) int {
	var l limits
	fail := func(what string, err error) int {
		fmt.Fprintf(os.Stderr, "riposte: %s: %v\n", what, err)
		return failed
	}
	if err := json.Unmarshal([]byte(bounds), &l); err != nil {
		return fail("limits", err)
	}
	env, argv := os.Environ(), []string{path}
	for _, r := range []struct {
		what int
		most uint64
	}{
		{unix.RLIMIT_CPU, l.CPU}, {unix.RLIMIT_FSIZE, l.FileSize}, {unix.RLIMIT_NPROC, l.Processes}, {unix.RLIMIT_NOFILE, l.Files},
		{unix.RLIMIT_AS, l.Memory}, // the last: from here on there may be no more memory for us
	} {
		if r.most == 0 {
			continue
		}
		if err := syscall.Setrlimit(r.what, &syscall.Rlimit{Cur: r.most, Max: r.most}); err != nil {
			return fail("limits", err)
		}
	}
	if err := syscall.Setrlimit(unix.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		return fail("limits", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil { // no way to another user, so that we can always end it
		return fail("privileges", err)
	}
	return fail(path, syscall.Exec(path, argv, env)) //nolint:gosec // Find has looked at it
}
