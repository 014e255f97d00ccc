//go:build integration

package catalog_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
)

// inOtherAccounts acts in one account that is allowed and in one that is not. The API knows accounts by the role that was assumed; it lets everybody assume any role, so what STS
// refuses is tested on a server of our own, in internal/cloud.
func inOtherAccounts(t *testing.T, endpoint string) {
	const stranger = "333344445555"
	c := clients(t, endpoint, cloud.Config{})
	if _, err := c.S3(t.Context(), otherAccount, ""); !fault.IsPermanent(err) {
		t.Errorf("another account without a role: %v", err)
	}
	for name, conf := range map[string]cloud.Config{
		"template": {AssumeRole: "arn:aws:iam::{account}:role/riposte", ExternalID: "ex-1", AllowAccounts: []string{otherAccount}},
		"override": {AccountRoles: map[string]cloud.Role{otherAccount: {AssumeRole: "arn:aws:iam::" + otherAccount + ":role/odd/one"}}},
		"sessions": {AssumeRole: "arn:aws:iam::{account}:role/riposte", AllowAccounts: []string{"*"},
			Session: cloud.Session{Name: "prod", PerCommand: true, SourceIdentity: "riposte", Tags: map[string]string{"team": "security"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if err := conf.Validate(); err != nil {
				t.Fatal(err)
			}
			c := clients(t, endpoint, conf)
			there := must(c.S3(t.Context(), otherAccount, ""))(t)
			bucket := unique("there")
			must(there.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{
				LocationConstraint: s3types.BucketLocationConstraint(region)}}))(t)
			names := func(account string) (names []string) {
				for _, b := range must(must(c.S3(t.Context(), account, ""))(t).ListBuckets(t.Context(), &s3.ListBucketsInput{}))(t).Buckets {
					names = append(names, *b.Name)
				}
				return names
			}
			if !slices.Contains(names(otherAccount), bucket) || slices.Contains(names(ownAccount), bucket) {
				t.Errorf("the bucket is in %v there and %v here", names(otherAccount), names(ownAccount))
			}
			r := start(t, c, "s3-encrypt-bucket", bucket, otherAccount, map[string]any{"kms_key": "arn:aws:kms:eu-central-1:" + otherAccount + ":key/0b7d9a4e-1111-4222-8333-444455556666"})
			p := r.carryOut()
			out := must(there.GetBucketEncryption(t.Context(), &s3.GetBucketEncryptionInput{Bucket: &bucket}))(t)
			if got := out.ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm; got != s3types.ServerSideEncryptionAwsKms {
				t.Errorf("the bucket has %s", got)
			}
			if err := r.undo(p, false); err != nil {
				t.Error(err)
			}
			api := must(c.STS(cloud.WithCommand(t.Context(), "0123456789abcdef0123456789abcdef"), otherAccount, ""))(t)
			id := must(api.GetCallerIdentity(t.Context(), nil))(t)
			want := must(c.RoleARN(otherAccount))(t)
			if got := cloud.ParsePrincipal(aws.ToString(id.Arn)); got.Account != otherAccount || got.Name != cloud.ParsePrincipal(want).Name {
				t.Errorf("acting as %s; in role %s expected", aws.ToString(id.Arn), want)
			}
			if name == "sessions" {
				return // which allows everybody
			}
			r = start(t, c, "s3-encrypt-bucket", bucket, stranger, nil)
			if _, err := r.action.Plan(t.Context(), r.cmd); !fault.IsPermanent(err) || !strings.Contains(err.Error(), "AWS account "+stranger+" is not allowed") {
				t.Errorf("an account that is not allowed: %v", err)
			}
		})
	}
}
