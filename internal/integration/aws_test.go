//go:build integration

package integration

import (
	"context"
	"net/url"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/aws-sdk-go-v2/service/wafv2"
	waftypes "github.com/aws/aws-sdk-go-v2/service/wafv2/types"

	"github.com/riposte-security/riposte/internal/cloud"
)

// account is that of the AWS API.
const account = "123456789012"

// An awsAPI seeds the AWS API and asks it what is there. It goes there directly, past the proxy and past riposte's own clients.
type awsAPI struct {
	s3  *s3.Client
	ec2 *ec2.Client
	iam *iam.Client
	waf *wafv2.Client
	sns *sns.Client
	sqs *sqs.Client

	machines *sfn.Client
	jobs     *batch.Client
}

func newAPI(endpoint string) *awsAPI {
	conf := aws.Config{Region: region, BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("seed", "seed", "")}
	return &awsAPI{
		s3: s3.NewFromConfig(conf, func(o *s3.Options) { o.UsePathStyle = true }), ec2: ec2.NewFromConfig(conf), iam: iam.NewFromConfig(conf),
		waf: wafv2.NewFromConfig(conf), sns: sns.NewFromConfig(conf), sqs: sqs.NewFromConfig(conf),
		machines: sfn.NewFromConfig(conf), jobs: batch.NewFromConfig(conf),
	}
}

// ask makes one call and fails the test if that fails.
func ask[In, Out, Opt any](t *testing.T, call func(context.Context, In, ...Opt) (Out, error), in In) Out {
	t.Helper()
	out, err := call(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// bucket makes a bucket.
func (a *awsAPI) bucket(t *testing.T, name string) {
	t.Helper()
	ask(t, a.s3.CreateBucket, &s3.CreateBucketInput{Bucket: &name})
}

// encryption is the algorithm of a bucket's default encryption, and its key.
func (a *awsAPI) encryption(t *testing.T, name string) (algorithm, key string) {
	t.Helper()
	out, err := a.s3.GetBucketEncryption(t.Context(), &s3.GetBucketEncryptionInput{Bucket: &name})
	if cloud.Code(err) == "ServerSideEncryptionConfigurationNotFoundError" {
		return "", ""
	}
	if err != nil {
		t.Fatal(err)
	}
	d := out.ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault
	return string(d.SSEAlgorithm), aws.ToString(d.KMSMasterKeyID)
}

// encrypt sets a bucket's default encryption to a key.
func (a *awsAPI) encrypt(t *testing.T, name, key string) {
	t.Helper()
	ask(t, a.s3.PutBucketEncryption, &s3.PutBucketEncryptionInput{Bucket: &name, ServerSideEncryptionConfiguration: &s3types.ServerSideEncryptionConfiguration{
		Rules: []s3types.ServerSideEncryptionRule{{ApplyServerSideEncryptionByDefault: &s3types.ServerSideEncryptionByDefault{
			SSEAlgorithm: s3types.ServerSideEncryptionAwsKms, KMSMasterKeyID: &key}}},
	}})
}

// instances starts instances in the default VPC, which has a group administrator.
func (a *awsAPI) instances(t *testing.T, n int32, tags ...ec2types.Tag) []ec2types.Instance {
	t.Helper()
	vpcs := ask(t, a.ec2.DescribeVpcs, &ec2.DescribeVpcsInput{Filters: []ec2types.Filter{{Name: aws.String("is-default"), Values: []string{"true"}}}})
	_, err := a.ec2.CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{
		GroupName: aws.String("administrator"), Description: aws.String("operations"), VpcId: vpcs.Vpcs[0].VpcId})
	if err != nil && cloud.Code(err) != "InvalidGroup.Duplicate" { // another scenario has made it
		t.Fatal(err)
	}
	images := ask(t, a.ec2.DescribeImages, &ec2.DescribeImagesInput{Owners: []string{"amazon"}})
	out := ask(t, a.ec2.RunInstances, &ec2.RunInstancesInput{ImageId: images.Images[0].ImageId, MinCount: &n, MaxCount: &n,
		TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeInstance, Tags: tags}}})
	return out.Instances
}

// instance returns the tags and the names of the groups of an instance.
func (a *awsAPI) instance(t *testing.T, id string) (tags map[string]string, groups []string) {
	t.Helper()
	i := ask(t, a.ec2.DescribeInstances, &ec2.DescribeInstancesInput{InstanceIds: []string{id}}).Reservations[0].Instances[0]
	tags = map[string]string{}
	for _, tag := range i.Tags {
		tags[*tag.Key] = *tag.Value
	}
	for _, g := range i.SecurityGroups {
		groups = append(groups, *g.GroupName)
	}
	slices.Sort(groups)
	return tags, groups
}

// policy makes a managed policy and returns its ARN.
func (a *awsAPI) policy(t *testing.T, name, document string) string {
	t.Helper()
	return *ask(t, a.iam.CreatePolicy, &iam.CreatePolicyInput{PolicyName: &name, PolicyDocument: &document}).Policy.Arn
}

// standard is the default version of a managed policy, and its document.
func (a *awsAPI) standard(t *testing.T, arn string) (version, document string) {
	t.Helper()
	version = *ask(t, a.iam.GetPolicy, &iam.GetPolicyInput{PolicyArn: &arn}).Policy.DefaultVersionId
	v := ask(t, a.iam.GetPolicyVersion, &iam.GetPolicyVersionInput{PolicyArn: &arn, VersionId: &version})
	return version, decoded(t, v.PolicyVersion.Document)
}

// inline is the document of an inline policy of a user, "" if there is none.
func (a *awsAPI) inline(t *testing.T, user, policy string) string {
	t.Helper()
	out, err := a.iam.GetUserPolicy(t.Context(), &iam.GetUserPolicyInput{UserName: &user, PolicyName: &policy})
	if cloud.Missing(err) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return decoded(t, out.PolicyDocument)
}

func decoded(t *testing.T, document *string) string {
	t.Helper()
	text, err := url.PathUnescape(aws.ToString(document))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// ipSet makes an IP set and returns a function that gives what it holds.
func (a *awsAPI) ipSet(t *testing.T, name string, family waftypes.IPAddressVersion, addresses ...string) func(t *testing.T) []string {
	t.Helper()
	s := ask(t, a.waf.CreateIPSet, &wafv2.CreateIPSetInput{Name: &name, Scope: waftypes.ScopeRegional, IPAddressVersion: family, Addresses: append([]string{}, addresses...)})
	return func(t *testing.T) []string {
		t.Helper()
		out := ask(t, a.waf.GetIPSet, &wafv2.GetIPSetInput{Name: &name, Id: s.Summary.Id, Scope: waftypes.ScopeRegional})
		slices.Sort(out.IPSet.Addresses)
		return out.IPSet.Addresses
	}
}

// queue makes a queue and returns its URL.
func (a *awsAPI) queue(t *testing.T, name string) string {
	t.Helper()
	return *ask(t, a.sqs.CreateQueue, &sqs.CreateQueueInput{QueueName: &name}).QueueUrl
}

// receive takes one message out of a queue, "" if there is none.
func (a *awsAPI) receive(t *testing.T, queue string) string {
	t.Helper()
	out := ask(t, a.sqs.ReceiveMessage, &sqs.ReceiveMessageInput{QueueUrl: &queue, MaxNumberOfMessages: 1})
	if len(out.Messages) == 0 {
		return ""
	}
	ask(t, a.sqs.DeleteMessage, &sqs.DeleteMessageInput{QueueUrl: &queue, ReceiptHandle: out.Messages[0].ReceiptHandle})
	return *out.Messages[0].Body
}

// empty tells whether nothing is in a queue, not even a message that somebody is at.
func (a *awsAPI) empty(t *testing.T, queue string) bool {
	t.Helper()
	out := ask(t, a.sqs.GetQueueAttributes, &sqs.GetQueueAttributesInput{QueueUrl: &queue, AttributeNames: []types.QueueAttributeName{"All"}})
	return out.Attributes["ApproximateNumberOfMessages"] == "0" && out.Attributes["ApproximateNumberOfMessagesNotVisible"] == "0"
}

// topic makes an SNS topic and returns its ARN.
func (a *awsAPI) topic(t *testing.T, name string) string {
	t.Helper()
	return *ask(t, a.sns.CreateTopic, &sns.CreateTopicInput{Name: &name}).TopicArn
}

// queueARN is the ARN of a queue by its name.
func queueARN(name string) string { return "arn:aws:sqs:" + region + ":" + account + ":" + name }
