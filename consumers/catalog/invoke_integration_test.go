//go:build integration

package catalog_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/batch"
	batchtypes "github.com/aws/aws-sdk-go-v2/service/batch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/codebuild"
	cbtypes "github.com/aws/aws-sdk-go-v2/service/codebuild/types"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	fhtypes "github.com/aws/aws-sdk-go-v2/service/firehose/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"
	kintypes "github.com/aws/aws-sdk-go-v2/service/kinesis/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/actiontest"
	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/schemas"
)

// A there is what an AWS API has of a kind of thing that is invoked.
type there struct {
	with   map[string]any
	state  func() any // what has arrived
	output string     // is part of the outcome
	left   bool       // this API cannot say what became of it
}

// invocations runs the actions that invoke something against an API that keeps state: through the contract, and once to the end. What this API does not have (Systems
// Manager's automations, CodePipeline's executions, Inspector's scans, what a function is called with) is in package invoke, with exchanges that were made after the API
// reference.
func invocationsOnAnAPI(t *testing.T, endpoint string) {
	c := clients(t, endpoint, cloud.Config{})
	configure(t, endpoint)
	for name, make := range map[string]func(*testing.T, *cloud.Clients) there{
		"invoke-sqs": queued, "invoke-sns": notified, "invoke-kinesis": streamed, "invoke-firehose": delivered, "invoke-cloudwatch-logs": logged, "invoke-eventbridge": bused,
		"invoke-step-functions": executed, "invoke-batch-job": submitted, "invoke-codebuild": built, "invoke-ecr-scan": scanned, "invoke-ssm-run-command": commanded,
		"invoke-ecs-task": tasked,
	} {
		t.Run(name, func(t *testing.T) {
			actiontest.Run(t, func(t *testing.T) actiontest.Subject {
				at := make(t, c)
				r := start(t, c, name, "i-0123456789abcdef0", ownAccount, at.with)
				r.cmd.ID = "0123456789abcdef0123456789abcdef"
				return actiontest.Subject{Action: r.action, Command: r.cmd, State: at.state, Stateless: true}
			})
			rec := &recorder{}
			at := make(t, c)
			r := start(t, must(cloud.New(t.Context(), cloud.Config{}, zerolog.Nop(), rec.register))(t), name, "i-0123456789abcdef0", ownAccount, at.with)
			r.cmd.ID = "0123456789abcdef0123456789abcdef"
			if !at.left {
				toTheEnd(t, r, at)
				leastPolicy(t, r, rec)
			}
		})
	}
}

// leastPolicy compares the calls that were made, which have come to an end, with the action's policy. Of what finds a run of the same command again, only the tests
// with answers of their own make all calls.
func leastPolicy(t *testing.T, r *run, rec *recorder) {
	t.Helper()
	var made []string
	for _, c := range rec.take() {
		made = append(made, cloud.Permissions(c.service, c.operation)...)
	}
	slices.Sort(made)
	made = slices.Compact(made)
	if want := slices.Sorted(slices.Values(r.spec.Policy)); !slices.Equal(made, want) {
		t.Errorf("calls made need %v; the policy is %v", made, want)
	}
}

// toTheEnd starts what is planned and follows it.
func toTheEnd(t *testing.T, r *run, at there) {
	t.Helper()
	p := r.plan()
	poller := r.action.(consumers.Poller)
	started := must(poller.Start(t.Context(), r.cmd, p))(t)
	if started.Ref == "" || started.Since.IsZero() {
		t.Errorf("started: %+v", started)
	}
	p.Run = &started
	var out schemas.Outcome
	await.Until(t, "the end of "+started.Ref, func() bool {
		is, wait, err := poller.Poll(t.Context(), r.cmd, p)
		if err != nil {
			t.Fatal(err)
		}
		out = is
		return wait == 0
	}, func() string { return out.Message })
	t.Logf("%s: %s", out.Message, out.After)
	if !strings.Contains(string(out.After), at.output) {
		t.Errorf("the outcome has no %s", at.output)
	}
}

// configure has the API run state machines for real, and say of jobs that they have succeeded.
func configure(t *testing.T, endpoint string) {
	t.Helper()
	req := must(http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint+"/moto-api/config",
		strings.NewReader(`{"stepfunctions":{"execute_state_machine":true},"batch":{"use_docker":false}}`)))(t)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // only its status is looked at
	if res.StatusCode >= 300 {
		t.Fatal(res.Status)
	}
}

// client makes a client of a service.
func client[C any](t *testing.T, c *cloud.Clients, build func(aws.Config) C) C {
	t.Helper()
	return must(cloud.For(t.Context(), c, "", region, build))(t)
}

// different is a state in which only different things count.
func different(all []string) any {
	slices.Sort(all)
	return slices.Compact(all)
}

// messages counts what is in a queue.
func messages(t *testing.T, api *sqs.Client, url *string) string {
	t.Helper()
	count := sqstypes.QueueAttributeNameApproximateNumberOfMessages
	out := must(api.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: url, AttributeNames: []sqstypes.QueueAttributeName{count}}))(t)
	return out.Attributes[string(count)]
}

func newQueue(t *testing.T, api *sqs.Client, name string) *string {
	t.Helper()
	attributes := map[string]string{}
	if strings.HasSuffix(name, ".fifo") {
		attributes["FifoQueue"] = "true"
	}
	return must(api.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes}))(t).QueueUrl
}

func queueARN(t *testing.T, api *sqs.Client, url *string) string {
	t.Helper()
	out := must(api.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: url, AttributeNames: []sqstypes.QueueAttributeName{"QueueArn"}}))(t)
	return out.Attributes["QueueArn"]
}

// queued: the deduplication id of a FIFO queue keeps a repeat away.
func queued(t *testing.T, c *cloud.Clients) there {
	api := must(c.SQS(t.Context(), "", region))(t)
	url := newQueue(t, api, unique("q")+".fifo")
	return there{with: map[string]any{"queue": *url, "input": map[string]any{"n": int64(1)}}, state: func() any { return messages(t, api, url) }}
}

func notified(t *testing.T, c *cloud.Clients) there {
	api, queues := must(c.SNS(t.Context(), "", region))(t), must(c.SQS(t.Context(), "", region))(t)
	topic := must(api.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String(unique("topic"))}))(t).TopicArn
	url := newQueue(t, queues, unique("q"))
	must(api.Subscribe(t.Context(), &sns.SubscribeInput{TopicArn: topic, Protocol: aws.String("sqs"), Endpoint: aws.String(queueARN(t, queues, url)),
		Attributes: map[string]string{"RawMessageDelivery": "true"}}))(t)
	return there{with: map[string]any{"topic": *topic, "message": "look"}, state: func() any { return messages(t, queues, url) != "0" }}
}

func streamed(t *testing.T, c *cloud.Clients) there {
	api := must(c.Kinesis(t.Context(), "", region))(t)
	name := unique("stream")
	must(api.CreateStream(t.Context(), &kinesis.CreateStreamInput{StreamName: &name, ShardCount: aws.Int32(1)}))(t)
	return there{with: map[string]any{"stream": name, "input": map[string]any{"n": int64(1)}}, state: func() any {
		at := must(api.GetShardIterator(t.Context(), &kinesis.GetShardIteratorInput{StreamName: &name, ShardId: aws.String("shardId-000000000000"), ShardIteratorType: kintypes.ShardIteratorTypeTrimHorizon}))(t)
		var all []string
		for _, r := range must(api.GetRecords(t.Context(), &kinesis.GetRecordsInput{ShardIterator: at.ShardIterator}))(t).Records {
			all = append(all, string(r.Data))
		}
		return different(all)
	}}
}

func delivered(t *testing.T, c *cloud.Clients) there {
	buckets := must(c.S3(t.Context(), "", region))(t)
	api := client(t, c, func(conf aws.Config) *firehose.Client { return firehose.NewFromConfig(conf) })
	name := unique("lake")
	must(buckets.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: region}}))(t)
	must(api.CreateDeliveryStream(t.Context(), &firehose.CreateDeliveryStreamInput{DeliveryStreamName: &name, ExtendedS3DestinationConfiguration: &fhtypes.ExtendedS3DestinationConfiguration{
		BucketARN: aws.String("arn:aws:s3:::" + name), RoleARN: aws.String("arn:aws:iam::" + ownAccount + ":role/lake")}}))(t)
	return there{with: map[string]any{"stream": name, "input": map[string]any{"n": int64(1)}}, state: func() any {
		var sizes []string
		for _, o := range must(buckets.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &name}))(t).Contents {
			sizes = append(sizes, aws.ToString(o.ETag))
		}
		return different(sizes)
	}}
}

func logged(t *testing.T, c *cloud.Clients) there {
	api := must(c.CloudWatchLogs(t.Context(), "", region))(t)
	name := unique("responses")
	must(api.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &name}))(t)
	return there{with: map[string]any{"log_group": name, "message": "done"}, state: func() any {
		var all []string
		for _, e := range must(api.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &name}))(t).Events {
			all = append(all, fmt.Sprint(*e.Timestamp, *e.Message))
		}
		return different(all)
	}}
}

func bused(t *testing.T, c *cloud.Clients) there {
	api := client(t, c, func(conf aws.Config) *eventbridge.Client { return eventbridge.NewFromConfig(conf) })
	queues := must(c.SQS(t.Context(), "", region))(t)
	name := unique("bus")
	must(api.CreateEventBus(t.Context(), &eventbridge.CreateEventBusInput{Name: &name}))(t)
	url := newQueue(t, queues, name)
	must(api.PutRule(t.Context(), &eventbridge.PutRuleInput{Name: &name, EventBusName: &name, EventPattern: aws.String(`{"source":["riposte"]}`)}))(t)
	must(api.PutTargets(t.Context(), &eventbridge.PutTargetsInput{Rule: &name, EventBusName: &name, Targets: []ebtypes.Target{{
		Id: aws.String("q"), Arn: aws.String(queueARN(t, queues, url))}}}))(t)
	return there{with: map[string]any{"bus": name, "detail_type": "response", "input": map[string]any{"n": int64(1)}}, state: func() any { return messages(t, queues, url) != "0" }}
}

// executed: the name of an execution, which is the command's id, keeps a repeat away.
func executed(t *testing.T, c *cloud.Clients) there {
	api := client(t, c, func(conf aws.Config) *sfn.Client { return sfn.NewFromConfig(conf) })
	machine := must(api.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{Name: aws.String(unique("triage")), RoleArn: aws.String("arn:aws:iam::" + ownAccount + ":role/x"),
		Definition: aws.String(`{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}`)}))(t).StateMachineArn
	return there{with: map[string]any{"state_machine": *machine, "input": map[string]any{"n": int64(1)}}, output: `"output":{"n":1}`, state: func() any {
		return len(must(api.ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: machine}))(t).Executions)
	}}
}

// submitted: a job is found again by its name.
func submitted(t *testing.T, c *cloud.Clients) there {
	api := client(t, c, func(conf aws.Config) *batch.Client { return batch.NewFromConfig(conf) })
	roles := must(c.IAM(t.Context(), "", region))(t)
	name := unique("scan")
	role := must(roles.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String("{}")}))(t).Role.Arn
	place := must(api.CreateComputeEnvironment(t.Context(), &batch.CreateComputeEnvironmentInput{ComputeEnvironmentName: &name, Type: batchtypes.CETypeUnmanaged, ServiceRole: role,
		State: batchtypes.CEStateEnabled}))(t).ComputeEnvironmentArn
	must(api.CreateJobQueue(t.Context(), &batch.CreateJobQueueInput{JobQueueName: &name, Priority: aws.Int32(1), State: batchtypes.JQStateEnabled,
		ComputeEnvironmentOrder: []batchtypes.ComputeEnvironmentOrder{{ComputeEnvironment: place, Order: aws.Int32(1)}}}))(t)
	must(api.RegisterJobDefinition(t.Context(), &batch.RegisterJobDefinitionInput{JobDefinitionName: &name, Type: batchtypes.JobDefinitionTypeContainer,
		ContainerProperties: &batchtypes.ContainerProperties{Image: aws.String("scanner"), Vcpus: aws.Int32(1), Memory: aws.Int32(128), Command: []string{"scan"}}}))(t) //nolint:staticcheck // of what has replaced these, this API says what the SDK cannot read
	return there{with: map[string]any{"job_queue": name, "job_definition": name, "environment": map[string]any{"DEPTH": int64(3)}}, output: "SUCCEEDED", state: func() any {
		return len(must(api.ListJobs(t.Context(), &batch.ListJobsInput{JobQueue: &name, Filters: []batchtypes.KeyValuesPair{{Name: aws.String("JOB_NAME"), Values: []string{"riposte-*"}}}}))(t).JobSummaryList)
	}}
}

// built: this API does not know CodeBuild's idempotency token.
func built(t *testing.T, c *cloud.Clients) there {
	api := client(t, c, func(conf aws.Config) *codebuild.Client { return codebuild.NewFromConfig(conf) })
	name := unique("rebuild")
	must(api.CreateProject(t.Context(), &codebuild.CreateProjectInput{Name: &name, ServiceRole: aws.String("arn:aws:iam::" + ownAccount + ":role/build"),
		Source:    &cbtypes.ProjectSource{Type: cbtypes.SourceTypeS3, Location: aws.String("bucket/path/file.zip")},
		Artifacts: &cbtypes.ProjectArtifacts{Type: cbtypes.ArtifactsTypeNoArtifacts},
		Environment: &cbtypes.ProjectEnvironment{Type: cbtypes.EnvironmentTypeLinuxContainer, Image: aws.String("contents_not_validated"),
			ComputeType: cbtypes.ComputeTypeBuildGeneral1Small}}))(t)
	return there{with: map[string]any{"project": name, "environment": map[string]any{"DEPTH": int64(3)}}, output: "SUCCEEDED", state: func() any {
		return len(must(api.ListBuildsForProject(t.Context(), &codebuild.ListBuildsForProjectInput{ProjectName: &name}))(t).Ids) > 0
	}}
}

func scanned(t *testing.T, c *cloud.Clients) there {
	api := client(t, c, func(conf aws.Config) *ecr.Client { return ecr.NewFromConfig(conf) })
	name := unique("shop")
	must(api.CreateRepository(t.Context(), &ecr.CreateRepositoryInput{RepositoryName: &name}))(t)
	must(api.PutImage(t.Context(), &ecr.PutImageInput{RepositoryName: &name, ImageTag: aws.String("v1"),
		ImageManifest: aws.String(`{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","config":{"mediaType":"application/vnd.docker.container.image.v1+json","size":7,"digest":"sha256:` + strings.Repeat("1", 64) + `"},"layers":[]}`)}))(t)
	image := &ecrtypes.ImageIdentifier{ImageTag: aws.String("v1")}
	return there{with: map[string]any{"repository": name, "tag": "v1"}, output: `"findings"`, state: func() any {
		_, err := api.DescribeImageScanFindings(t.Context(), &ecr.DescribeImageScanFindingsInput{RepositoryName: &name, ImageId: image})
		return cloud.Code(err)
	}}
}

// commanded: a command of SSM is found again by its comment. This API does not have ListCommandInvocations.
func commanded(t *testing.T, c *cloud.Clients) there {
	api := client(t, c, func(conf aws.Config) *ssm.Client { return ssm.NewFromConfig(conf) })
	document := unique("AWS-Run")
	return there{with: map[string]any{"document": document, "parameters": map[string]any{"commands": []any{"id"}}}, left: true, state: func() any {
		n := 0
		for _, cmd := range must(api.ListCommands(t.Context(), &ssm.ListCommandsInput{}))(t).Commands {
			if aws.ToString(cmd.DocumentName) == document {
				n++
			}
		}
		return n
	}}
}

// tasked: this API does not know the client token of ECS, and its tasks do not end.
func tasked(t *testing.T, c *cloud.Clients) there {
	api := client(t, c, func(conf aws.Config) *ecs.Client { return ecs.NewFromConfig(conf) })
	name := unique("tools")
	must(api.CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: &name}))(t)
	must(api.RegisterTaskDefinition(t.Context(), &ecs.RegisterTaskDefinitionInput{Family: &name, NetworkMode: ecstypes.NetworkModeAwsvpc, RequiresCompatibilities: []ecstypes.Compatibility{"FARGATE"},
		Cpu: aws.String("256"), Memory: aws.String("512"), ContainerDefinitions: []ecstypes.ContainerDefinition{{Name: aws.String("main"), Image: aws.String("scanner"), Memory: aws.Int32(128)}}}))(t)
	nets := must(c.EC2(t.Context(), "", region))(t)
	subnets, groups := must(nets.DescribeSubnets(t.Context(), nil))(t), must(nets.DescribeSecurityGroups(t.Context(), nil))(t)
	with := map[string]any{"cluster": name, "task_definition": name, "container": "main", "subnets": []any{*subnets.Subnets[0].SubnetId}, "security_groups": []any{*groups.SecurityGroups[0].GroupId}, "environment": map[string]any{"DEPTH": int64(3)}}
	return there{with: with, left: true, state: func() any {
		return len(must(api.ListTasks(t.Context(), &ecs.ListTasksInput{Cluster: &name}))(t).TaskArns) > 0
	}}
}
