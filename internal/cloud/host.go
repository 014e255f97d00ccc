package cloud

import (
	"context"
	"strings"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// accountOutOfHost is an API option for a service whose SDK puts the account before the host (123456789012.s3-control…), where the endpoint is one of our own, whose
// name is known as it is. The account stands in a header as well.
func accountOutOfHost(stack *middleware.Stack) error {
	return stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("riposte-host",
		func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
			if r, ok := in.Request.(*smithyhttp.Request); ok {
				if account, rest, found := strings.Cut(r.URL.Host, "."); found && IsAccount(account) {
					r.URL.Host = rest
				}
			}
			return next.HandleFinalize(ctx, in)
		}), "Signing", middleware.Before)
}
