package fault

import (
	"errors"
	"time"
)

type delayed struct {
	err  error
	wait time.Duration
}

func (d delayed) Error() string { return d.err.Error() }
func (d delayed) Unwrap() error { return d.err }

// After notes on err that a retry makes sense only after wait: the other side said so (Retry-After). After(nil, wait) is nil.
func After(err error, wait time.Duration) error {
	if err == nil || wait <= 0 {
		return err
	}
	return delayed{err: err, wait: wait}
}

// Wait returns how long the other side asked to wait before the next try; zero where it did not say.
func Wait(err error) time.Duration {
	if d, ok := errors.AsType[delayed](err); ok {
		return d.wait
	}
	return 0
}
