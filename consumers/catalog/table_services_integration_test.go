//go:build integration

package catalog_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/configservice"
	configtypes "github.com/aws/aws-sdk-go-v2/service/configservice/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamotypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
)

// aTrail makes a trail of one region that does not log.
func aTrail(t *testing.T, w *world) string {
	t.Helper()
	bucket := unique("trail")
	must(w.s3(t).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: "us-west-2"}}))(t)
	api := must(w.CloudTrail(t.Context(), w.account, region))(t)
	return *must(api.CreateTrail(t.Context(), &cloudtrail.CreateTrailInput{Name: aws.String("audit"), S3BucketName: &bucket, EnableLogFileValidation: aws.Bool(false),
		IsMultiRegionTrail: aws.Bool(false), IncludeGlobalServiceEvents: aws.Bool(false)}))(t).TrailARN
}

func trailFixtures() map[string]fixture {
	f := fixture{wrong: makes{"off": aTrail}, gone: func(t *testing.T, w *world, _ string) {
		must(must(w.CloudTrail(t.Context(), w.account, region))(t).DeleteTrail(t.Context(), &cloudtrail.DeleteTrailInput{Name: aws.String("audit")}))(t)
	}}
	encrypt := f
	encrypt.with = map[string]any{"kms_key": "0b7d9a4e-1111-4222-8333-444455556666"}
	return map[string]fixture{"cloudtrail-start-logging": f, "cloudtrail-enable-log-validation": f, "cloudtrail-make-multi-region": f, "cloudtrail-encrypt-logs": encrypt}
}

func configFixtures() map[string]fixture {
	return map[string]fixture{"config-start-recorder": {wrong: makes{"stopped": func(t *testing.T, w *world) string {
		api := must(w.ConfigService(t.Context(), w.account, region))(t)
		must(api.PutConfigurationRecorder(t.Context(), &configservice.PutConfigurationRecorderInput{ConfigurationRecorder: &configtypes.ConfigurationRecorder{
			Name: aws.String("default"), RoleARN: aws.String("arn:aws:iam::" + w.account + ":role/config"), RecordingGroup: &configtypes.RecordingGroup{AllSupported: true}}}))(t)
		must(api.PutDeliveryChannel(t.Context(), &configservice.PutDeliveryChannelInput{DeliveryChannel: &configtypes.DeliveryChannel{Name: aws.String("default"), S3BucketName: aws.String("config")}}))(t)
		return w.account
	}}, gone: func(t *testing.T, w *world, _ string) {
		must(must(w.ConfigService(t.Context(), w.account, region))(t).DeleteConfigurationRecorder(t.Context(), &configservice.DeleteConfigurationRecorderInput{ConfigurationRecorderName: aws.String("default")}))(t)
	}}}
}

func keyFixtures() map[string]fixture {
	key := func(t *testing.T, w *world) (*kms.Client, string) {
		t.Helper()
		api := must(w.KMS(t.Context(), w.account, region))(t)
		return api, *must(api.CreateKey(t.Context(), &kms.CreateKeyInput{}))(t).KeyMetadata.Arn
	}
	doomed := func(t *testing.T, w *world) string {
		api, arn := key(t, w)
		_, id, _ := strings.Cut(arn, "/")
		must(api.ScheduleKeyDeletion(t.Context(), &kms.ScheduleKeyDeletionInput{KeyId: &id, PendingWindowInDays: aws.Int32(12)}))(t)
		return arn
	}
	gone := func(t *testing.T, w *world, _ string) { // weeks after it was scheduled
		w.answer(t, nothing("NotFoundException", "DescribeKey", "GetKeyRotationStatus", "EnableKeyRotation", "DisableKeyRotation", "CancelKeyDeletion", "ScheduleKeyDeletion", "EnableKey"))
	}
	return map[string]fixture{
		"kms-enable-key-rotation": {gone: gone, wrong: makes{"off": func(t *testing.T, w *world) string {
			_, arn := key(t, w)
			return arn
		}}},
		"kms-cancel-key-deletion": {gone: gone, with: map[string]any{"enable": true}, wrong: makes{"scheduled": doomed}},
	}
}

func dynamoFixtures() map[string]fixture {
	name := aws.String("orders")
	f := fixture{wrong: makes{"off": func(t *testing.T, w *world) string {
		api := must(w.DynamoDB(t.Context(), w.account, region))(t)
		return *must(api.CreateTable(t.Context(), &dynamodb.CreateTableInput{TableName: name, BillingMode: dynamotypes.BillingModePayPerRequest,
			AttributeDefinitions: []dynamotypes.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: dynamotypes.ScalarAttributeTypeS}},
			KeySchema:            []dynamotypes.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: dynamotypes.KeyTypeHash}}}))(t).TableDescription.TableArn
	}}, gone: func(t *testing.T, w *world, _ string) {
		api := must(w.DynamoDB(t.Context(), w.account, region))(t)
		must(api.UpdateTable(t.Context(), &dynamodb.UpdateTableInput{TableName: name, DeletionProtectionEnabled: aws.Bool(false)}))(t)
		must(api.DeleteTable(t.Context(), &dynamodb.DeleteTableInput{TableName: name}))(t)
	}}
	return map[string]fixture{"dynamodb-enable-point-in-time-recovery": f, "dynamodb-protect-table": f}
}

func ecrFixtures() map[string]fixture {
	name := aws.String("shop/web")
	f := fixture{wrong: makes{"off": func(t *testing.T, w *world) string {
		api := must(w.ECR(t.Context(), w.account, region))(t)
		return *must(api.CreateRepository(t.Context(), &ecr.CreateRepositoryInput{RepositoryName: name, ImageTagMutability: ecrtypes.ImageTagMutabilityMutable}))(t).Repository.RepositoryArn
	}}, gone: func(t *testing.T, w *world, _ string) {
		must(must(w.ECR(t.Context(), w.account, region))(t).DeleteRepository(t.Context(), &ecr.DeleteRepositoryInput{RepositoryName: name}))(t)
	}}
	return map[string]fixture{"ecr-enable-scan-on-push": scannedRepository(), "ecr-make-tags-immutable": f}
}

func elbFixtures() map[string]fixture {
	balancer := func(t *testing.T, w *world) string {
		t.Helper()
		net := must(w.EC2(t.Context(), w.account, region))(t)
		vpc := must(net.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.9.0.0/16")}))(t).Vpc.VpcId
		var subnets []string
		for zone, block := range map[string]string{"a": "10.9.1.0/24", "b": "10.9.2.0/24"} {
			subnets = append(subnets, *must(net.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: vpc, CidrBlock: &block, AvailabilityZone: aws.String(region + zone)}))(t).Subnet.SubnetId)
		}
		api := must(w.ELBV2(t.Context(), w.account, region))(t)
		arn := must(api.CreateLoadBalancer(t.Context(), &elb.CreateLoadBalancerInput{Name: aws.String("front"), Subnets: subnets}))(t).LoadBalancers[0].LoadBalancerArn
		var all []types.LoadBalancerAttribute
		for k, v := range map[string]string{"routing.http.desync_mitigation_mode": "monitor", "routing.http.drop_invalid_header_fields.enabled": "false",
			"access_logs.s3.enabled": "false", "access_logs.s3.bucket": "", "access_logs.s3.prefix": ""} { // as Elastic Load Balancing has them; here not all are set
			all = append(all, types.LoadBalancerAttribute{Key: &k, Value: &v})
		}
		must(api.ModifyLoadBalancerAttributes(t.Context(), &elb.ModifyLoadBalancerAttributesInput{LoadBalancerArn: arn, Attributes: all}))(t)
		return *arn
	}
	f := fixture{wrong: makes{"off": balancer}, gone: func(t *testing.T, w *world, arn string) {
		api := must(w.ELBV2(t.Context(), w.account, region))(t)
		must(api.ModifyLoadBalancerAttributes(t.Context(), &elb.ModifyLoadBalancerAttributesInput{LoadBalancerArn: &arn,
			Attributes: []types.LoadBalancerAttribute{{Key: aws.String("deletion_protection.enabled"), Value: aws.String("false")}}}))(t)
		must(api.DeleteLoadBalancer(t.Context(), &elb.DeleteLoadBalancerInput{LoadBalancerArn: &arn}))(t)
	}}
	logs := f
	logs.with = map[string]any{"log_bucket": "access-logs", "prefix": "front"}
	return map[string]fixture{"elb-drop-invalid-headers": f, "elb-protect-load-balancer": f, "elb-mitigate-desync": f, "elb-enable-access-logs": logs}
}

func secretFixtures() map[string]fixture {
	made := func(t *testing.T, w *world) string {
		t.Helper()
		api := must(w.SecretsManager(t.Context(), w.account, region))(t)
		return *must(api.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: aws.String("db/password"), SecretString: aws.String("not-a-secret")}))(t).ARN
	}
	gone := func(t *testing.T, w *world, arn string) {
		api := must(w.SecretsManager(t.Context(), w.account, region))(t)
		must(api.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: &arn, ForceDeleteWithoutRecovery: aws.Bool(true)}))(t)
	}
	return map[string]fixture{
		"secretsmanager-enable-rotation": {exchange: secretRotation, gone: func(t *testing.T, w *world, _ string) {
			w.answer(t, nothing("ResourceNotFoundException", "DescribeSecret", "RotateSecret", "CancelRotateSecret"))
		}, wrong: makes{"off": func(_ *testing.T, w *world) string {
			return "arn:aws:secretsmanager:" + region + ":" + w.account + ":secret:db/password-AbCdEf"
		}}, also: []string{"lambda:InvokeFunction"},
			with: map[string]any{"function": "arn:aws:lambda:eu-central-1:123456789012:function:rotate"}},
		"secretsmanager-delete-unused-secret": {gone: gone, wrong: makes{"unused": made}, with: map[string]any{"days": 0}},
	}
}

func stageFixtures() map[string]fixture {
	api := func(t *testing.T, w *world) *apigateway.Client {
		return must(w.APIGateway(t.Context(), w.account, region))(t)
	}
	f := fixture{wrong: makes{"off": func(t *testing.T, w *world) string {
		c := api(t, w)
		id := must(c.CreateRestApi(t.Context(), &apigateway.CreateRestApiInput{Name: aws.String("shop")}))(t).Id
		root := must(c.GetResources(t.Context(), &apigateway.GetResourcesInput{RestApiId: id}))(t).Items[0].Id
		get := aws.String("GET")
		must(c.PutMethod(t.Context(), &apigateway.PutMethodInput{RestApiId: id, ResourceId: root, HttpMethod: get, AuthorizationType: aws.String("NONE")}))(t)
		must(c.PutIntegration(t.Context(), &apigateway.PutIntegrationInput{RestApiId: id, ResourceId: root, HttpMethod: get, Type: "MOCK"}))(t)
		d := must(c.CreateDeployment(t.Context(), &apigateway.CreateDeploymentInput{RestApiId: id}))(t).Id
		must(c.CreateStage(t.Context(), &apigateway.CreateStageInput{RestApiId: id, StageName: aws.String("prod"), DeploymentId: d}))(t)
		return "arn:aws:apigateway:" + region + "::/restapis/" + *id + "/stages/prod"
	}}, gone: func(t *testing.T, w *world, arn string) {
		id := strings.Split(arn, "/")[2]
		must(api(t, w).DeleteStage(t.Context(), &apigateway.DeleteStageInput{RestApiId: &id, StageName: aws.String("prod")}))(t)
	}}
	return map[string]fixture{"apigateway-enable-logging": f, "apigateway-enable-tracing": f, "apigateway-encrypt-cache": f}
}
