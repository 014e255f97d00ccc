package inventory

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
)

// clients gives the clients of an account and region, and says what is our own.
type clients interface {
	s3(ctx context.Context, account, region string) (s3API, error)
	ec2(ctx context.Context, account, region string) (ec2API, error)
	iam(ctx context.Context, account string) (iamAPI, error)
	trail(ctx context.Context, account, region string) (trailAPI, error)
	account(ctx context.Context) (string, error)
	region() string
}

type bucketLister interface {
	ListBuckets(ctx context.Context, in *s3.ListBucketsInput, opts ...func(*s3.Options)) (*s3.ListBucketsOutput, error)
	GetBucketLocation(ctx context.Context, in *s3.GetBucketLocationInput, opts ...func(*s3.Options)) (*s3.GetBucketLocationOutput, error)
}

type bucketReader interface {
	GetBucketEncryption(ctx context.Context, in *s3.GetBucketEncryptionInput, opts ...func(*s3.Options)) (*s3.GetBucketEncryptionOutput, error)
	GetPublicAccessBlock(ctx context.Context, in *s3.GetPublicAccessBlockInput, opts ...func(*s3.Options)) (*s3.GetPublicAccessBlockOutput, error)
	GetBucketPolicy(ctx context.Context, in *s3.GetBucketPolicyInput, opts ...func(*s3.Options)) (*s3.GetBucketPolicyOutput, error)
	GetBucketPolicyStatus(ctx context.Context, in *s3.GetBucketPolicyStatusInput, opts ...func(*s3.Options)) (*s3.GetBucketPolicyStatusOutput, error)
	GetBucketVersioning(ctx context.Context, in *s3.GetBucketVersioningInput, opts ...func(*s3.Options)) (*s3.GetBucketVersioningOutput, error)
	GetBucketLogging(ctx context.Context, in *s3.GetBucketLoggingInput, opts ...func(*s3.Options)) (*s3.GetBucketLoggingOutput, error)
	GetBucketAcl(ctx context.Context, in *s3.GetBucketAclInput, opts ...func(*s3.Options)) (*s3.GetBucketAclOutput, error)
	GetBucketTagging(ctx context.Context, in *s3.GetBucketTaggingInput, opts ...func(*s3.Options)) (*s3.GetBucketTaggingOutput, error)
}

type s3API interface {
	bucketLister
	bucketReader
}

type ec2API interface {
	DescribeRegions(ctx context.Context, in *ec2.DescribeRegionsInput, opts ...func(*ec2.Options)) (*ec2.DescribeRegionsOutput, error)
	DescribeInstances(ctx context.Context, in *ec2.DescribeInstancesInput, opts ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error)
	DescribeSecurityGroups(ctx context.Context, in *ec2.DescribeSecurityGroupsInput, opts ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupsOutput, error)
}

type iamAPI interface {
	GetAccountAuthorizationDetails(ctx context.Context, in *iam.GetAccountAuthorizationDetailsInput, opts ...func(*iam.Options)) (*iam.GetAccountAuthorizationDetailsOutput, error)
	GetAccountSummary(ctx context.Context, in *iam.GetAccountSummaryInput, opts ...func(*iam.Options)) (*iam.GetAccountSummaryOutput, error)
	ListMFADevices(ctx context.Context, in *iam.ListMFADevicesInput, opts ...func(*iam.Options)) (*iam.ListMFADevicesOutput, error)
	ListAccessKeys(ctx context.Context, in *iam.ListAccessKeysInput, opts ...func(*iam.Options)) (*iam.ListAccessKeysOutput, error)
	GetLoginProfile(ctx context.Context, in *iam.GetLoginProfileInput, opts ...func(*iam.Options)) (*iam.GetLoginProfileOutput, error)
}

type trailAPI interface {
	DescribeTrails(ctx context.Context, in *cloudtrail.DescribeTrailsInput, opts ...func(*cloudtrail.Options)) (*cloudtrail.DescribeTrailsOutput, error)
	GetTrailStatus(ctx context.Context, in *cloudtrail.GetTrailStatusInput, opts ...func(*cloudtrail.Options)) (*cloudtrail.GetTrailStatusOutput, error)
	GetEventSelectors(ctx context.Context, in *cloudtrail.GetEventSelectorsInput, opts ...func(*cloudtrail.Options)) (*cloudtrail.GetEventSelectorsOutput, error)
}

// fromAWS reaches AWS. Without clients, every call says so.
type fromAWS struct{ c *cloud.Clients }

func (f fromAWS) missing() error {
	if f.c == nil {
		return fault.Permanent(errors.New("AWS is not set up"))
	}
	return nil
}

func (f fromAWS) s3(ctx context.Context, account, region string) (s3API, error) {
	if err := f.missing(); err != nil {
		return nil, err
	}
	if region == "" && f.c.Region() == "" {
		region = cloud.RegionGlobal // buckets are listed from anywhere
	}
	return f.c.S3(ctx, account, region)
}

func (f fromAWS) ec2(ctx context.Context, account, region string) (ec2API, error) {
	if err := f.missing(); err != nil {
		return nil, err
	}
	return f.c.EC2(ctx, account, region)
}

func (f fromAWS) iam(ctx context.Context, account string) (iamAPI, error) {
	if err := f.missing(); err != nil {
		return nil, err
	}
	return f.c.IAM(ctx, account, "")
}

func (f fromAWS) trail(ctx context.Context, account, region string) (trailAPI, error) {
	if err := f.missing(); err != nil {
		return nil, err
	}
	return f.c.CloudTrail(ctx, account, region)
}

func (f fromAWS) account(ctx context.Context) (string, error) {
	if err := f.missing(); err != nil {
		return "", err
	}
	return f.c.Account(ctx)
}

func (f fromAWS) region() string {
	if f.c == nil {
		return ""
	}
	return f.c.Region()
}
