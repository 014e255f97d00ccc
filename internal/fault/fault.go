// Package fault tells errors that will not go away from those that are worth another try. Everything is retried unless it is marked
// permanent here.
package fault

import "errors"

type permanent struct{ err error }

func (p permanent) Error() string { return p.err.Error() }
func (p permanent) Unwrap() error { return p.err }

// Permanent marks err as one that no retry will mend: malformed input, a refusal, a missing permission. Permanent(nil) is nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return permanent{err}
}

// IsPermanent tells whether err, or anything it wraps, is marked permanent.
func IsPermanent(err error) bool {
	var p permanent
	return errors.As(err, &p)
}
