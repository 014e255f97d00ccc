//go:build jumpclock

package app

import (
	"os"
	"strings"
	"time"
)

// clock is a clock that is put forward and back, for torture: the file that RIPOSTE_CLOCK names says by how much. What people run is built without it.
//
// It is worse than a clock that is set: where that leaves the time between two looks as it was (time.Time has a monotonic part), here it jumps as well.
func clock() func() time.Time {
	file := os.Getenv("RIPOSTE_CLOCK")
	return func() time.Time {
		text, err := os.ReadFile(file) //nolint:gosec // torture's own
		if err != nil {
			panic("clock: " + err.Error())
		}
		by, err := time.ParseDuration(strings.TrimSpace(string(text)))
		if err != nil {
			panic("clock: " + err.Error())
		}
		return time.Now().Round(0).Add(by)
	}
}
