package invoke

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/schemas"
)

type lambdaSettings struct {
	input
	Function  string `json:"function"`
	Qualifier string `json:"qualifier"`
	Async     bool   `json:"async"`
}

// A patientLambda waits for an answer as long as a function may run.
type patientLambda struct{ *lambda.Client }

const longestFunction = 15*time.Minute + 10*time.Second

func toLambda() Target {
	return row[lambdaSettings, lambda.InvokeInput, patientLambda]{
		service: "lambda", operation: "Invoke",
		client: func(ctx context.Context, c *cloud.Clients, account, region string) (patientLambda, error) {
			return cloud.For(ctx, c, account, region, func(conf aws.Config) patientLambda {
				return patientLambda{lambda.NewFromConfig(conf, func(o *lambda.Options) {
					o.RetryMaxAttempts = 1 // it has no idempotency key: who calls again is the worker, which says so
					if b, ok := o.HTTPClient.(*awshttp.BuildableClient); ok {
						o.HTTPClient = b.WithTimeout(longestFunction)
					}
				})}
			})
		},
		at:    func(s lambdaSettings) string { return s.Function },
		lasts: func(s lambdaSettings) bool { return !s.Async },
		build: func(cmd schemas.Command, s lambdaSettings) (lambda.InvokeInput, []byte, string, error) {
			in := lambda.InvokeInput{FunctionName: aws.String(s.Function), InvocationType: types.InvocationTypeRequestResponse}
			if s.Function == "" {
				return in, nil, "", errors.New("with.function is empty")
			}
			most := 6 << 20
			if s.Async {
				in.InvocationType, most = types.InvocationTypeEvent, 256*kib
			}
			if s.Qualifier != "" {
				in.Qualifier = aws.String(s.Qualifier)
			}
			who, err := compact(map[string]any{"custom": map[string]string{"riposte_command": cmd.ID}})
			if err != nil {
				return in, nil, "", err
			}
			in.ClientContext = aws.String(base64.StdEncoding.EncodeToString(who))
			body, err := s.body(cmd, most)
			return in, body, "call function " + s.Function, err
		},
		bodyAs: "Payload",
		attach: func(in *lambda.InvokeInput, body []byte) { in.Payload = body },
		send: func(ctx context.Context, api patientLambda, in lambda.InvokeInput) (schemas.Run, error) {
			out, err := api.Invoke(ctx, &in)
			if err != nil {
				return schemas.Run{}, err
			}
			if out.FunctionError != nil {
				return schemas.Run{}, badly(*in.FunctionName, "in error", out.FunctionError, aws.String(string(out.Payload)))
			}
			return runOf(*in.FunctionName, outputOf(out.Payload))
		},
		touches: func(_ schemas.Command, s lambdaSettings, account, region string) []schemas.Target {
			name := s.Function
			if _, after, ok := strings.Cut(name, ":function:"); ok {
				name, _, _ = strings.Cut(after, ":")
			}
			return []schemas.Target{{Type: cloud.TypeLambda, Account: account, Region: region, ID: name}}
		},
	}.target(spec("lambda", "Calls an AWS Lambda function and waits for its answer, at most 15 minutes; with async it is only handed over. The function finds the command's id "+
		"in its client context (custom.riposte_command): a call whose answer was lost is repeated with the same.",
		[]string{"lambda:InvokeFunction"},
		append([]schemas.Setting{
			{Name: "function", Type: "string", Required: true, Help: "name or ARN"},
			{Name: "qualifier", Type: "string", Help: "version or alias"},
			{Name: "async", Type: "bool", Default: "false", Help: "do not wait for the answer"},
		}, inputSettings(true)...)...))
}

// runOf is a run whose answer is all there is.
func runOf(ref string, output any) (schemas.Run, error) {
	run := schemas.Run{Ref: ref}
	if output == nil {
		return run, nil
	}
	b, err := compact(output)
	if err != nil {
		return run, fmt.Errorf("answer: %w", err)
	}
	run.Result = json.RawMessage(b)
	return run, nil
}
