//go:build integration

package integration

import (
	"testing"

	"github.com/riposte-security/riposte/internal/testproc"
)

// A process is a stage that runs.
type process = testproc.Process

func freeAddr(t testing.TB) string {
	t.Helper()
	return testproc.FreeAddr(t)
}
