//go:build integration

package inventory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/rs/zerolog"
	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/cloud/cloudtest"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/servers"
	"github.com/riposte-security/riposte/producers"
)

const (
	trust  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	grants = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
)

// furnish makes a few things, and returns the end of their names.
func furnish(ctx context.Context, t *testing.T, clients *cloud.Clients) string {
	t.Helper()
	made := []string{"BucketAlreadyOwnedByYou", "EntityAlreadyExists", "InvalidGroup.Duplicate", "InvalidPermission.Duplicate", "TrailAlreadyExistsException"}
	must := func(err error) {
		t.Helper()
		if heard := smithy.APIError(nil); errors.As(err, &heard) && slices.Contains(made, heard.ErrorCode()) {
			return // the SDK asked again after an answer that was lost: nobody else takes a name that ends like this
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	end := fmt.Sprint(time.Now().UnixNano())
	buckets, err := clients.S3(ctx, "", "")
	must(err)
	for _, name := range []string{"plain-" + end, "kms-" + end} {
		_, err = buckets.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name})
		must(err)
	}
	_, err = buckets.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{
		Bucket: aws.String("kms-" + end), ServerSideEncryptionConfiguration: &s3types.ServerSideEncryptionConfiguration{Rules: []s3types.ServerSideEncryptionRule{{
			ApplyServerSideEncryptionByDefault: &s3types.ServerSideEncryptionByDefault{SSEAlgorithm: s3types.ServerSideEncryptionAwsKms, KMSMasterKeyID: aws.String("alias/k")},
		}}},
	})
	must(err)
	_, err = buckets.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: aws.String("kms-" + end), Tagging: &s3types.Tagging{
		TagSet: []s3types.Tag{{Key: aws.String("team"), Value: aws.String("shop")}},
	}})
	must(err)
	machines, err := clients.EC2(ctx, "", "")
	must(err)
	_, err = machines.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{GroupName: aws.String("open-" + end), Description: aws.String("d")})
	must(err)
	_, err = machines.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupName: aws.String("open-" + end), IpPermissions: []ec2types.IpPermission{{
		IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22), IpRanges: []ec2types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}},
	}}})
	must(err)
	_, err = machines.RunInstances(ctx, &ec2.RunInstancesInput{ImageId: aws.String("ami-12c6146b"), MinCount: aws.Int32(1), MaxCount: aws.Int32(1)})
	must(err)
	people, err := clients.IAM(ctx, "", "")
	must(err)
	_, err = people.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("user-" + end)})
	must(err)
	_, err = people.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: aws.String("user-" + end)})
	must(err)
	_, err = people.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("role-" + end), AssumeRolePolicyDocument: aws.String(trust)})
	must(err)
	_, err = people.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("policy-" + end), PolicyDocument: aws.String(grants)})
	must(err)
	trails, err := clients.CloudTrail(ctx, "", "")
	must(err)
	_, err = trails.CreateTrail(ctx, &cloudtrail.CreateTrailInput{Name: aws.String("trail-" + end), S3BucketName: aws.String("plain-" + end)})
	must(err)
	return end
}

func TestAgainstAnAPI(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL", servers.AWS(t))
	t.Setenv("AWS_REGION", "us-east-1")
	t.Setenv("AWS_ACCESS_KEY_ID", "test")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	clients, err := cloud.New(ctx, cloud.Config{}, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	calls := &cloudtest.Recorder{}
	watched, err := cloud.New(ctx, cloud.Config{}, zerolog.Nop(), calls.Register) // the source's alone
	if err != nil {
		t.Fatal(err)
	}
	end := furnish(ctx, t, clients)
	dir := t.TempDir()
	sweep := func() map[string]producers.Record {
		t.Helper()
		n, err := config.Parse("t.yaml", []byte("every: 1h"))
		if err != nil {
			t.Fatal(err)
		}
		s, err := NewOnce(n, producers.SourceDeps{Name: "p", DataDir: dir, Log: zerolog.Nop(), AWS: watched}, Scope{})
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]producers.Record{}
		err = s.Run(ctx, func(_ context.Context, batch []producers.Record) error {
			for _, r := range batch {
				found[gjson.GetBytes(r.Data, "resourceType").String()+" "+gjson.GetBytes(r.Data, "resourceName").String()] = r
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	found := sweep()
	const encryption = "supplementaryConfiguration.ServerSideEncryptionConfiguration.rules.0.applyServerSideEncryptionByDefault.sseAlgorithm"
	for _, c := range []struct{ thing, path, want string }{
		{"AWS::S3::Bucket kms-", encryption, "aws:kms"},
		{"AWS::S3::Bucket kms-", "tags.team", "shop"},
		{"AWS::S3::Bucket plain-", "awsRegion", "us-east-1"},
		{"AWS::EC2::SecurityGroup open-", "configuration.ipPermissions.0.ipRanges.0", "0.0.0.0/0"},
		{"AWS::IAM::User user-", "supplementaryConfiguration.accessKeys.0.status", "Active"},
		{"AWS::IAM::User user-", "supplementaryConfiguration.mfaDevices", "[]"},
		{"AWS::IAM::Role role-", "configuration.assumeRolePolicyDocument.Statement.0.Action", "sts:AssumeRole"},
		{"AWS::IAM::Policy policy-", "configuration.policyVersionList.0.document.Statement.0.Resource", "*"},
		{"AWS::CloudTrail::Trail trail-", "supplementaryConfiguration.isLogging", "false"},
	} {
		r := found[c.thing+end]
		if got := gjson.GetBytes(r.Data, c.path).String(); got != c.want || gjson.GetBytes(r.Data, "unread").Exists() {
			t.Errorf("%s %s: %q, expected %q\n%s", c.thing, c.path, got, c.want, r.Data)
		}
	}
	byARN := map[string]producers.Record{}
	instances := 0
	for _, r := range found {
		byARN[gjson.GetBytes(r.Data, "ARN").String()] = r
		if gjson.GetBytes(r.Data, "resourceType").String() == "AWS::EC2::Instance" {
			instances++
		}
	}
	if instances == 0 {
		t.Error("no instance")
	}
	valid(t, byARN)
	again := sweep()
	for thing, r := range found {
		if again[thing].Attrs[producers.AttrID] != r.Attrs[producers.AttrID] {
			t.Errorf("%s: another id\n%s\n%s", thing, r.Data, again[thing].Data)
		}
	}
	if beyond, made := calls.Beyond(Policy(), cloud.Permissions); len(beyond) > 0 || made == 0 {
		t.Errorf("%d calls; the policy does not allow %v", made, beyond)
	}
}
