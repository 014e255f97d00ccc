package table

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/riposte-security/riposte/consumers/iampolicy"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/schemas"
)

// ownPrefix begins the names of the inline policies that actions of ours put on users.
const ownPrefix = "riposte-"

// What is denied to whom nobody has seen for long, and to whom has not shown MFA: all but what it takes to set it up.
const (
	denyAll = `{"Version":"2012-10-17","Statement":[{"Sid":"RiposteUnused","Effect":"Deny","Action":"*","Resource":"*"}]}`
	denyMFA = `{"Version":"2012-10-17","Statement":[{"Sid":"RiposteRequireMFA","Effect":"Deny","NotAction":["iam:ChangePassword","iam:CreateVirtualMFADevice",` +
		`"iam:EnableMFADevice","iam:GetAccountPasswordPolicy","iam:GetMFADevice","iam:GetUser","iam:ListMFADevices","iam:ListVirtualMFADevices","iam:ResyncMFADevice",` +
		`"sts:GetSessionToken"],"Resource":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}}]}`
)

// has tells whether a user has an inline policy that says just that.
func has(ctx context.Context, api *iam.Client, user, policy, document string) (bool, error) {
	got, err := iampolicy.Get(ctx, api, iampolicy.Owner{Kind: iampolicy.User, Name: user, Policy: policy})
	if cloud.Missing(err) {
		return false, nil
	}
	return bytes.Equal(iampolicy.Compact(got), iampolicy.Compact(json.RawMessage(document))), err
}

// inline puts an inline policy of a user in its place; "" removes it.
func inline(user, policy, document string) call[*iam.Client] {
	if document == "" {
		return calling((*iam.Client).DeleteUserPolicy, &iam.DeleteUserPolicyInput{UserName: &user, PolicyName: &policy})
	}
	return calling((*iam.Client).PutUserPolicy, &iam.PutUserPolicyInput{UserName: &user, PolicyName: &policy, PolicyDocument: &document})
}

func iamRequireMFA() Action {
	const policy = ownPrefix + "require-mfa"
	return action(row[*iam.Client, bool]{
		Name: "iam-require-mfa", Controls: []string{"IAM.5", "IAM.19"}, Target: userKind(), API: (*cloud.Clients).IAM,
		Does:   "Denies a user everything without MFA, but for setting it up, by an inline policy. Access keys of the user need a session with MFA from then on.",
		Policy: []string{"iam:GetUser", "iam:GetUserPolicy", "iam:PutUserPolicy", "iam:DeleteUserPolicy"},
		Do:     "require MFA of", Done: "is denied everything without MFA",
		Read: func(ctx context.Context, api *iam.Client, in input, _ *bool) (bool, error) {
			if _, err := api.GetUser(ctx, &iam.GetUserInput{UserName: &in.ID}); err != nil { // IAM says the same of a user and of a policy that is missing
				return false, err
			}
			return has(ctx, api, in.ID, policy, denyMFA)
		},
		Want: func(input, bool) (bool, error) { return true, nil },
		Write: func(in input, _, to bool) []call[*iam.Client] {
			if to {
				return []call[*iam.Client]{inline(in.ID, policy, denyMFA)}
			}
			return []call[*iam.Client]{inline(in.ID, policy, "")}
		},
		Code: ofUser("inline policies", policy, denyMFA),
	})
}

// use says of a user whether nobody has used it for long, and whether we have disabled it.
type use struct{ Idle, Disabled bool }

func iamUnusedUser() Action {
	const policy = ownPrefix + "unused"
	return action(row[*iam.Client, use]{
		Name: "iam-disable-unused-user", Controls: []string{"IAM.8", "IAM.22"}, Target: userKind(), API: (*cloud.Clients).IAM,
		Does:     "Denies everything, by an inline policy, to a user that nobody has used for long, neither by password nor by an access key.",
		Settings: []schemas.Setting{idle()},
		Policy:   []string{"iam:GetUser", "iam:ListAccessKeys", "iam:GetAccessKeyLastUsed", "iam:GetUserPolicy", "iam:PutUserPolicy", "iam:DeleteUserPolicy"},
		Do:       "deny everything to the unused", Done: "is in use, or is denied everything",
		Read: func(ctx context.Context, api *iam.Client, in input, before *use) (use, error) {
			out, err := api.GetUser(ctx, &iam.GetUserInput{UserName: &in.ID})
			if err != nil {
				return use{}, err
			}
			var u use
			if u.Disabled, err = has(ctx, api, in.ID, policy, denyAll); err != nil {
				return u, err
			}
			if before != nil {
				u.Idle = before.Idle
				return u, nil
			}
			u.Idle, err = unused(ctx, api, in, out.User)
			return u, err
		},
		Want: func(_ input, now use) (use, error) { return use{now.Idle, now.Idle || now.Disabled}, nil },
		Write: func(in input, _, to use) []call[*iam.Client] {
			if to.Disabled {
				return []call[*iam.Client]{inline(in.ID, policy, denyAll)}
			}
			return []call[*iam.Client]{inline(in.ID, policy, "")}
		},
		Code: ofUser("inline policies", policy, denyAll),
	})
}

// unused tells whether neither the user's password nor any of its keys, inactive ones included, was used lately.
func unused(ctx context.Context, api *iam.Client, in input, u *types.User) (bool, error) {
	if u == nil || !in.since(aws.ToTime(u.CreateDate)) || u.PasswordLastUsed != nil && !in.since(*u.PasswordLastUsed) {
		return false, nil
	}
	all, err := accessKeys(ctx, api, in.ID)
	if err != nil {
		return false, err
	}
	for _, k := range all {
		used, err := lastUse(ctx, api, k)
		if err != nil || !in.since(used) {
			return false, err
		}
	}
	return true, nil
}

// grants are what a user has by itself: policies that are attached to it, and inline ones with what they say; and of the group that is to have them instead,
// whether the user is in it.
type grants struct {
	Attached []string          `json:"attached"`
	Inline   map[string]string `json:"inline"`
	Member   bool              `json:"member"`
}

func iamUserPolicies() Action {
	return action(row[*iam.Client, grants]{
		Name: "iam-detach-user-policies", Controls: []string{"IAM.2"}, Target: userKind(), API: (*cloud.Clients).IAM,
		Does:     "Takes the policies off a user that are attached to it, or inline, after an approval; with a group, puts the user there first. Inline policies of riposte's own stay.",
		Settings: []schemas.Setting{{Name: "group", Type: "string", Help: "group that grants what the user needs; without it, what the user has by its other groups has to do"}},
		Policy: []string{"iam:ListAttachedUserPolicies", "iam:ListUserPolicies", "iam:GetUserPolicy", "iam:ListGroupsForUser", "iam:AddUserToGroup", "iam:RemoveUserFromGroup",
			"iam:DetachUserPolicy", "iam:AttachUserPolicy", "iam:DeleteUserPolicy", "iam:PutUserPolicy"},
		Do: "take the policies off", Done: "has no policies of its own",
		Read: readGrants,
		Want: func(in input, now grants) (grants, error) {
			if len(now.Attached)+len(now.Inline) == 0 {
				return now, nil
			}
			return grants{Member: now.Member || in.text("group") != ""}, nil
		},
		Write: func(in input, from, to grants) (calls []call[*iam.Client]) {
			group := in.text("group")
			if to.Member && !from.Member {
				calls = append(calls, calling((*iam.Client).AddUserToGroup, &iam.AddUserToGroupInput{UserName: &in.ID, GroupName: &group}))
			}
			for _, arn := range less(from.Attached, to.Attached) {
				calls = append(calls, calling((*iam.Client).DetachUserPolicy, &iam.DetachUserPolicyInput{UserName: &in.ID, PolicyArn: &arn}))
			}
			for _, arn := range less(to.Attached, from.Attached) {
				calls = append(calls, calling((*iam.Client).AttachUserPolicy, &iam.AttachUserPolicyInput{UserName: &in.ID, PolicyArn: &arn}))
			}
			for _, name := range sortedKeys(from.Inline, to.Inline) {
				if from.Inline[name] != to.Inline[name] {
					calls = append(calls, inline(in.ID, name, to.Inline[name]))
				}
			}
			if from.Member && !to.Member { // last: what the group grants is not missed in between
				calls = append(calls, calling((*iam.Client).RemoveUserFromGroup, &iam.RemoveUserFromGroupInput{UserName: &in.ID, GroupName: &group}))
			}
			return calls
		},
		Approve: func(in input, now grants) string {
			return fmt.Sprintf("user %s loses what %d policies grant it", in.ID, len(now.Attached)+len(now.Inline))
		},
		Code: &schemas.Code{
			Attribute: "policies of its own", Resources: []string{"aws_iam_user"},
			HCL: "\n# without aws_iam_user_policy and aws_iam_user_policy_attachment of user {{ .Target.ID }}\nresource \"aws_iam_user\" \"{{ .Name }}\" {\n  # what stands here stays\n}" +
				"{{ with .With.group }}\n\nresource \"aws_iam_user_group_membership\" \"{{ $.Name }}\" {\n  user   = {{ quote $.Target.ID }}\n  groups = [{{ quote . }}]\n}{{ end }}",
			YAML: "\n{{ .Name }}:\n  Properties:\n    # what stands here stays, without Policies and ManagedPolicyArns{{ with .With.group }}\n    Groups:\n      - {{ quote . }}{{ end }}",
		},
	})
}

func readGrants(ctx context.Context, api *iam.Client, in input, _ *grants) (grants, error) {
	g := grants{Inline: map[string]string{}}
	attached := iam.NewListAttachedUserPoliciesPaginator(api, &iam.ListAttachedUserPoliciesInput{UserName: &in.ID})
	for attached.HasMorePages() {
		page, err := attached.NextPage(ctx)
		if err != nil {
			return g, err
		}
		for _, p := range page.AttachedPolicies {
			g.Attached = append(g.Attached, aws.ToString(p.PolicyArn))
		}
	}
	slices.Sort(g.Attached)
	own := iam.NewListUserPoliciesPaginator(api, &iam.ListUserPoliciesInput{UserName: &in.ID})
	for own.HasMorePages() {
		page, err := own.NextPage(ctx)
		if err != nil {
			return g, err
		}
		for _, name := range page.PolicyNames {
			if strings.HasPrefix(name, ownPrefix) {
				continue
			}
			doc, err := iampolicy.Get(ctx, api, iampolicy.Owner{Kind: iampolicy.User, Name: in.ID, Policy: name})
			if err != nil {
				return g, err
			}
			g.Inline[name] = string(doc)
		}
	}
	if in.text("group") == "" {
		return g, nil
	}
	groups := iam.NewListGroupsForUserPaginator(api, &iam.ListGroupsForUserInput{UserName: &in.ID})
	for groups.HasMorePages() {
		page, err := groups.NextPage(ctx)
		if err != nil {
			return g, err
		}
		g.Member = g.Member || slices.ContainsFunc(page.Groups, func(x types.Group) bool { return aws.ToString(x.GroupName) == in.text("group") })
	}
	return g, nil
}
