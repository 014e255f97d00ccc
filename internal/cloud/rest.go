package cloud

import (
	"context"
	"errors"
	"fmt"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/sony/gobreaker/v2"

	"github.com/riposte-security/riposte/internal/fault"
)

const (
	restAfter = 5                // calls in a row that nobody answered
	restTime  = 10 * time.Second // then one call tries again
	maxRests  = 4096
)

// rests keep an account that does not answer from holding all workers: after a few calls in a row that nobody answered, more of them fail at once for
// a while, with an error that is retried, and then one finds out whether it is over. What counts is the service, the region and the account: others
// notice nothing. Of SQS nothing is said: who polls a queue has nothing better to do than wait.
type rests struct {
	breakers *lru.Cache[restKey, *gobreaker.TwoStepCircuitBreaker[struct{}]]
}

type restKey struct{ account, service, region string }

func newRests() *rests {
	return &rests{newLRU[restKey, *gobreaker.TwoStepCircuitBreaker[struct{}]](maxRests)}
}

// register returns an API option for the clients that act in an account ("": our own).
func (r *rests) register(account string) func(*middleware.Stack) error {
	return func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("riposte-rest",
			func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
				key := restKey{account, awsmiddleware.GetServiceID(ctx), awsmiddleware.GetRegion(ctx)}
				if key.service == "" || key.service == sqs.ServiceID {
					return next.HandleInitialize(ctx, in)
				}
				done, err := r.breaker(key).Allow()
				if err != nil {
					return middleware.InitializeOutput{}, middleware.Metadata{}, fault.After(restError(key), restTime)
				}
				out, meta, err := next.HandleInitialize(ctx, in)
				heard := err
				if err != nil && ctx.Err() != nil {
					heard = ctx.Err() // nobody waited any longer
				}
				done(heard)
				return out, meta, err
			}), middleware.After)
	}
}

func (r *rests) breaker(key restKey) *gobreaker.TwoStepCircuitBreaker[struct{}] {
	if b, ok := r.breakers.Get(key); ok {
		return b
	}
	b := gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:      restTime,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= restAfter },
		IsSuccessful: func(err error) bool { return !unanswered(err) },
		IsExcluded:   func(err error) bool { return errors.Is(err, context.Canceled) },
	})
	if before, ok, _ := r.breakers.PeekOrAdd(key, b); ok {
		return before
	}
	return b
}

// unanswered tells whether err says that nobody answered, in the time there was.
func unanswered(err error) bool {
	if errors.Is(err, context.DeadlineExceeded) {
		return true
	}
	_, send := errors.AsType[*smithyhttp.RequestSendError](err)
	return send
}

type restError restKey

func (e restError) Error() string {
	where := "AWS " + e.service
	if e.region != "" {
		where += " in " + e.region
	}
	if e.account != "" {
		where += " for account " + e.account
	}
	return fmt.Sprintf("%s has not answered %d times in a row; asked again in %s", where, restAfter, restTime)
}
