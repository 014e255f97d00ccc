//go:build integration

package integration

import (
	"testing"
	"time"

	"github.com/riposte-security/riposte/internal/testproc"
)

// A process is a stage that runs.
type process = testproc.Process

func eventually(t testing.TB, within time.Duration, what string, ok func() bool, also ...func() string) {
	t.Helper()
	testproc.Eventually(t, within, what, ok, also...)
}

func freeAddr(t testing.TB) string {
	t.Helper()
	return testproc.FreeAddr(t)
}
