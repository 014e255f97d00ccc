package cloud

import (
	"context"
	"fmt"
	"time"

	"github.com/riposte-security/riposte/internal/fault"
)

// Settling is how long AWS may not show a thing that it has said to exist: its reads lag behind its writes, and events can overtake both.
const Settling = 2 * time.Minute

// Await calls read until it says done, fails permanently, or within is over. The last error of read, if there was one, is part of the
// error, which is not permanent: what has not come into effect yet may do so later.
func Await(ctx context.Context, within time.Duration, what string, read func(ctx context.Context) (done bool, err error)) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	err := fault.Retry(ctx, nil, func() error {
		done, err := read(ctx)
		if err == nil && !done {
			return notYetError(what)
		}
		return err
	})
	if err == nil || fault.IsPermanent(err) {
		return err
	}
	return fmt.Errorf("not in effect after %s: %w", within, err)
}

type notYetError string

func (e notYetError) Error() string { return string(e) + " is not yet as planned" }

// Settle unmarks an error that says something is missing, if the event that told of it is so young that AWS may not show it yet.
func Settle(err error, event, now time.Time) error {
	if !Missing(err) || now.Sub(event) > Settling {
		return err
	}
	return unsettledError(err.Error() + " (it may not be visible yet)")
}

// unsettledError hides the permanent mark beneath, on purpose: it does not unwrap.
type unsettledError string

func (e unsettledError) Error() string { return string(e) }
