package table

import (
	"context"
	"maps"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/riposte-security/riposte/consumers/block/iamdeny"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/schemas"
)

func iamRows() []Action {
	return []Action{iamPasswordPolicy(), iamUnusedKeys(), iamUnusedUser(), iamRequireMFA(), iamUserPolicies(), iamRoot()}
}

func userKind() kind {
	return kind{typ: iamdeny.UserType, name: "user", takes: "the user's name or ARN", canonical: iamdeny.CanonicalUser}
}

func iamPasswordPolicy() Action {
	type conf = *types.PasswordPolicy
	return action(row[*iam.Client, conf]{
		Name: "iam-set-password-policy", Controls: []string{"IAM.7", "IAM.10", "IAM.11", "IAM.12", "IAM.13", "IAM.14", "IAM.15", "IAM.16", "IAM.17"},
		Target: accountKind(false), API: (*cloud.Clients).IAM,
		Does: "Makes the password policy of an account as strong as it should be; where it is stronger it stays so.",
		Settings: []schemas.Setting{
			{Name: "length", Type: "int", Default: "14", Help: "least length of a password"},
			{Name: "reuse", Type: "int", Default: "24", Help: "how many of the last passwords cannot be used again; AWS allows 24"},
			{Name: "age", Type: "int", Default: "90", Help: "days after which a password expires; 0: as it is"},
		},
		Policy: []string{"iam:GetAccountPasswordPolicy", "iam:UpdateAccountPasswordPolicy", "iam:DeleteAccountPasswordPolicy"},
		Do:     "strengthen the password policy of", Done: "has a password policy as strong as that",
		Read: func(ctx context.Context, api *iam.Client, _ input, _ *conf) (conf, error) {
			out, err := api.GetAccountPasswordPolicy(ctx, &iam.GetAccountPasswordPolicyInput{})
			if err != nil {
				return nil, unless(err, "NoSuchEntity")
			}
			p := *out.PasswordPolicy
			p.ExpirePasswords = false // follows from the age, and cannot be set
			if !aws.ToBool(p.HardExpiry) {
				p.HardExpiry = nil // what it is by itself
			}
			for _, n := range []**int32{&p.MaxPasswordAge, &p.PasswordReusePrevention} {
				if aws.ToInt32(*n) == 0 {
					*n = nil
				}
			}
			return &p, nil
		},
		Want:  func(in input, now conf) (conf, error) { return stronger(in, now), nil },
		Write: writePasswordPolicy,
	})
}

func stronger(in input, now *types.PasswordPolicy) *types.PasswordPolicy {
	p := types.PasswordPolicy{AllowUsersToChangePassword: true}
	if now != nil {
		p = *now
	}
	least := func(v *int32, setting string) *int32 { return aws.Int32(max(aws.ToInt32(v), in.int32(setting))) }
	p.MinimumPasswordLength, p.PasswordReusePrevention = least(p.MinimumPasswordLength, "length"), least(p.PasswordReusePrevention, "reuse")
	if age := in.int32("age"); age > 0 && (aws.ToInt32(p.MaxPasswordAge) == 0 || *p.MaxPasswordAge > age) {
		p.MaxPasswordAge = &age
	}
	p.RequireLowercaseCharacters, p.RequireUppercaseCharacters, p.RequireNumbers, p.RequireSymbols = true, true, true, true
	return &p
}

func writePasswordPolicy(_ input, _, to *types.PasswordPolicy) []call[*iam.Client] {
	if to == nil {
		return one((*iam.Client).DeleteAccountPasswordPolicy, &iam.DeleteAccountPasswordPolicyInput{})
	}
	return one((*iam.Client).UpdateAccountPasswordPolicy, &iam.UpdateAccountPasswordPolicyInput{
		AllowUsersToChangePassword: to.AllowUsersToChangePassword, HardExpiry: to.HardExpiry, MaxPasswordAge: to.MaxPasswordAge,
		MinimumPasswordLength: to.MinimumPasswordLength, PasswordReusePrevention: to.PasswordReusePrevention, RequireLowercaseCharacters: to.RequireLowercaseCharacters,
		RequireUppercaseCharacters: to.RequireUppercaseCharacters, RequireNumbers: to.RequireNumbers, RequireSymbols: to.RequireSymbols,
	})
}

// idle is the setting of what nobody has used for long.
func idle() schemas.Setting {
	return schemas.Setting{Name: "days", Type: "int", Default: "90", Help: "days without use, or since it was made if it was never used"}
}

// since tells whether a date is longer ago than the setting days.
func (in input) since(t time.Time) bool {
	return !t.After(in.Now.Add(-time.Duration(in.number("days")) * 24 * time.Hour))
}

func accessKeys(ctx context.Context, api *iam.Client, user string) (all []types.AccessKeyMetadata, err error) {
	pages := iam.NewListAccessKeysPaginator(api, &iam.ListAccessKeysInput{UserName: &user})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, page.AccessKeyMetadata...)
	}
	return all, nil
}

// lastUse is when a key was last used, or made.
func lastUse(ctx context.Context, api *iam.Client, k types.AccessKeyMetadata) (time.Time, error) {
	out, err := api.GetAccessKeyLastUsed(ctx, &iam.GetAccessKeyLastUsedInput{AccessKeyId: k.AccessKeyId})
	if err != nil {
		return time.Time{}, err
	}
	if out.AccessKeyLastUsed != nil && out.AccessKeyLastUsed.LastUsedDate != nil {
		return *out.AccessKeyLastUsed.LastUsedDate, nil
	}
	return aws.ToTime(k.CreateDate), nil
}

// keys are access keys by id, and their status.
type keys = map[string]types.StatusType

func iamUnusedKeys() Action {
	return action(row[*iam.Client, keys]{
		Name: "iam-disable-unused-keys", Controls: []string{"IAM.8", "IAM.22"}, Target: userKind(), API: (*cloud.Clients).IAM,
		Does:     "Makes those access keys of a user inactive that nobody has used for long.",
		Settings: []schemas.Setting{idle()},
		Policy:   []string{"iam:ListAccessKeys", "iam:GetAccessKeyLastUsed", "iam:UpdateAccessKey"},
		Do:       "make the unused access keys inactive of", Done: "has no active access keys that are unused",
		Read: func(ctx context.Context, api *iam.Client, in input, before *keys) (keys, error) {
			all, err := accessKeys(ctx, api, in.ID)
			if err != nil {
				return nil, err
			}
			found := keys{}
			for _, k := range all {
				id := aws.ToString(k.AccessKeyId)
				if before != nil {
					if _, ours := (*before)[id]; ours {
						found[id] = k.Status
					}
					continue
				}
				if k.Status != types.StatusTypeActive {
					continue
				}
				used, err := lastUse(ctx, api, k)
				if err != nil {
					return nil, err
				}
				if in.since(used) {
					found[id] = k.Status
				}
			}
			return found, nil
		},
		Want: func(_ input, now keys) (keys, error) {
			to := maps.Clone(now)
			for id := range to {
				to[id] = types.StatusTypeInactive
			}
			return to, nil
		},
		Write: func(in input, from, to keys) (calls []call[*iam.Client]) {
			for _, id := range sortedKeys(to) {
				if from[id] != to[id] {
					calls = append(calls, calling((*iam.Client).UpdateAccessKey, &iam.UpdateAccessKeyInput{UserName: &in.ID, AccessKeyId: &id, Status: to[id]}))
				}
			}
			return calls
		},
		Code: &schemas.Code{
			Attribute: "access keys", Resources: []string{"aws_iam_user"},
			HCL:  "\nresource \"aws_iam_access_key\" \"{{ .Name }}\" { # each of them that is not used\n  user   = {{ quote .Target.ID }}\n  status = \"Inactive\"\n}",
			YAML: "\n{{ .Name }}Key: # each of them that is not used\n  Type: AWS::IAM::AccessKey\n  Properties:\n    UserName: !Ref {{ .Name }}\n    Status: Inactive",
		},
	})
}

// root is what IAM says of the root user: how many access keys, and whether it has MFA.
type root struct{ Keys, MFA int32 }

func iamRoot() Action {
	return action(row[*iam.Client, root]{
		Name: "iam-report-root-user", Controls: []string{"IAM.4", "IAM.9"}, Target: accountKind(false), API: (*cloud.Clients).IAM,
		Does:   "Reports access keys of an account's root user, and that it has no MFA. It calls nothing, because nobody but the root user can change that.",
		Policy: []string{"iam:GetAccountSummary"},
		Done:   "has a root user without access keys and with MFA",
		Read: func(ctx context.Context, api *iam.Client, _ input, _ *root) (root, error) {
			out, err := api.GetAccountSummary(ctx, &iam.GetAccountSummaryInput{})
			if err != nil {
				return root{}, err
			}
			return root{out.SummaryMap[string(types.SummaryKeyTypeAccountAccessKeysPresent)], out.SummaryMap[string(types.SummaryKeyTypeAccountMFAEnabled)]}, nil
		},
		Report: func(_ input, now root) string {
			switch {
			case now.Keys > 0:
				return "its root user has access keys: only the root user can delete them, signed in to the console"
			case now.MFA == 0:
				return "its root user has no MFA: only the root user can set it up, signed in to the console"
			}
			return ""
		},
	})
}
