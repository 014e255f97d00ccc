package inventory

import (
	"context"
	"fmt"
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"

	"github.com/riposte-security/riposte/internal/cloud"
)

// buckets looks at all buckets of an account, wherever they are.
func (w *sweep) buckets(ctx context.Context, account string) error {
	client, err := w.aws.s3(ctx, account, "")
	if err != nil {
		return err
	}
	g, reading := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	in := &s3.ListBucketsInput{MaxBuckets: aws.Int32(1000)}
	for {
		page, err := ask(ctx, w, func() (*s3.ListBucketsOutput, error) { return client.ListBuckets(ctx, in) })
		if err != nil {
			g.Go(func() error { return err })
			break
		}
		for _, b := range page.Buckets {
			g.Go(func() error {
				if err := w.bucket(reading, client, account, b); err != nil && cloud.Code(err) != "NoSuchBucket" { // it has just gone
					return fmt.Errorf("bucket %s: %w", aws.ToString(b.Name), err)
				}
				return nil
			})
		}
		if in.ContinuationToken = page.ContinuationToken; in.ContinuationToken == nil {
			break
		}
	}
	return g.Wait()
}

// bucket looks at one bucket.
func (w *sweep) bucket(ctx context.Context, lister bucketLister, account string, b types.Bucket) error {
	name, region := aws.ToString(b.Name), aws.ToString(b.BucketRegion)
	if region == "" {
		out, err := ask(ctx, w, func() (*s3.GetBucketLocationOutput, error) {
			return lister.GetBucketLocation(ctx, &s3.GetBucketLocationInput{Bucket: &name})
		})
		if err != nil {
			return err
		}
		region = location(out.LocationConstraint)
	}
	client, err := w.aws.s3(ctx, account, region)
	if err != nil {
		return err
	}
	it := &item{
		kind: "AWS::S3::Bucket", id: name, name: name, arn: "arn:" + partition(region) + ":s3:::" + name, account: account, region: region,
		created: aws.ToTime(b.CreationDate), tags: map[string]string{}, config: map[string]any{"name": name}, supplemental: map[string]any{}, unread: map[string]string{},
	}
	for _, read := range []func(context.Context, bucketReader, *item) error{w.bucketEncryption, w.bucketAccess, w.bucketPolicy, w.bucketRest} {
		if err := read(ctx, client, it); err != nil {
			return err
		}
	}
	return w.add(ctx, it)
}

// location is the region that a constraint stands for: the first two are older than it.
func location(c types.BucketLocationConstraint) string {
	switch string(c) {
	case "":
		return "us-east-1"
	case "EU":
		return "eu-west-1"
	}
	return string(c)
}

func (w *sweep) bucketEncryption(ctx context.Context, client bucketReader, it *item) error {
	out, err := ask(ctx, w, func() (*s3.GetBucketEncryptionOutput, error) {
		return client.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: &it.id})
	})
	if gone(err) {
		return err
	}
	var v any
	if err == nil {
		v = out.ServerSideEncryptionConfiguration
	}
	return it.part("ServerSideEncryptionConfiguration", v, err, "ServerSideEncryptionConfigurationNotFoundError")
}

func (w *sweep) bucketAccess(ctx context.Context, client bucketReader, it *item) error {
	block, err := ask(ctx, w, func() (*s3.GetPublicAccessBlockOutput, error) {
		return client.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &it.id})
	})
	var v any
	if err == nil {
		v = block.PublicAccessBlockConfiguration
	}
	if err := it.part("PublicAccessBlockConfiguration", v, err, "NoSuchPublicAccessBlockConfiguration"); err != nil {
		return err
	}
	acl, err := ask(ctx, w, func() (*s3.GetBucketAclOutput, error) {
		return client.GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: &it.id})
	})
	if err == nil {
		v = map[string]any{"Owner": acl.Owner, "GrantList": acl.Grants}
	}
	return it.part("AccessControlList", v, err)
}

func (w *sweep) bucketPolicy(ctx context.Context, client bucketReader, it *item) error {
	policy, err := ask(ctx, w, func() (*s3.GetBucketPolicyOutput, error) {
		return client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &it.id})
	})
	var v any
	if err == nil {
		v = map[string]any{"policyText": policy.Policy}
	}
	if err := it.part("BucketPolicy", v, err, "NoSuchBucketPolicy"); err != nil {
		return err
	}
	status, err := ask(ctx, w, func() (*s3.GetBucketPolicyStatusOutput, error) {
		return client.GetBucketPolicyStatus(ctx, &s3.GetBucketPolicyStatusInput{Bucket: &it.id})
	})
	if err == nil {
		v = status.PolicyStatus
	}
	return it.part("BucketPolicyStatus", v, err, "NoSuchBucketPolicy")
}

func (w *sweep) bucketRest(ctx context.Context, client bucketReader, it *item) error {
	versioning, err := ask(ctx, w, func() (*s3.GetBucketVersioningOutput, error) {
		return client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &it.id})
	})
	var v any
	if err == nil {
		status := map[string]any{"status": "Off"} // AWS says nothing where it was never on
		if versioning.Status != "" {
			status["status"] = versioning.Status
		}
		if versioning.MFADelete != "" {
			status["isMfaDeleteEnabled"] = versioning.MFADelete == types.MFADeleteStatusEnabled
		}
		v = status
	}
	if err := it.part("BucketVersioningConfiguration", v, err); err != nil {
		return err
	}
	logging, err := ask(ctx, w, func() (*s3.GetBucketLoggingOutput, error) {
		return client.GetBucketLogging(ctx, &s3.GetBucketLoggingInput{Bucket: &it.id})
	})
	v = nil
	if err == nil && logging.LoggingEnabled != nil {
		v = map[string]any{"destinationBucketName": logging.LoggingEnabled.TargetBucket, "logFilePrefix": logging.LoggingEnabled.TargetPrefix}
	}
	if err := it.part("BucketLoggingConfiguration", v, err); err != nil {
		return err
	}
	tags, err := ask(ctx, w, func() (*s3.GetBucketTaggingOutput, error) {
		return client.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &it.id})
	})
	if err == nil {
		maps.Insert(it.tags, pairs(tags.TagSet, func(t types.Tag) (*string, *string) { return t.Key, t.Value }))
	}
	return it.part("BucketTaggingConfiguration", nil, err, "NoSuchTagSet", "NoSuchTagSetError")
}

// gone tells that the bucket itself is no longer there.
func gone(err error) bool { return cloud.Code(err) == "NoSuchBucket" }
