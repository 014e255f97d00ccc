//go:build integration

package catalog_test

import (
	"archive/zip"
	"bytes"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

const (
	forAll = `{"Sid":"all","Effect":"Allow","Principal":"*","Action":"ACTION","Resource":"*"}`
	forOne = `{"Sid":"one","Effect":"Allow","Principal":{"AWS":"210987654321"},"Action":"ACTION","Resource":"*"}`
)

// policyFor is a policy of statements for everybody, or for one and everybody.
func policyFor(action string, statements ...string) string {
	all := bytes.Join(func() (b [][]byte) {
		for _, s := range statements {
			b = append(b, bytes.ReplaceAll([]byte(s), []byte("ACTION"), []byte(action)))
		}
		return b
	}(), []byte(","))
	return `{ "Version":"2012-10-17", "Statement":[` + string(all) + `]}`
}

func topicFixtures() map[string]fixture {
	topic := func(policy string) func(*testing.T, *world) string {
		return func(t *testing.T, w *world) string {
			t.Helper()
			api := must(w.SNS(t.Context(), w.account, region))(t)
			arn := must(api.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: aws.String("orders")}))(t).TopicArn
			if policy != "" {
				must(api.SetTopicAttributes(t.Context(), &sns.SetTopicAttributesInput{TopicArn: arn, AttributeName: aws.String("Policy"), AttributeValue: &policy}))(t)
			}
			return *arn
		}
	}
	gone := func(t *testing.T, w *world, arn string) {
		must(must(w.SNS(t.Context(), w.account, region))(t).DeleteTopic(t.Context(), &sns.DeleteTopicInput{TopicArn: &arn}))(t)
	}
	return map[string]fixture{
		"sns-encrypt-topic": {gone: gone, wrong: makes{"plain": topic("")}},
		"sns-remove-public-access": {gone: gone, wrong: makes{
			"nothing else": topic(policyFor("sns:Publish", forAll)), "among others": topic(policyFor("sns:Publish", forAll, forOne)),
		}},
	}
}

func queueFixtures() map[string]fixture {
	queue := func(attributes map[string]string) func(*testing.T, *world) string {
		return func(t *testing.T, w *world) string {
			t.Helper()
			api := must(w.SQS(t.Context(), w.account, region))(t)
			must(api.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("orders"), Attributes: attributes}))(t)
			return "https://sqs." + region + ".amazonaws.com/" + w.account + "/orders"
		}
	}
	gone := func(t *testing.T, w *world, url string) {
		must(must(w.SQS(t.Context(), w.account, region))(t).DeleteQueue(t.Context(), &sqs.DeleteQueueInput{QueueUrl: &url}))(t)
	}
	return map[string]fixture{
		"sqs-encrypt-queue": {gone: gone, wrong: makes{"plain": queue(map[string]string{"SqsManagedSseEnabled": "false"})}},
		"sqs-remove-public-access": {gone: gone, wrong: makes{
			"nothing else": queue(map[string]string{"Policy": policyFor("sqs:SendMessage", forAll)}),
			"among others": queue(map[string]string{"Policy": policyFor("sqs:SendMessage", forAll, forOne)}),
		}},
	}
}

func functionFixtures() map[string]fixture {
	name := aws.String("resize")
	f := fixture{wrong: makes{"callable by all, and old": func(t *testing.T, w *world) string {
		role := must(must(w.IAM(t.Context(), w.account, ""))(t).CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: name, AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[]}`)}))(t)
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		must(z.Create("index.py"))(t)
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		api := must(w.Lambda(t.Context(), w.account, region))(t)
		f := must(api.CreateFunction(t.Context(), &lambda.CreateFunctionInput{FunctionName: name, Runtime: lambdatypes.RuntimePython38, Handler: aws.String("index.main"),
			Role: role.Role.Arn, Code: &lambdatypes.FunctionCode{ZipFile: b.Bytes()}}))(t)
		for sid, principal := range map[string]string{"all": "*", "events": "events.amazonaws.com"} {
			must(api.AddPermission(t.Context(), &lambda.AddPermissionInput{FunctionName: name, StatementId: &sid, Action: aws.String("lambda:InvokeFunction"), Principal: &principal}))(t)
		}
		return *f.FunctionArn + ":prod"
	}}, gone: func(t *testing.T, w *world, _ string) {
		must(must(w.Lambda(t.Context(), w.account, region))(t).DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: name}))(t)
	}}
	old := f
	old.reports, old.mend = "runtime python3.8", func(t *testing.T, w *world, _ string) {
		must(must(w.Lambda(t.Context(), w.account, region))(t).UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{
			FunctionName: name, Runtime: lambdatypes.RuntimePython313}))(t)
	}
	return map[string]fixture{"lambda-remove-public-access": f, "lambda-report-runtime": old}
}
