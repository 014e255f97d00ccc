package cloud

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	"github.com/aws/aws-sdk-go-v2/service/configservice"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/networkfirewall"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/wafv2"
)

// RegionGlobal is the region that stands for what has none: IAM, and WAFv2 with scope CLOUDFRONT.
const RegionGlobal = "us-east-1"

// For returns a client of any service for an account ("": our own) and region, as build makes it of the settings for that place. One is made for each type and
// place, and kept.
func For[C any](ctx context.Context, c *Clients, account, region string, build func(aws.Config) C) (C, error) {
	return client(ctx, c, account, region, build)
}

// S3 returns a client for an account ("": our own) and region ("": the default one). With an endpoint URL of one's own, buckets are
// addressed by path.
func (c *Clients) S3(ctx context.Context, account, region string) (*s3.Client, error) {
	return client(ctx, c, account, region, func(conf aws.Config) *s3.Client {
		return s3.NewFromConfig(conf, func(o *s3.Options) {
			o.UsePathStyle = o.UsePathStyle || o.BaseEndpoint != nil
			o.HTTPClient = c.long
		})
	})
}

// S3Control returns a client for what S3 keeps of a whole account, as S3 does.
func (c *Clients) S3Control(ctx context.Context, account, region string) (*s3control.Client, error) {
	return client(ctx, c, account, region, func(conf aws.Config) *s3control.Client {
		return s3control.NewFromConfig(conf, func(o *s3control.Options) {
			if o.BaseEndpoint != nil {
				o.APIOptions = append(o.APIOptions, accountOutOfHost)
			}
		})
	})
}

// SQS returns a client for an account and region, as S3 does. Its calls may wait as long as SQS lets a receiver wait.
func (c *Clients) SQS(ctx context.Context, account, region string) (*sqs.Client, error) {
	return client(ctx, c, account, region, func(conf aws.Config) *sqs.Client {
		return sqs.NewFromConfig(conf, func(o *sqs.Options) { o.HTTPClient = c.long })
	})
}

// Kinesis returns a client for an account and region, as S3 does. Its answers may be long.
func (c *Clients) Kinesis(ctx context.Context, account, region string) (*kinesis.Client, error) {
	return client(ctx, c, account, region, func(conf aws.Config) *kinesis.Client {
		return kinesis.NewFromConfig(conf, func(o *kinesis.Options) { o.HTTPClient = c.long })
	})
}

// CloudWatchLogs returns a client for an account and region, as S3 does. Its answers may be long in coming: a filter reads much to find little.
func (c *Clients) CloudWatchLogs(ctx context.Context, account, region string) (*cloudwatchlogs.Client, error) {
	return client(ctx, c, account, region, func(conf aws.Config) *cloudwatchlogs.Client {
		return cloudwatchlogs.NewFromConfig(conf, func(o *cloudwatchlogs.Options) { o.HTTPClient = c.long })
	})
}

// CloudFormation returns a client for an account and region, as S3 does.
func (c *Clients) CloudFormation(ctx context.Context, account, region string) (*cloudformation.Client, error) {
	return client(ctx, c, account, region, func(conf aws.Config) *cloudformation.Client {
		return cloudformation.NewFromConfig(conf)
	})
}

// CloudTrail returns a client for an account and region, as S3 does.
func (c *Clients) CloudTrail(ctx context.Context, account, region string) (*cloudtrail.Client, error) {
	return client(ctx, c, account, region, func(conf aws.Config) *cloudtrail.Client {
		return cloudtrail.NewFromConfig(conf)
	})
}

// EC2 returns a client for an account and region, as S3 does.
func (c *Clients) EC2(ctx context.Context, account, region string) (*ec2.Client, error) {
	return client(ctx, c, account, region, func(conf aws.Config) *ec2.Client {
		return ec2.NewFromConfig(conf)
	})
}

// Lambda returns a client for an account and region, as S3 does.
func (c *Clients) Lambda(ctx context.Context, account, region string) (*lambda.Client, error) {
	conf, err := c.config(ctx, account, region, false)
	if err != nil {
		return nil, err
	}
	return lambda.NewFromConfig(conf), nil
}

// NetworkFirewall returns a client for an account and region, as S3 does.
func (c *Clients) NetworkFirewall(ctx context.Context, account, region string) (*networkfirewall.Client, error) {
	conf, err := c.config(ctx, account, region, false)
	if err != nil {
		return nil, err
	}
	return networkfirewall.NewFromConfig(conf), nil
}

// SNS returns a client for an account and region, as S3 does.
func (c *Clients) SNS(ctx context.Context, account, region string) (*sns.Client, error) {
	return client(ctx, c, account, region, func(conf aws.Config) *sns.Client {
		return sns.NewFromConfig(conf)
	})
}

// WAFV2 returns a client for an account and region, as S3 does. For scope CLOUDFRONT the region is RegionGlobal.
func (c *Clients) WAFV2(ctx context.Context, account, region string) (*wafv2.Client, error) {
	return client(ctx, c, account, region, func(conf aws.Config) *wafv2.Client {
		return wafv2.NewFromConfig(conf)
	})
}

// IAM returns a client for an account. The region only selects the partition.
func (c *Clients) IAM(ctx context.Context, account, region string) (*iam.Client, error) {
	return global(ctx, c, account, region, func(conf aws.Config) *iam.Client {
		return iam.NewFromConfig(conf)
	})
}

// STS returns a client for an account. The region may be empty.
func (c *Clients) STS(ctx context.Context, account, region string) (*sts.Client, error) {
	return global(ctx, c, account, region, func(conf aws.Config) *sts.Client {
		return sts.NewFromConfig(conf)
	})
}

// APIGateway returns a client for an account and region, as S3 does.
func (c *Clients) APIGateway(ctx context.Context, account, region string) (*apigateway.Client, error) {
	return client(ctx, c, account, region, func(conf aws.Config) *apigateway.Client {
		return apigateway.NewFromConfig(conf)
	})
}

// CodeBuild returns a client for an account and region, as S3 does.
func (c *Clients) CodeBuild(ctx context.Context, account, region string) (*codebuild.Client, error) {
	return client(ctx, c, account, region, func(conf aws.Config) *codebuild.Client {
		return codebuild.NewFromConfig(conf)
	})
}

// ConfigService returns a client for an account and region, as S3 does.
func (c *Clients) ConfigService(ctx context.Context, account, region string) (*configservice.Client, error) {
	return client(ctx, c, account, region, func(conf aws.Config) *configservice.Client {
		return configservice.NewFromConfig(conf)
	})
}

// DynamoDB returns a client for an account and region, as S3 does.
func (c *Clients) DynamoDB(ctx context.Context, account, region string) (*dynamodb.Client, error) {
	return client(ctx, c, account, region, func(conf aws.Config) *dynamodb.Client {
		return dynamodb.NewFromConfig(conf)
	})
}

// ECR returns a client for an account and region, as S3 does.
func (c *Clients) ECR(ctx context.Context, account, region string) (*ecr.Client, error) {
	return client(ctx, c, account, region, func(conf aws.Config) *ecr.Client {
		return ecr.NewFromConfig(conf)
	})
}

// ELBV2 returns a client for an account and region, as S3 does.
func (c *Clients) ELBV2(ctx context.Context, account, region string) (*elasticloadbalancingv2.Client, error) {
	return client(ctx, c, account, region, func(conf aws.Config) *elasticloadbalancingv2.Client {
		return elasticloadbalancingv2.NewFromConfig(conf)
	})
}

// KMS returns a client for an account and region, as S3 does.
func (c *Clients) KMS(ctx context.Context, account, region string) (*kms.Client, error) {
	return client(ctx, c, account, region, func(conf aws.Config) *kms.Client {
		return kms.NewFromConfig(conf)
	})
}

// RDS returns a client for an account and region, as S3 does.
func (c *Clients) RDS(ctx context.Context, account, region string) (*rds.Client, error) {
	return client(ctx, c, account, region, func(conf aws.Config) *rds.Client {
		return rds.NewFromConfig(conf)
	})
}

// SecretsManager returns a client for an account and region, as S3 does.
func (c *Clients) SecretsManager(ctx context.Context, account, region string) (*secretsmanager.Client, error) {
	return client(ctx, c, account, region, func(conf aws.Config) *secretsmanager.Client {
		return secretsmanager.NewFromConfig(conf)
	})
}
