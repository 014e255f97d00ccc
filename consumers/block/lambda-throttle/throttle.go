// Package lambdathrottle keeps a Lambda function from running.
package lambdathrottle

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/schemas"
)

const (
	targetType = cloud.TypeLambda
	within     = 30 * time.Second
)

// Spec describes the action.
func Spec() schemas.ActionSpec {
	return schemas.ActionSpec{
		Name: "lambda-throttle",
		Lane: schemas.LaneBlock,
		Summary: "Keeps a Lambda function from running, by a reserved concurrency of 0; undo restores the one that it had, or none. Invocations are refused " +
			"or wait, as their callers do, and what runs already runs to its end. The target is the function's name or ARN; versions and aliases stand for the function.",
		TargetType: targetType,
		Undo:       true,
		Expires:    true,
		Policy:     []string{"lambda:GetFunctionConcurrency", "lambda:PutFunctionConcurrency", "lambda:DeleteFunctionConcurrency"},
		Canonical:  canonical,
	}
}

// canonical takes a function's name or ARN, with or without a version or alias. An ARN's own account and region go before the event's.
func canonical(raw, account, region string) (schemas.Target, error) {
	name := raw
	if strings.HasPrefix(raw, "arn:") {
		a, err := arn.Parse(raw)
		if err != nil {
			return schemas.Target{}, fmt.Errorf("function %q: %w", raw, err)
		}
		rest, ok := strings.CutPrefix(a.Resource, "function:")
		if a.Service != "lambda" || !ok {
			return schemas.Target{}, fmt.Errorf("function %q: not the ARN of a function", raw)
		}
		name, account, region = rest, a.AccountID, a.Region
	}
	name, _, _ = strings.Cut(name, ":")
	if !isName(name) {
		return schemas.Target{}, fmt.Errorf("function %q: the name or ARN of a function expected", raw)
	}
	return schemas.Target{Type: targetType, Account: account, Region: region, ID: name}, nil
}

func isName(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for _, r := range s {
		if (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && r != '-' && r != '_' {
			return false
		}
	}
	return true
}

// API is what the action needs of Lambda.
type API interface {
	GetFunctionConcurrency(context.Context, *lambda.GetFunctionConcurrencyInput, ...func(*lambda.Options)) (*lambda.GetFunctionConcurrencyOutput, error)
	PutFunctionConcurrency(context.Context, *lambda.PutFunctionConcurrencyInput, ...func(*lambda.Options)) (*lambda.PutFunctionConcurrencyOutput, error)
	DeleteFunctionConcurrency(context.Context, *lambda.DeleteFunctionConcurrencyInput, ...func(*lambda.Options)) (*lambda.DeleteFunctionConcurrencyOutput, error)
}

// Deps is what the action is made of.
type Deps struct {
	Lambda func(ctx context.Context, account, region string) (API, error)
	Now    func() time.Time
}

// state is the concurrency reserved for the function; nil where none is, and it shares that of the account.
type state struct {
	Reserved *int32 `json:"reserved"`
}

func (s state) String() string {
	if s.Reserved == nil {
		return "none"
	}
	return fmt.Sprint(*s.Reserved)
}

// OnAWS makes the action with real clients.
func OnAWS(c *cloud.Clients, now func() time.Time) consumers.Action {
	return New(Deps{Now: now, Lambda: func(ctx context.Context, account, region string) (API, error) { return c.Lambda(ctx, account, region) }})
}

// New makes the action.
func New(d Deps) consumers.Action {
	t := throttler{d}
	return attribute.New(attribute.Row[state]{
		Noun:   func(cmd schemas.Command) string { return "function " + cmd.Target.ID },
		Read:   t.read,
		Want:   want,
		Write:  t.write,
		Same:   func(a, b state) bool { return a.String() == b.String() },
		Now:    d.Now,
		Within: within,
	})
}

type throttler struct{ Deps }

func (t throttler) read(ctx context.Context, cmd schemas.Command, _ *state) (state, error) {
	if err := attribute.Settings(cmd, &struct{}{}); err != nil {
		return state{}, err
	}
	api, err := t.Lambda(ctx, cmd.Target.Account, cmd.Target.Region)
	if err != nil {
		return state{}, err
	}
	out, err := api.GetFunctionConcurrency(ctx, &lambda.GetFunctionConcurrencyInput{FunctionName: &cmd.Target.ID})
	if err != nil {
		return state{}, cloud.Classify(err)
	}
	return state{out.ReservedConcurrentExecutions}, nil
}

func want(cmd schemas.Command, current state) (attribute.Change[state], error) {
	c := attribute.Change[state]{Before: current, After: state{aws.Int32(0)}}
	if current.String() == c.After.String() {
		c.Summary = "function " + cmd.Target.ID + " has a reserved concurrency of 0 already"
		return c, nil
	}
	c.Summary = "set the reserved concurrency of function " + cmd.Target.ID + " to 0 (from " + current.String() + ")" + attribute.Lasting(cmd)
	c.Calls = []schemas.Call{{Service: "lambda", Operation: "PutFunctionConcurrency", Params: map[string]any{
		"FunctionName": cmd.Target.ID, "ReservedConcurrentExecutions": 0,
	}}}
	return c, nil
}

func (t throttler) write(ctx context.Context, cmd schemas.Command, _, to state) error {
	api, err := t.Lambda(ctx, cmd.Target.Account, cmd.Target.Region)
	if err != nil {
		return err
	}
	if to.Reserved == nil {
		_, err = api.DeleteFunctionConcurrency(ctx, &lambda.DeleteFunctionConcurrencyInput{FunctionName: &cmd.Target.ID})
	} else {
		_, err = api.PutFunctionConcurrency(ctx, &lambda.PutFunctionConcurrencyInput{FunctionName: &cmd.Target.ID, ReservedConcurrentExecutions: to.Reserved})
	}
	return cloud.Classify(err)
}
