//go:build integration

package catalog_test

import (
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
)

func (w *world) iam(t *testing.T) *iam.Client {
	t.Helper()
	return must(w.IAM(t.Context(), w.account, ""))(t)
}

// user makes a user with two access keys, and changes it.
func user(change func(t *testing.T, api *iam.Client, name string)) func(*testing.T, *world) string {
	return func(t *testing.T, w *world) string {
		t.Helper()
		api, name := w.iam(t), unique("eve")
		out := must(api.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name, Path: aws.String("/team/")}))(t)
		for range 2 {
			must(api.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: &name}))(t)
		}
		if change != nil {
			change(t, api, name)
		}
		return *out.User.Arn
	}
}

func removeUser(t *testing.T, w *world, arn string) {
	t.Helper()
	api := w.iam(t)
	name := arn[len("arn:aws:iam::123456789012:user/team/"):]
	for _, k := range must(api.ListAccessKeys(t.Context(), &iam.ListAccessKeysInput{UserName: &name}))(t).AccessKeyMetadata {
		must(api.DeleteAccessKey(t.Context(), &iam.DeleteAccessKeyInput{UserName: &name, AccessKeyId: k.AccessKeyId}))(t)
	}
	for _, p := range must(api.ListUserPolicies(t.Context(), &iam.ListUserPoliciesInput{UserName: &name}))(t).PolicyNames {
		must(api.DeleteUserPolicy(t.Context(), &iam.DeleteUserPolicyInput{UserName: &name, PolicyName: &p}))(t)
	}
	for _, g := range must(api.ListGroupsForUser(t.Context(), &iam.ListGroupsForUserInput{UserName: &name}))(t).Groups {
		must(api.RemoveUserFromGroup(t.Context(), &iam.RemoveUserFromGroupInput{UserName: &name, GroupName: g.GroupName}))(t)
	}
	must(api.DeleteUser(t.Context(), &iam.DeleteUserInput{UserName: &name}))(t)
}

// withPolicies gives a user an attached policy and two inline ones, of which one is riposte's own.
func withPolicies(t *testing.T, api *iam.Client, name string) {
	t.Helper()
	must(api.CreateGroup(t.Context(), &iam.CreateGroupInput{GroupName: aws.String("readers")}))(t)
	arn := must(api.CreatePolicy(t.Context(), &iam.CreatePolicyInput{PolicyName: aws.String(unique("reports")), PolicyDocument: aws.String(little)}))(t).Policy.Arn
	must(api.AttachUserPolicy(t.Context(), &iam.AttachUserPolicyInput{UserName: &name, PolicyArn: arn}))(t)
	for _, p := range []string{"own", "riposte-deny-1"} {
		must(api.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{UserName: &name, PolicyName: &p, PolicyDocument: aws.String(everything)}))(t)
	}
}

func iamFixtures() map[string]fixture {
	now := map[string]any{"days": 0} // moto makes things today, and uses no key
	return map[string]fixture{
		"iam-set-password-policy": {wrong: makes{
			"none": account,
			"weak": func(t *testing.T, w *world) string {
				must(w.iam(t).UpdateAccountPasswordPolicy(t.Context(), &iam.UpdateAccountPasswordPolicyInput{MinimumPasswordLength: aws.Int32(20), RequireNumbers: true}))(t)
				return "arn:aws:iam::" + w.account + ":root"
			},
		}},
		"iam-disable-unused-keys":  {wrong: makes{"two keys": user(nil)}, gone: removeUser, with: now},
		"iam-disable-unused-user":  {wrong: makes{"never used": user(nil)}, gone: removeUser, with: now},
		"iam-require-mfa":          {wrong: makes{"as made": user(nil)}, gone: removeUser},
		"iam-detach-user-policies": {wrong: makes{"three policies": user(withPolicies)}, gone: removeUser, with: map[string]any{"group": "readers"}},
		"iam-report-root-user": {
			wrong: makes{"keys": account}, reports: "root user has access keys",
			mend: func(t *testing.T, w *world, _ string) {
				must(w.iam(t).DeleteAccessKey(t.Context(), &iam.DeleteAccessKeyInput{AccessKeyId: aws.String("AKIAIOSFODNN7EXAMPLE")}))(t)
			},
			exchange: func() exchange { // moto knows no root user
				keys := "1"
				return exchange{"DeleteAccessKey": func(*http.Request) string {
					keys = "0"
					return `<DeleteAccessKeyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"/>`
				}, "GetAccountSummary": func(*http.Request) string {
					return `<GetAccountSummaryResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetAccountSummaryResult><SummaryMap>` +
						`<entry><key>AccountAccessKeysPresent</key><value>` + keys + `</value></entry><entry><key>AccountMFAEnabled</key><value>1</value></entry>` +
						`</SummaryMap></GetAccountSummaryResult></GetAccountSummaryResponse>`
				}}
			},
		},
	}
}
