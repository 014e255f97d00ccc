//go:build unix

package formattest

import (
	"syscall"
	"time"
)

// cpuTime is the processor time that this process has had: on a machine with other work to do, the time on the wall measures that as well.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
