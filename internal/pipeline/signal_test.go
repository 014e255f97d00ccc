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

// pressureFor is how long twice the load is offered: RIPOSTE_PRESSURE, or half a minute.
func pressureFor(b *testing.B) time.Duration {
	b.Helper()
	d, err := time.ParseDuration(cmp.Or(os.Getenv("RIPOSTE_PRESSURE"), "30s"))
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
