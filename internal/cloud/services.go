package cloud

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/wafv2"
)

// RegionGlobal is the region that stands for what has none: IAM, and WAFv2 with scope CLOUDFRONT.
const RegionGlobal = "us-east-1"

// S3 returns a client for an account ("": our own) and region ("": the default one). With an endpoint URL of one's own, buckets are
// addressed by path.
func (c *Clients) S3(ctx context.Context, account, region string) (*s3.Client, error) {
	conf, err := c.config(ctx, account, region, false)
	if err != nil {
		return nil, err
	}
	return s3.NewFromConfig(conf, func(o *s3.Options) {
		o.UsePathStyle = o.UsePathStyle || o.BaseEndpoint != nil
		o.HTTPClient = c.long
	}), nil
}

// SQS returns a client for an account and region, as S3 does. Its calls may wait as long as SQS lets a receiver wait.
func (c *Clients) SQS(ctx context.Context, account, region string) (*sqs.Client, error) {
	conf, err := c.config(ctx, account, region, false)
	if err != nil {
		return nil, err
	}
	return sqs.NewFromConfig(conf, func(o *sqs.Options) { o.HTTPClient = c.long }), nil
}

// Kinesis returns a client for an account and region, as S3 does. Its answers may be long.
func (c *Clients) Kinesis(ctx context.Context, account, region string) (*kinesis.Client, error) {
	conf, err := c.config(ctx, account, region, false)
	if err != nil {
		return nil, err
	}
	return kinesis.NewFromConfig(conf, func(o *kinesis.Options) { o.HTTPClient = c.long }), nil
}

// CloudWatchLogs returns a client for an account and region, as S3 does. Its answers may be long in coming: a filter reads much to find little.
func (c *Clients) CloudWatchLogs(ctx context.Context, account, region string) (*cloudwatchlogs.Client, error) {
	conf, err := c.config(ctx, account, region, false)
	if err != nil {
		return nil, err
	}
	return cloudwatchlogs.NewFromConfig(conf, func(o *cloudwatchlogs.Options) { o.HTTPClient = c.long }), nil
}

// CloudTrail returns a client for an account and region, as S3 does.
func (c *Clients) CloudTrail(ctx context.Context, account, region string) (*cloudtrail.Client, error) {
	conf, err := c.config(ctx, account, region, false)
	if err != nil {
		return nil, err
	}
	return cloudtrail.NewFromConfig(conf), nil
}

// EC2 returns a client for an account and region, as S3 does.
func (c *Clients) EC2(ctx context.Context, account, region string) (*ec2.Client, error) {
	conf, err := c.config(ctx, account, region, false)
	if err != nil {
		return nil, err
	}
	return ec2.NewFromConfig(conf), nil
}

// SNS returns a client for an account and region, as S3 does.
func (c *Clients) SNS(ctx context.Context, account, region string) (*sns.Client, error) {
	conf, err := c.config(ctx, account, region, false)
	if err != nil {
		return nil, err
	}
	return sns.NewFromConfig(conf), nil
}

// WAFV2 returns a client for an account and region, as S3 does. For scope CLOUDFRONT the region is RegionGlobal.
func (c *Clients) WAFV2(ctx context.Context, account, region string) (*wafv2.Client, error) {
	conf, err := c.config(ctx, account, region, false)
	if err != nil {
		return nil, err
	}
	return wafv2.NewFromConfig(conf), nil
}

// IAM returns a client for an account. The region only selects the partition.
func (c *Clients) IAM(ctx context.Context, account, region string) (*iam.Client, error) {
	conf, err := c.config(ctx, account, region, true)
	if err != nil {
		return nil, err
	}
	return iam.NewFromConfig(conf), nil
}

// STS returns a client for an account. The region may be empty.
func (c *Clients) STS(ctx context.Context, account, region string) (*sts.Client, error) {
	conf, err := c.config(ctx, account, region, true)
	if err != nil {
		return nil, err
	}
	return sts.NewFromConfig(conf), nil
}
