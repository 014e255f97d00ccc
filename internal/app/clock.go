//go:build !jumpclock

package app

import "time"

// clock is where consumers have the time from; built for torture, it jumps.
func clock() func() time.Time { return time.Now }
