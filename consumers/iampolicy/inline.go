package iampolicy

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
)

// The kinds of Owner.
const (
	User  = "user"
	Role  = "role"
	Group = "group"
)

// An Owner is where an inline policy is: of which kind and name, and what the policy is called there.
type Owner struct{ Kind, Name, Policy string }

// Params names the policy as the calls on it do.
func (o Owner) Params() map[string]any {
	return map[string]any{o.kind() + "Name": o.Name, "PolicyName": o.Policy}
}

// Operation is the name of the call that does something (Get, Put, Delete) to the policy: PutUserPolicy.
func (o Owner) Operation(verb string) string { return verb + o.kind() + "Policy" }

func (o Owner) kind() string {
	switch o.Kind {
	case User:
		return "User"
	case Role:
		return "Role"
	default:
		return "Group"
	}
}

// InlineAPI is what reads and writes inline policies.
type InlineAPI interface {
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

// Get reads the document of an inline policy. That there is none is an error for which cloud.Missing holds.
func Get(ctx context.Context, api InlineAPI, o Owner) (json.RawMessage, error) {
	text, err := get(ctx, api, o)
	if err != nil {
		return nil, cloud.Classify(err)
	}
	doc, err := Decode(text)
	return doc, fault.Permanent(err)
}

func get(ctx context.Context, api InlineAPI, o Owner) (string, error) {
	switch o.Kind {
	case User:
		out, err := api.GetUserPolicy(ctx, &iam.GetUserPolicyInput{UserName: &o.Name, PolicyName: &o.Policy})
		if err != nil {
			return "", err
		}
		return aws.ToString(out.PolicyDocument), nil
	case Role:
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

// Put puts a document in its place, or removes the policy for nil.
func Put(ctx context.Context, api InlineAPI, o Owner, doc json.RawMessage) error {
	var err error
	text := string(Compact(doc))
	remove := text == ""
	switch {
	case o.Kind == User && remove:
		_, err = api.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: &o.Name, PolicyName: &o.Policy})
	case o.Kind == User:
		_, err = api.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: &o.Name, PolicyName: &o.Policy, PolicyDocument: &text})
	case o.Kind == Role && remove:
		_, err = api.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &o.Name, PolicyName: &o.Policy})
	case o.Kind == Role:
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
