// Package await waits in tests for what other goroutines and processes do.
package await

import (
	"testing"
	"time"
)

// Long is how long a test waits for what must happen: it matters only where something is broken, so it is long enough for any machine, however
// busy.
const Long = 3 * time.Minute

// Until polls until ok, and fails the test if that takes longer than Long. What also gives is added to the message then.
func Until(t testing.TB, what string, ok func() bool, also ...func() string) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	deadline := time.NewTimer(Long)
	defer deadline.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			for _, f := range also {
				what += "\n" + f()
			}
			t.Fatalf("after %s still not: %s", Long, what)
		}
	}
}
