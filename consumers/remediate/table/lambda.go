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

func lambdaRows() []Action { return []Action{lambdaPrivate()} }

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
