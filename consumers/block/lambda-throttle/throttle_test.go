package lambdathrottle

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/riposte-security/riposte/consumers/actiontest"
	"github.com/riposte-security/riposte/internal/cloud/cloudtest"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// fake is one function, called resize.
type fake struct {
	reserved *int32
	err      error
}

func (f *fake) in(context.Context, string, string) (API, error) { return f, nil }

func (f *fake) check(op string, name *string) error {
	if f.err == nil && *name != "resize" {
		return cloudtest.Error("Lambda", op, "ResourceNotFoundException", 404)
	}
	return f.err
}

func (f *fake) GetFunctionConcurrency(_ context.Context, in *lambda.GetFunctionConcurrencyInput, _ ...func(*lambda.Options)) (*lambda.GetFunctionConcurrencyOutput, error) {
	return &lambda.GetFunctionConcurrencyOutput{ReservedConcurrentExecutions: f.reserved}, f.check("GetFunctionConcurrency", in.FunctionName)
}

func (f *fake) PutFunctionConcurrency(_ context.Context, in *lambda.PutFunctionConcurrencyInput, _ ...func(*lambda.Options)) (*lambda.PutFunctionConcurrencyOutput, error) {
	f.reserved = in.ReservedConcurrentExecutions
	return &lambda.PutFunctionConcurrencyOutput{}, nil
}

func (f *fake) DeleteFunctionConcurrency(context.Context, *lambda.DeleteFunctionConcurrencyInput, ...func(*lambda.Options)) (*lambda.DeleteFunctionConcurrencyOutput, error) {
	f.reserved = nil
	return &lambda.DeleteFunctionConcurrencyOutput{}, nil
}

func command() schemas.Command {
	return schemas.Command{Target: schemas.Target{Type: targetType, ID: "resize"}, EventTime: time.Now().Add(-time.Hour), For: schemas.Duration(time.Hour)}
}

func TestContract(t *testing.T) {
	for name, reserved := range map[string]*int32{"none reserved": nil, "five reserved": aws.Int32(5)} {
		t.Run(name, func(t *testing.T) {
			actiontest.Run(t, func(*testing.T) actiontest.Subject {
				f := &fake{reserved: reserved}
				return actiontest.Subject{Action: New(Deps{Lambda: f.in, Now: time.Now}), Command: command(), State: func() any { return f.reserved },
					Change: func() { f.reserved = aws.Int32(7) }}
			})
		})
	}
}

func TestPlan(t *testing.T) {
	for name, tt := range map[string]struct {
		reserved *int32
		want     string
		calls    int
	}{
		"none reserved":   {nil, "set the reserved concurrency of function resize to 0 (from none) for 1h", 1},
		"five reserved":   {aws.Int32(5), "set the reserved concurrency of function resize to 0 (from 5) for 1h", 1},
		"nothing may run": {aws.Int32(0), "function resize has a reserved concurrency of 0 already", 0},
	} {
		p, err := New(Deps{Lambda: (&fake{reserved: tt.reserved}).in, Now: time.Now}).Plan(t.Context(), command())
		if err != nil || p.Summary != tt.want || len(p.Calls) != tt.calls {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	for code, permanent := range map[string]bool{"AccessDeniedException": true, "TooManyRequestsException": false, "ServiceException": false, "ExpiredTokenException": false} {
		f := &fake{err: cloudtest.Error("Lambda", "GetFunctionConcurrency", code, 400)}
		if _, err := New(Deps{Lambda: f.in, Now: time.Now}).Plan(t.Context(), command()); err == nil || fault.IsPermanent(err) != permanent {
			t.Errorf("%s: %v", code, err)
		}
	}
	cmd := command()
	cmd.Target.ID = "nobody"
	if _, err := New(Deps{Lambda: (&fake{}).in, Now: time.Now}).Plan(t.Context(), cmd); !fault.IsPermanent(err) || !strings.Contains(err.Error(), "function nobody") {
		t.Errorf("a function that does not exist: %v", err)
	}
	cmd = command()
	cmd.With = map[string]any{"concurrency": 1}
	if _, err := New(Deps{Lambda: (&fake{}).in, Now: time.Now}).Plan(t.Context(), cmd); !fault.IsPermanent(err) {
		t.Errorf("an unknown setting: %v", err)
	}
}

func TestCanonical(t *testing.T) {
	for raw, want := range map[string]string{
		"resize":      "lambda-function:111122223333:eu-west-1:resize",
		"resize:prod": "lambda-function:111122223333:eu-west-1:resize",
		"arn:aws:lambda:us-east-1:444455556666:function:resize":      "lambda-function:444455556666:us-east-1:resize",
		"arn:aws:lambda:us-east-1:444455556666:function:resize:prod": "lambda-function:444455556666:us-east-1:resize",
		"arn:aws:lambda:us-east-1:444455556666:layer:x":              "",
		"arn:aws:s3:::resize": "", "arn:": "", "re size": "", "": "", strings.Repeat("a", 65): "",
	} {
		got, err := Spec().Canonical(raw, "111122223333", "eu-west-1")
		if (err == nil) != (want != "") || err == nil && got.Key() != want {
			t.Errorf("%q: %+v, %v", raw, got, err)
		}
	}
}
