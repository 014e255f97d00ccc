//go:build integration

package catalog_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
)

func accessKey(t *testing.T, endpoint string) {
	c := clients(t, endpoint, cloud.Config{})
	api := must(c.IAM(t.Context(), "", ""))(t)
	name := unique("alice")
	must(api.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name}))(t)
	key := *must(api.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: &name}))(t).AccessKey.AccessKeyId
	status := func() string {
		return string(must(api.ListAccessKeys(t.Context(), &iam.ListAccessKeysInput{UserName: &name}))(t).AccessKeyMetadata[0].Status)
	}
	for what, with := range map[string]map[string]any{"user looked up": nil, "user given": {"user": name}} {
		r := start(t, c, "iam-disable-access-key", key, ownAccount, with)
		p := r.carryOut()
		if got := status(); got != "Inactive" {
			t.Errorf("%s: the key is %s", what, got)
		}
		if err := r.undo(p, false); err != nil || status() != "Active" {
			t.Errorf("%s: undo: %v, the key is %s", what, err, status())
		}
	}
	r := start(t, c, "iam-disable-access-key", "AKIAIOSFODNN7EXAMPLE", ownAccount, map[string]any{"user": name})
	if _, err := r.action.Plan(t.Context(), r.cmd); !fault.IsPermanent(err) || !strings.Contains(err.Error(), "no such key") {
		t.Errorf("a key that does not exist: %v", err)
	}
}

func iamDenials(t *testing.T, endpoint string) {
	c := clients(t, endpoint, cloud.Config{})
	api := must(c.IAM(t.Context(), "", ""))(t)
	name := unique("alice")
	must(api.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name}))(t)
	must(api.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{UserName: &name, PolicyName: aws.String("own"), PolicyDocument: aws.String(little)}))(t)
	must(api.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[]}`)}))(t)
	policies := map[string]func() []string{
		"user": func() []string {
			return must(api.ListUserPolicies(t.Context(), &iam.ListUserPoliciesInput{UserName: &name}))(t).PolicyNames
		},
		"role": func() []string {
			return must(api.ListRolePolicies(t.Context(), &iam.ListRolePoliciesInput{RoleName: &name}))(t).PolicyNames
		},
	}
	text := func(kind, policy string) string {
		if kind == "user" {
			return *must(api.GetUserPolicy(t.Context(), &iam.GetUserPolicyInput{UserName: &name, PolicyName: &policy}))(t).PolicyDocument
		}
		return *must(api.GetRolePolicy(t.Context(), &iam.GetRolePolicyInput{RoleName: &name, PolicyName: &policy}))(t).PolicyDocument
	}
	for _, tt := range []struct{ action, kind, target, holds string }{
		{"iam-deny-user", "user", "arn:aws:iam::" + ownAccount + ":user/" + name, `"Effect":"Deny"`},
		{"iam-disable-console", "user", name, `"aws:TokenIssueTime":"false"`},
		{"iam-deny-role", "role", "arn:aws:sts::" + ownAccount + ":assumed-role/" + name + "/session", `"DateLessThan"`},
	} {
		t.Run(tt.action, func(t *testing.T) {
			before := policies[tt.kind]()
			r := start(t, c, tt.action, tt.target, ownAccount, nil)
			p := r.carryOut()
			ours := slices.DeleteFunc(policies[tt.kind](), func(p string) bool { return slices.Contains(before, p) })
			if len(ours) != 1 {
				t.Fatalf("policies %v, before %v", ours, before)
			}
			if doc, err := url.PathUnescape(text(tt.kind, ours[0])); err != nil || !strings.Contains(doc, tt.holds) {
				t.Errorf("%s, %v", doc, err)
			}
			if err := r.undo(p, false); err != nil || !slices.Equal(policies[tt.kind](), before) {
				t.Errorf("undo: %v, policies %v", err, policies[tt.kind]())
			}
			r.cmd.Target.ID = "nobody"
			if _, err := r.action.Plan(t.Context(), r.cmd); !fault.IsPermanent(err) || !cloud.Missing(err) {
				t.Errorf("one that does not exist: %v", err)
			}
		})
	}
}
