package fault

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// Retry calls op until it succeeds, fails permanently, or ctx ends, waiting between tries: 100 ms at first, growing to 15 s, with jitter.
// Every failure that will be tried again is passed to failed, which may be nil. The error is op's last one; a permanent one stays
// marked.
func Retry(ctx context.Context, failed func(error), op func() error) error {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval = 100 * time.Millisecond
	b.MaxInterval = 15 * time.Second
	var last error
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		last = op()
		if IsPermanent(last) {
			return struct{}{}, backoff.Permanent(last)
		}
		return struct{}{}, last
	}, backoff.WithBackOff(b), backoff.WithMaxElapsedTime(0), backoff.WithNotify(func(err error, _ time.Duration) {
		if failed != nil {
			failed(err)
		}
	}))
	if err == nil {
		return nil
	}
	if IsPermanent(last) {
		return last
	}
	return errors.Join(err, last)
}
