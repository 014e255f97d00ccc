//go:build integration

package integration

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/schemas"
)

// objectsBySQS: a CloudTrail file comes to lie in a bucket that tells a queue; its records become events, and the message goes.
func objectsBySQS(t *testing.T, d *deployment) {
	trails := unique("trails")
	d.api.bucket(t, trails)
	ask(t, d.api.s3.PutBucketNotificationConfiguration, &s3.PutBucketNotificationConfigurationInput{
		Bucket: &trails, NotificationConfiguration: &s3types.NotificationConfiguration{QueueConfigurations: []s3types.QueueConfiguration{{
			QueueArn: aws.String(queueARN(d.name + "-trail")), Events: []s3types.Event{"s3:ObjectCreated:*"},
		}}},
	})
	bucket, record, event := seed(t, d.api, "by-sqs")
	vpc, created := trail("ec2", "CreateVpc", map[string]any{"cidrBlock": "10.40.0.0/16"}, map[string]any{"vpc": map[string]any{"vpcId": "vpc-0a1b2c3d4e5f60718"}})
	text, err := json.Marshal(map[string]any{"Records": []any{record, vpc}})
	if err != nil {
		t.Fatal(err)
	}
	var body bytes.Buffer
	w := gzip.NewWriter(&body)
	if _, err := w.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	key := "AWSLogs/" + account + "/CloudTrail/" + region + "/2026/03/09/" + account + "_CloudTrail_" + region + "_20260309T1210Z_a b.json.gz"
	ask(t, d.api.s3.PutObject, &s3.PutObjectInput{Bucket: &trails, Key: &key, Body: bytes.NewReader(body.Bytes())})
	d.await(t, bucketRule, event, schemas.StateVerified)
	if got, _ := d.api.encryption(t, bucket); got != "aws:kms" {
		t.Errorf("the bucket is encrypted by %q", got)
	}
	d.awaitAll(t, "aws-vpc-created", created, 1, schemas.StateVerified, schemas.LaneAlert)
	await.Until(t, "the message is deleted", func() bool { return d.api.empty(t, d.queue) })
}
