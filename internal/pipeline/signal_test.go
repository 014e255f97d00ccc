//go:build integration

package pipeline

import (
	"cmp"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/riposte-security/riposte/internal/testproc"
)

// lasting is how long a part goes on: what a variable of the environment says, or otherwise.
func lasting(b *testing.B, variable, otherwise string) time.Duration {
	b.Helper()
	d, err := time.ParseDuration(cmp.Or(os.Getenv(variable), otherwise))
	if err != nil {
		b.Fatal(err)
	}
	return d
}

const stopSignal, goSignal = syscall.SIGSTOP, syscall.SIGCONT

func signalled(b *testing.B, p *testproc.Process, s syscall.Signal) {
	b.Helper()
	if err := p.Process.Signal(s); err != nil {
		b.Error(err)
	}
}
