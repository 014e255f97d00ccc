package table

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigateway/types"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/schemas"
)

func apigatewayRows() []Action { return []Action{apiLogging(), apiTracing(), apiCacheEncryption()} }

// stage completes a row that reads a value of a stage of a REST API, and patches it at a path.
func stage[S comparable](path string, r row[*apigateway.Client, S], get func(*apigateway.GetStageOutput) S) Action {
	r.Target = named("apigateway-stage", "stage", func(id string) bool { // a1b2c3/stages/prod
		parts := strings.Split(id, "/")
		return len(parts) == 3 && parts[1] == "stages" && isName(parts[0], 64, "") && isName(parts[2], 128, "_-")
	})
	r.Target.takes = "the ARN of a stage of a REST API (arn:aws:apigateway:REGION::/restapis/API/stages/STAGE), or what stands after /restapis/ in it"
	// IAM names the permissions for everything in API Gateway after the verb of HTTP.
	r.API, r.Policy = (*cloud.Clients).APIGateway, []string{"apigateway:GET", "apigateway:PATCH"}
	r.Read = func(ctx context.Context, api *apigateway.Client, in input, _ *S) (S, error) {
		id, name := in.stage()
		out, err := api.GetStage(ctx, &apigateway.GetStageInput{RestApiId: id, StageName: name})
		if err != nil {
			var none S
			return none, err
		}
		return get(out), nil
	}
	r.Write = func(in input, _, to S) []call[*apigateway.Client] {
		id, name := in.stage()
		return one((*apigateway.Client).UpdateStage, &apigateway.UpdateStageInput{RestApiId: id, StageName: name, PatchOperations: []types.PatchOperation{
			{Op: types.OpReplace, Path: &path, Value: aws.String(fmt.Sprint(to))},
		}})
	}
	return action(r)
}

func (in input) stage() (api, name *string) {
	a, n, _ := strings.Cut(in.ID, "/stages/")
	return &a, &n
}

const logsOff = "OFF"

func apiLogging() Action {
	return stage("/*/*/logging/loglevel", row[*apigateway.Client, string]{
		Name: "apigateway-enable-logging", Controls: []string{"APIGateway.1"},
		Does:     "Has a stage of a REST API log what it carries out to CloudWatch Logs. The account needs a role for that in API Gateway's settings. One that logs already is left alone.",
		Settings: []schemas.Setting{{Name: "level", Type: "string", Default: "ERROR", OneOf: []string{"ERROR", "INFO"}, Help: "what is logged: errors, or all"}},
		Do:       "turn execution logs on for", Done: "has execution logs",
		Want: func(in input, now string) (string, error) {
			if now != logsOff {
				return now, nil
			}
			return in.text("level"), nil
		},
	}, func(s *apigateway.GetStageOutput) string {
		if level := aws.ToString(s.MethodSettings["*/*"].LoggingLevel); level != "" {
			return level
		}
		return logsOff
	})
}

func apiTracing() Action {
	return stage("/tracingEnabled", row[*apigateway.Client, bool]{
		Name: "apigateway-enable-tracing", Controls: []string{"APIGateway.3"},
		Does: "Has the requests to a stage of a REST API traced by X-Ray.",
		Do:   "turn tracing on for", Done: "is traced",
		Want: always(true),
		Code: declared("aws_api_gateway_stage", "tracing", "xray_tracing_enabled = true", "TracingEnabled: true"),
	}, func(s *apigateway.GetStageOutput) bool { return s.TracingEnabled })
}

func apiCacheEncryption() Action {
	return stage("/*/*/caching/dataEncrypted", row[*apigateway.Client, bool]{
		Name: "apigateway-encrypt-cache", Controls: []string{"APIGateway.5"},
		Does:         "Has a stage of a REST API encrypt the answers that it caches.",
		Irreversible: "what was cached before is dropped",
		Do:           "encrypt the cache of", Done: "encrypts its cache",
		Want: always(true),
	}, func(s *apigateway.GetStageOutput) bool { return s.MethodSettings["*/*"].CacheDataEncrypted })
}
