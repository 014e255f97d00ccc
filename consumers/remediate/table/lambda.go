package table

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/riposte-security/riposte/consumers/iampolicy"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

func lambdaRows() []Action { return []Action{lambdaPrivate(), lambdaRuntime()} }

// functionKind is a function, whatever version or alias of it is named.
func functionKind() kind {
	k := named(cloud.TypeLambda, "function", func(id string) bool { return isName(id, 64, "_-") })
	whole := k.canonical
	k.canonical = func(raw, account, region string) (schemas.Target, error) {
		parts, most := strings.Split(raw, ":"), 1
		if strings.HasPrefix(raw, "arn:") {
			most = 7
		}
		return whole(strings.Join(parts[:min(most, len(parts))], ":"), account, region)
	}
	return k
}

// A grant is a statement of a function's policy that lets everybody do something, in the words of AddPermission.
type grant struct {
	Sid    string                    `json:"sid"`
	Action string                    `json:"action"`
	Auth   types.FunctionUrlAuthType `json:"function_url_auth_type,omitempty"`
	ViaURL *bool                     `json:"invoked_via_function_url,omitempty"`
	Token  string                    `json:"event_source_token,omitempty"`
}

func grantOf(statement json.RawMessage) (grant, error) {
	var s struct {
		Sid, Action string
		Condition   struct {
			StringEquals map[string]string
			Bool         map[string]string
		}
	}
	if err := json.Unmarshal(statement, &s); err != nil {
		return grant{}, fault.Permanent(err)
	}
	g := grant{Sid: s.Sid, Action: s.Action, Auth: types.FunctionUrlAuthType(s.Condition.StringEquals["lambda:FunctionUrlAuthType"]), Token: s.Condition.StringEquals["lambda:EventSourceToken"]}
	if v, ok := s.Condition.Bool["lambda:InvokedViaFunctionUrl"]; ok {
		g.ViaURL = aws.Bool(v == "true")
	}
	return g, nil
}

func (g grant) add(function *string) call[*lambda.Client] {
	in := &lambda.AddPermissionInput{FunctionName: function, StatementId: &g.Sid, Action: &g.Action, Principal: aws.String("*"), FunctionUrlAuthType: g.Auth, InvokedViaFunctionUrl: g.ViaURL}
	if g.Token != "" {
		in.EventSourceToken = &g.Token
	}
	return calling((*lambda.Client).AddPermission, in)
}

func lambdaPrivate() Action {
	return action(row[*lambda.Client, []grant]{
		Name: "lambda-remove-public-access", Controls: []string{"Lambda.1"}, Target: functionKind(), API: (*cloud.Clients).Lambda,
		Does:   "Takes statements that let everybody call a function out of its policy; others stay, and so do the policies of its versions and aliases.",
		Policy: []string{"lambda:GetPolicy", "lambda:GetFunctionConfiguration", "lambda:RemovePermission", "lambda:AddPermission"},
		Do:     "take statements for everybody out of the policy of", Done: "is not callable by everybody",
		Read: func(ctx context.Context, api *lambda.Client, in input, _ *[]grant) ([]grant, error) {
			out, err := api.GetPolicy(ctx, &lambda.GetPolicyInput{FunctionName: in.arn()})
			if cloud.Missing(err) { // a function without a policy, or none
				_, err = api.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: in.arn()})
				return nil, err
			}
			if err != nil {
				return nil, err
			}
			p, err := iampolicy.Open(aws.ToString(out.Policy))
			if err != nil {
				return nil, err
			}
			var all []grant
			for _, s := range p.All {
				if !iampolicy.Public(s) {
					continue
				}
				g, err := grantOf(s)
				if err != nil {
					return nil, err
				}
				all = append(all, g)
			}
			slices.SortFunc(all, func(a, b grant) int { return strings.Compare(a.Sid, b.Sid) })
			return all, nil
		},
		Want: always([]grant(nil)),
		Write: func(in input, from, to []grant) (calls []call[*lambda.Client]) {
			has := func(list []grant, g grant) bool {
				return slices.ContainsFunc(list, func(o grant) bool { return o.Sid == g.Sid })
			}
			for _, g := range from {
				if !has(to, g) {
					calls = append(calls, calling((*lambda.Client).RemovePermission, &lambda.RemovePermissionInput{FunctionName: in.arn(), StatementId: &g.Sid}))
				}
			}
			for _, g := range to {
				if !has(from, g) {
					calls = append(calls, g.add(in.arn()))
				}
			}
			return calls
		},
	})
}

// deprecated are the runtimes that AWS has deprecated, or will have by the end of 2026, as its documentation has them; those whose date it
// has moved are left out. No API tells.
const deprecated = "nodejs,nodejs4.3,nodejs4.3-edge,nodejs6.10,nodejs8.10,nodejs10.x,nodejs12.x,nodejs14.x,nodejs16.x,nodejs18.x,nodejs20.x," +
	"python2.7,python3.6,python3.7,python3.8,python3.9,python3.10,ruby2.5,ruby2.7,ruby3.2,java8,go1.x," +
	"dotnetcore1.0,dotnetcore2.0,dotnetcore2.1,dotnetcore3.1,dotnet6,dotnet8,provided"

func lambdaRuntime() Action {
	return action(row[*lambda.Client, types.Runtime]{
		Name: "lambda-report-runtime", Controls: []string{"Lambda.2"}, Target: functionKind(), API: (*cloud.Clients).Lambda,
		Does:     "Reports a function whose runtime AWS has deprecated. It calls nothing, because code has to be made fit for another runtime first.",
		Settings: []schemas.Setting{{Name: "deprecated", Type: "list", Default: deprecated, Help: "runtimes that are reported"}},
		Policy:   []string{"lambda:GetFunctionConfiguration"},
		Done:     "runs on a runtime that is not deprecated",
		Read: func(ctx context.Context, api *lambda.Client, in input, _ *types.Runtime) (types.Runtime, error) {
			out, err := api.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: in.arn()})
			if err != nil {
				return "", err
			}
			return out.Runtime, nil // none where the function is an image
		},
		Report: func(in input, now types.Runtime) string {
			if !slices.Contains(in.list("deprecated"), string(now)) {
				return ""
			}
			return "its runtime " + string(now) + " is deprecated: whoever owns its code has to move it to another one"
		},
	})
}
