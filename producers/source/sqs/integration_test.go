//go:build integration

package sqs

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/cloud/cloudtest"
	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/internal/servers"
	"github.com/riposte-security/riposte/producers"
)

// TestAgainstAnAPI puts an object into a bucket that notifies a queue, and waits for its records and for the queue to be empty.
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
	buckets, err := clients.S3(ctx, "", "")
	if err != nil {
		t.Fatal(err)
	}
	queues, err := clients.SQS(ctx, "", "")
	if err != nil {
		t.Fatal(err)
	}
	queue, err := queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("trail")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := buckets.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("logs")}); err != nil {
		t.Fatal(err)
	}
	_, err = buckets.PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{
		Bucket: aws.String("logs"), NotificationConfiguration: &s3types.NotificationConfiguration{QueueConfigurations: []s3types.QueueConfiguration{{
			QueueArn: aws.String("arn:aws:sqs:us-east-1:123456789012:trail"), Events: []s3types.Event{"s3:ObjectCreated:*"},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = buckets.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String("logs"), Key: aws.String("AWSLogs/111122223333/CloudTrail/us-east-1/a b.json.gz"),
		Body: bytes.NewReader(zip(`{"Records":[{"eventID":"1"},{"eventID":"2"}]}`)),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := queues.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: queue.QueueUrl, MessageBody: aws.String(s3Event("missing"))}); err != nil {
		t.Fatal(err)
	}

	n, err := config.Parse("t.yaml", []byte("queue_url: "+*queue.QueueUrl))
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(n, producers.SourceDeps{Name: "p", Log: zerolog.Nop(), AWS: watched})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	got := map[string]string{}
	reading, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() {
		done <- s.Run(reading, func(_ context.Context, batch []producers.Record) error {
			mu.Lock()
			defer mu.Unlock()
			for _, r := range batch {
				got[string(r.Data)] = r.Attrs[producers.AttrAccount] + r.Attrs[producers.AttrProblem]
			}
			return nil
		})
	}()
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		mu.Lock()
		n := len(got)
		mu.Unlock()
		out, err := queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: queue.QueueUrl, AttributeNames: []types.QueueAttributeName{"All"}})
		if err != nil {
			t.Fatal(err, got)
		}
		if n >= 3 && out.Attributes["ApproximateNumberOfMessages"] == "0" && out.Attributes["ApproximateNumberOfMessagesNotVisible"] == "0" {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal(got, out.Attributes)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if got[`{"eventID":"1"}`] != "111122223333" || got[`{"eventID":"2"}`] != "111122223333" || got[s3Event("missing")] == "" {
		t.Error(got)
	}
	if beyond, made := calls.Beyond(Policy(), cloud.Permissions); len(beyond) > 0 || made == 0 {
		t.Errorf("%d calls; the policy does not allow %v", made, beyond)
	}
}
