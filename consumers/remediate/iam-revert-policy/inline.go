package iamrevertpolicy

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

type inlineAPI interface {
	GetUserPolicy(context.Context, *iam.GetUserPolicyInput, ...func(*iam.Options)) (*iam.GetUserPolicyOutput, error)
	PutUserPolicy(context.Context, *iam.PutUserPolicyInput, ...func(*iam.Options)) (*iam.PutUserPolicyOutput, error)
	DeleteUserPolicy(context.Context, *iam.DeleteUserPolicyInput, ...func(*iam.Options)) (*iam.DeleteUserPolicyOutput, error)
	GetRolePolicy(context.Context, *iam.GetRolePolicyInput, ...func(*iam.Options)) (*iam.GetRolePolicyOutput, error)
	PutRolePolicy(context.Context, *iam.PutRolePolicyInput, ...func(*iam.Options)) (*iam.PutRolePolicyOutput, error)
	DeleteRolePolicy(context.Context, *iam.DeleteRolePolicyInput, ...func(*iam.Options)) (*iam.DeleteRolePolicyOutput, error)
	GetGroupPolicy(context.Context, *iam.GetGroupPolicyInput, ...func(*iam.Options)) (*iam.GetGroupPolicyOutput, error)
	PutGroupPolicy(context.Context, *iam.PutGroupPolicyInput, ...func(*iam.Options)) (*iam.PutGroupPolicyOutput, error)
	DeleteGroupPolicy(context.Context, *iam.DeleteGroupPolicyInput, ...func(*iam.Options)) (*iam.DeleteGroupPolicyOutput, error)
}

// readInline reads an inline policy. That it does not exist is an answer, except while planning for so young an event that IAM may not
// show it yet.
func (r reverter) readInline(ctx context.Context, api inlineAPI, cmd schemas.Command, o owner, planning bool) (state, error) {
	text, err := getInline(ctx, api, o)
	if cloud.Missing(err) {
		if planning && r.Now().Sub(cmd.EventTime) <= cloud.Settling {
			return state{}, cloud.Classify(err)
		}
		return state{}, nil
	}
	if err != nil {
		return state{}, cloud.Classify(err)
	}
	doc, err := decode(text)
	return state{Document: doc}, fault.Permanent(err)
}

func getInline(ctx context.Context, api inlineAPI, o owner) (string, error) {
	switch o.Kind {
	case "user":
		out, err := api.GetUserPolicy(ctx, &iam.GetUserPolicyInput{UserName: &o.Name, PolicyName: &o.Policy})
		if err != nil {
			return "", err
		}
		return aws.ToString(out.PolicyDocument), nil
	case "role":
		out, err := api.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &o.Name, PolicyName: &o.Policy})
		if err != nil {
			return "", err
		}
		return aws.ToString(out.PolicyDocument), nil
	default:
		out, err := api.GetGroupPolicy(ctx, &iam.GetGroupPolicyInput{GroupName: &o.Name, PolicyName: &o.Policy})
		if err != nil {
			return "", err
		}
		return aws.ToString(out.PolicyDocument), nil
	}
}

// writeInline puts a document in its place, or removes the policy for nil.
func writeInline(ctx context.Context, api inlineAPI, o owner, doc json.RawMessage) error {
	var err error
	text := string(compact(doc))
	remove := text == ""
	switch {
	case o.Kind == "user" && remove:
		_, err = api.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: &o.Name, PolicyName: &o.Policy})
	case o.Kind == "user":
		_, err = api.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: &o.Name, PolicyName: &o.Policy, PolicyDocument: &text})
	case o.Kind == "role" && remove:
		_, err = api.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &o.Name, PolicyName: &o.Policy})
	case o.Kind == "role":
		_, err = api.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &o.Name, PolicyName: &o.Policy, PolicyDocument: &text})
	case remove:
		_, err = api.DeleteGroupPolicy(ctx, &iam.DeleteGroupPolicyInput{GroupName: &o.Name, PolicyName: &o.Policy})
	default:
		_, err = api.PutGroupPolicy(ctx, &iam.PutGroupPolicyInput{GroupName: &o.Name, PolicyName: &o.Policy, PolicyDocument: &text})
	}
	if remove && cloud.Missing(err) {
		return nil
	}
	return cloud.Classify(err)
}

func wantInline(c attribute.Change[state], o owner) attribute.Change[state] {
	kind := map[string]string{"user": "User", "role": "Role", "group": "Group"}[o.Kind]
	c.After = state{}
	c.Summary = "remove inline policy " + o.Policy + " of " + o.Kind + " " + o.Name + ", which grants every action on every resource"
	c.Calls = []schemas.Call{{Service: "iam", Operation: "Delete" + kind + "Policy", Params: map[string]any{kind + "Name": o.Name, "PolicyName": o.Policy}}}
	return c
}
