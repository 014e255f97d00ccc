package cloud

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// commandMark is how the id of a command stands in a User-Agent: metadata in the form that the AWS SDKs use for theirs. CloudTrail keeps the
// User-Agent of a call in userAgent (its first 1,024 bytes; the SDK's own part has less than 300).
const commandMark = "md/riposte-command#"

// commandLen is the length of a command's id.
const commandLen = 32

type commandKey struct{}

// WithCommand returns a context under which every AWS call carries the id of the command that it is made for, in its User-Agent, so that
// what CloudTrail says of the call can be recognised as ours. An id that is not one (32 hex digits, see schemas.CommandID) marks nothing.
//
// Why there and not in the role session's name: credentials of a role are fetched once and serve all commands in an account, and a name a
// command would mean a call to STS a command. Session.PerCommand pays that price. A User-Agent proves nothing by itself: anybody may
// send one. Who believes a cause looks at the actor and at the ledger too.
func WithCommand(ctx context.Context, id string) context.Context {
	if !isCommand(id) {
		return ctx
	}
	return context.WithValue(ctx, commandKey{}, id)
}

// CommandFrom returns the id that WithCommand has put into ctx, or "".
func CommandFrom(ctx context.Context) string {
	id, _ := ctx.Value(commandKey{}).(string)
	return id
}

// CommandIn reads the id of a command out of a User-Agent, as CloudTrail has it (some services put brackets around it). Where there are
// several marks, none is believed: our calls carry one.
func CommandIn(userAgent string) (id string, ok bool) {
	_, rest, found := strings.Cut(userAgent, commandMark)
	if !found || strings.Contains(rest, commandMark) {
		return "", false
	}
	if end := strings.IndexAny(rest, " ]"); end >= 0 {
		rest = rest[:end]
	}
	if !isCommand(rest) {
		return "", false
	}
	return rest, true
}

// isCommand tells whether s has the form of a command's id.
func isCommand(s string) bool {
	if len(s) != commandLen {
		return false
	}
	for _, r := range s {
		if (r < '0' || r > '9') && (r < 'a' || r > 'f') {
			return false
		}
	}
	return true
}

// markCommand is an API option of all clients: it adds the command's id to the User-Agent that the SDK has made.
func markCommand(stack *middleware.Stack) error {
	return stack.Build.Add(middleware.BuildMiddlewareFunc("riposte-command",
		func(ctx context.Context, in middleware.BuildInput, next middleware.BuildHandler) (middleware.BuildOutput, middleware.Metadata, error) {
			if id := CommandFrom(ctx); id != "" {
				r, ok := in.Request.(*smithyhttp.Request)
				if !ok {
					return middleware.BuildOutput{}, middleware.Metadata{}, errors.New("command id: the request is not one of HTTP")
				}
				r.Header.Set("User-Agent", strings.TrimSpace(r.Header.Get("User-Agent")+" "+commandMark+id))
			}
			return next.HandleBuild(ctx, in)
		}), middleware.After)
}
