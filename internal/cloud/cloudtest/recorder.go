package cloudtest

import (
	"context"
	"slices"
	"strings"
	"sync"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
)

// A Call is an operation of a service, by the names that the SDK gives them.
type Call struct{ Service, Operation string }

// A Recorder notes what clients are asked for that were made with its Register. STS is left out: who we are needs no permission, and the way into
// another account is not a matter of what is done there.
type Recorder struct {
	mu    sync.Mutex
	calls map[Call]bool
}

// Register is an API option for cloud.New.
func (r *Recorder) Register(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("cloudtest.Recorder",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (middleware.InitializeOutput, middleware.Metadata, error) {
			if c := (Call{awsmiddleware.GetServiceID(ctx), awsmiddleware.GetOperationName(ctx)}); c.Service != "STS" {
				r.note(c)
			}
			return next.HandleInitialize(ctx, in)
		}), middleware.After)
}

func (r *Recorder) note(c Call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.calls == nil {
		r.calls = map[Call]bool{}
	}
	r.calls[c] = true
}

// Beyond returns the calls made so far that need what is not in policy, in order; permissions says what a call needs, as cloud.Permissions does.
func (r *Recorder) Beyond(policy []string, permissions func(service, operation string) []string) (beyond []Call, made int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.calls {
		for _, p := range permissions(c.Service, c.Operation) {
			if !slices.Contains(policy, p) {
				beyond = append(beyond, c)
			}
		}
	}
	slices.SortFunc(beyond, func(a, b Call) int { return strings.Compare(a.Service+a.Operation, b.Service+b.Operation) })
	return beyond, len(r.calls)
}
