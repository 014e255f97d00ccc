package inventory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"path"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"golang.org/x/sync/errgroup"
)

func iamTag(t types.Tag) (key, value *string) { return t.Key, t.Value }

// identities looks at users, groups, roles and the customer's policies of an account, and at the account itself.
func (w *sweep) identities(ctx context.Context, account string) error {
	client, err := w.aws.iam(ctx, account)
	if err != nil {
		return err
	}
	if err := w.summary(ctx, client, account); err != nil {
		return err
	}
	in := &iam.GetAccountAuthorizationDetailsInput{Filter: []types.EntityType{
		types.EntityTypeUser, types.EntityTypeGroup, types.EntityTypeRole, types.EntityTypeLocalManagedPolicy,
	}}
	for {
		page, err := ask(ctx, w, func() (*iam.GetAccountAuthorizationDetailsOutput, error) {
			return client.GetAccountAuthorizationDetails(ctx, in)
		})
		if err != nil {
			return err
		}
		if err := w.details(ctx, client, account, page); err != nil {
			return err
		}
		if in.Marker = page.Marker; !page.IsTruncated || in.Marker == nil {
			return nil
		}
	}
}

// details hands over one page.
func (w *sweep) details(ctx context.Context, client iamAPI, account string, page *iam.GetAccountAuthorizationDetailsOutput) error {
	entity := func(kind string, id, name, arn *string) *item {
		it := &item{kind: "AWS::IAM::" + kind, id: aws.ToString(id), name: aws.ToString(name), arn: aws.ToString(arn), account: account, region: global}
		it.id, it.name = cmp.Or(it.id, it.arn), cmp.Or(it.name, path.Base(it.arn)) // not every IAM names everything, but the ARN is always there
		return it
	}
	g, reading := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, u := range page.UserDetailList {
		it := entity("User", u.UserId, u.UserName, u.Arn)
		it.created, it.tags = aws.ToTime(u.CreateDate), maps.Collect(pairs(u.Tags, iamTag))
		g.Go(func() error { return w.user(reading, client, it, u) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for _, v := range page.GroupDetailList {
		it := entity("Group", v.GroupId, v.GroupName, v.Arn)
		it.created = aws.ToTime(v.CreateDate)
		if err := w.described(ctx, it, v); err != nil {
			return err
		}
	}
	for _, v := range page.RoleDetailList {
		it := entity("Role", v.RoleId, v.RoleName, v.Arn)
		it.created, it.tags = aws.ToTime(v.CreateDate), maps.Collect(pairs(v.Tags, iamTag))
		if used := v.RoleLastUsed; used != nil && used.LastUsedDate != nil {
			it.passing = map[string]any{"roleLastUsed": map[string]any{"lastUsedDate": used.LastUsedDate, "region": used.Region}}
		}
		v.RoleLastUsed = nil
		if err := w.described(ctx, it, v); err != nil {
			return err
		}
	}
	for _, v := range page.Policies {
		it := entity("Policy", v.PolicyId, v.PolicyName, v.Arn)
		it.created = aws.ToTime(v.CreateDate)
		if err := w.described(ctx, it, v); err != nil {
			return err
		}
	}
	return nil
}

// user looks at what a user can sign in with.
func (w *sweep) user(ctx context.Context, client iamAPI, it *item, u types.UserDetail) error {
	it.supplemental, it.unread = map[string]any{}, map[string]string{}
	mfa, err := ask(ctx, w, func() (*iam.ListMFADevicesOutput, error) {
		return client.ListMFADevices(ctx, &iam.ListMFADevicesInput{UserName: u.UserName})
	})
	var v any
	if err == nil {
		v = append([]types.MFADevice{}, mfa.MFADevices...)
	}
	if err := it.part("mfaDevices", v, err, "NoSuchEntity"); err != nil {
		return err
	}
	keys, err := ask(ctx, w, func() (*iam.ListAccessKeysOutput, error) {
		return client.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: u.UserName})
	})
	if err == nil {
		v = append([]types.AccessKeyMetadata{}, keys.AccessKeyMetadata...)
	}
	if err := it.part("accessKeys", v, err, "NoSuchEntity"); err != nil {
		return err
	}
	login, err := ask(ctx, w, func() (*iam.GetLoginProfileOutput, error) {
		return client.GetLoginProfile(ctx, &iam.GetLoginProfileInput{UserName: u.UserName})
	})
	if err == nil {
		v = login.LoginProfile
	}
	if err := it.part("loginProfile", v, err, "NoSuchEntity"); err != nil {
		return err
	}
	return w.described(ctx, it, u)
}

// summary looks at the account itself. Of the summary it takes what is a setting; the counts of things change with the things.
func (w *sweep) summary(ctx context.Context, client iamAPI, account string) error {
	out, err := ask(ctx, w, func() (*iam.GetAccountSummaryOutput, error) {
		return client.GetAccountSummary(ctx, &iam.GetAccountSummaryInput{})
	})
	if err != nil {
		return w.note("iam", account, global, fmt.Errorf("account summary: %w", err))
	}
	settings := map[string]any{}
	for _, name := range []string{"AccountMFAEnabled", "AccountAccessKeysPresent", "AccountPasswordPresent", "AccountSigningCertificatesPresent"} {
		if n, ok := out.SummaryMap[name]; ok {
			settings[lowerFirst(name)] = n
		}
	}
	return w.add(ctx, &item{
		kind: "AWS::::Account", id: account, name: account, arn: "arn:" + partition(w.aws.region()) + ":iam::" + account + ":root", account: account, region: global,
		config: settings, supplemental: map[string]any{},
	})
}
