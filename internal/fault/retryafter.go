package fault

import (
	"net/http"
	"strconv"
	"time"
)

// MaxWait is the longest Retry-After that is believed.
const MaxWait = time.Hour

// RetryAfter reads a Retry-After header of HTTP, in seconds or as a date; zero where there is none or it makes no sense.
func RetryAfter(value string, now time.Time) time.Duration {
	var wait time.Duration
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = at.Sub(now)
	}
	return max(0, min(wait, MaxWait))
}
