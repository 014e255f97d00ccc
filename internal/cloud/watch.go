package cloud

import (
	"context"
	"errors"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/obs"
)

// maxWatched bounds what is remembered: events name regions, and not all that they name exist.
const maxWatched = 512

// watch notices when a service of AWS is away (nobody answers, after the SDK's own tries) and when it is back, for one log line each. An
// answer is a sign of life, whatever it says. Of SQS nothing is said: who polls a queue watches it.
type watch struct {
	log zerolog.Logger

	services *lru.Cache[string, *obs.Condition] // by name
}

func newWatch(log zerolog.Logger) *watch {
	return &watch{log: log, services: newLRU[string, *obs.Condition](maxWatched)}
}

// register is an API option of all clients.
func (w *watch) register(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("riposte-watch",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			out, meta, err := next.HandleInitialize(ctx, in)
			w.note(ctx, err)
			return out, meta, err
		}), middleware.After) // after what names the service
}

// note takes the result of one call. Of what the caller broke off, nothing is known.
func (w *watch) note(ctx context.Context, err error) {
	service := awsmiddleware.GetServiceID(ctx)
	if service == "" || service == sqs.ServiceID || ctx.Err() != nil {
		return
	}
	name := "AWS " + service
	if region := awsmiddleware.GetRegion(ctx); region != "" {
		name += " in " + region
	}
	c := w.condition(name)
	if send, away := errors.AsType[*smithyhttp.RequestSendError](err); away {
		c.Failed(send)
		return
	}
	if _, answered := errors.AsType[*smithyhttp.ResponseError](err); err == nil || answered {
		c.OK()
	}
}

func (w *watch) condition(name string) *obs.Condition {
	if c, ok := w.services.Get(name); ok {
		return c
	}
	c := obs.NewCondition(w.log, name)
	if before, ok, _ := w.services.PeekOrAdd(name, c); ok {
		return before
	}
	return c
}
