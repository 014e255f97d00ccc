//go:build integration

package catalog_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	controltypes "github.com/aws/aws-sdk-go-v2/service/s3control/types"
)

// makes are things that are wrong, by what is wrong with them.
type makes = map[string]func(*testing.T, *world) string

// bucketWith makes a bucket in another region than that of the event, and changes it.
func bucketWith(change func(t *testing.T, api *s3.Client, name string)) func(*testing.T, *world) string {
	return func(t *testing.T, w *world) string {
		t.Helper()
		api, name := w.s3(t), unique("logs")
		must(api.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name, ObjectOwnership: types.ObjectOwnershipObjectWriter,
			CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "us-west-2"}}))(t)
		if change != nil {
			change(t, api, name)
		}
		return "arn:aws:s3:::" + name
	}
}

func (w *world) s3(t *testing.T) *s3.Client {
	t.Helper()
	return must(w.S3(t.Context(), w.account, "us-west-2"))(t)
}

func removeBucket(t *testing.T, w *world, target string) {
	t.Helper()
	must(w.s3(t).DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: aws.String(target[len("arn:aws:s3:::"):])}))(t)
}

func s3Fixtures() map[string]fixture {
	plain := makes{"nothing set": bucketWith(nil)}
	return map[string]fixture{
		"s3-block-public-access": {gone: removeBucket, wrong: makes{
			"no block": bucketWith(func(t *testing.T, api *s3.Client, name string) {
				must(api.DeletePublicAccessBlock(t.Context(), &s3.DeletePublicAccessBlockInput{Bucket: &name}))(t)
			}),
			"half a block": bucketWith(func(t *testing.T, api *s3.Client, name string) {
				must(api.PutPublicAccessBlock(t.Context(), &s3.PutPublicAccessBlockInput{Bucket: &name,
					PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{BlockPublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(false)}}))(t)
			}),
		}},
		"s3-block-account-public-access": {wrong: makes{
			"no block": func(_ *testing.T, w *world) string { return "AWS::::Account:" + w.account },
			"half a block": func(t *testing.T, w *world) string {
				api := must(w.S3Control(t.Context(), w.account, ""))(t)
				must(api.PutPublicAccessBlock(t.Context(), &s3control.PutPublicAccessBlockInput{AccountId: &w.account,
					PublicAccessBlockConfiguration: &controltypes.PublicAccessBlockConfiguration{IgnorePublicAcls: aws.Bool(true)}}))(t)
				return w.account
			},
		}},
		"s3-enable-versioning":     {gone: removeBucket, wrong: plain},
		"s3-enable-access-logging": {gone: removeBucket, with: map[string]any{"log_bucket": "access-logs", "prefix": "s3/"}, wrong: makes{"no logging": bucketWith(logBucket)}},
		"s3-require-tls": {gone: removeBucket, wrong: makes{
			"no policy": bucketWith(nil),
			"a policy": bucketWith(func(t *testing.T, api *s3.Client, name string) {
				must(api.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &name, Policy: aws.String(`{ "Version":"2012-10-17",
					"Statement": {"Sid":"Own", "Effect":"Allow","Principal":{"AWS":"*"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::` + name + `/*"}}`)}))(t)
			}),
		}},
		"s3-abort-incomplete-uploads": {gone: removeBucket, wrong: makes{
			"no rules": bucketWith(nil),
			"other rules": bucketWith(func(t *testing.T, api *s3.Client, name string) {
				must(api.PutBucketLifecycleConfiguration(t.Context(), &s3.PutBucketLifecycleConfigurationInput{Bucket: &name,
					LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{{
						ID: aws.String("old"), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("tmp/")},
						Expiration: &types.LifecycleExpiration{Days: aws.Int32(30)}, AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(3)},
					}}}}))(t)
			}),
		}},
		"s3-disable-acls": {gone: removeBucket, wrong: makes{
			"none": bucketWith(func(t *testing.T, api *s3.Client, name string) {
				must(api.DeleteBucketOwnershipControls(t.Context(), &s3.DeleteBucketOwnershipControlsInput{Bucket: &name}))(t)
			}),
			"writer": bucketWith(nil),
		}},
		"s3-remove-public-grants": {gone: removeBucket, wrong: makes{"public-read": bucketWith(func(t *testing.T, api *s3.Client, name string) {
			must(api.PutBucketAcl(t.Context(), &s3.PutBucketAclInput{Bucket: &name, ACL: types.BucketCannedACLPublicReadWrite}))(t)
		})}},
	}
}

// logBucket makes the bucket that logs go to.
func logBucket(t *testing.T, api *s3.Client, _ string) {
	t.Helper()
	must(api.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("access-logs"), ACL: "log-delivery-write",
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "us-west-2"}}))(t)
}
