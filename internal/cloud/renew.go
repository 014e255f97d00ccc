package cloud

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go/middleware"
)

// Credentials are renewed before they expire. They may still be refused: a clock is off, or somebody has ended the session. Then they are forgotten,
// and the SDK's second try asks for new ones.

// expired tells whether a code says that credentials are no longer good, though they may have been.
func expired(code string) bool {
	switch code {
	case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired":
		return true
	}
	return false
}

// newRetryer is the SDK's own, but retries with new credentials, and not at once where AWS says when.
func newRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = sdkTries
		o.Retryables = append([]retry.IsErrorRetryable{retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
			switch {
			case expired(Code(err)):
				return aws.TrueTernary
			case askedToWait(err) > 0: // the worker waits, and holds nobody up meanwhile
				return aws.FalseTernary
			}
			return aws.UnknownTernary
		})}, o.Retryables...)
	})
}

// renewing is an API option: it forgets credentials that AWS has called expired.
func renewing(creds aws.CredentialsProvider) func(*middleware.Stack) error {
	return func(stack *middleware.Stack) error {
		return stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("riposte-renew",
			func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (middleware.FinalizeOutput, middleware.Metadata, error) {
				out, meta, err := next.HandleFinalize(ctx, in)
				if err != nil && expired(Code(err)) {
					switch c := creds.(type) {
					case *assumed:
						c.Invalidate(ctx)
					case *aws.CredentialsCache:
						c.Invalidate()
					}
				}
				return out, meta, err
			}), (*retry.Attempt)(nil).ID(), middleware.After)
	}
}
