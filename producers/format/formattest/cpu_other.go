//go:build !unix

package formattest

import "time"

// cpuTime is the time on the wall, where there is no portable way to ask for that of the processor.
func cpuTime() time.Duration { return time.Duration(time.Now().UnixNano()) }
