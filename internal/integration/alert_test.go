//go:build integration

package integration

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"github.com/riposte-security/riposte/internal/await"
	"github.com/riposte-security/riposte/schemas"
)

func contains(text string, parts ...string) bool {
	return !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(text, p) })
}

// alertByWebhook: one call, signed, with the command's id.
func alertByWebhook(t *testing.T, d *deployment) {
	d.post(t, "custom", map[string]any{"kind": "webhook", "n": 4711})
	await.Until(t, "the webhook is called", func() bool { return len(d.hook.of("webhook")) == 1 })
	c := d.hook.of("webhook")[0]
	if !c.signed() {
		t.Errorf("the signature %q is not of this body", c.header.Get("webhook-signature"))
	}
	if c.header.Get("Idempotency-Key") != c.id || !strings.Contains(string(c.body), `"command_id":"`+c.id+`"`) {
		t.Errorf("webhook-id %q, Idempotency-Key %q: %s", c.id, c.header.Get("Idempotency-Key"), c.body)
	}
	await.Until(t, "the ledger knows", func() bool {
		e, err := d.entry(t, c.id)
		return err == nil && e.State == schemas.StateVerified
	})
}

// alertBySNS: a queue that subscribes to the topic gets the message.
func alertBySNS(t *testing.T, d *deployment) {
	queue := d.api.queue(t, "alerts")
	ask(t, d.api.sns.Subscribe, &sns.SubscribeInput{TopicArn: aws.String(d.topic), Protocol: aws.String("sqs"), Endpoint: aws.String(queueARN("alerts"))})
	d.post(t, "custom", map[string]any{"kind": "sns", "user": "eve"})
	var text string
	await.Until(t, "a message in the queue", func() bool {
		text = d.api.receive(t, queue)
		return text != ""
	})
	var envelope struct{ Subject, Message string }
	var said struct {
		Title     string `json:"title"`
		Rule      string `json:"rule"`
		CommandID string `json:"command_id"`
	}
	if err := json.Unmarshal([]byte(text), &envelope); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(envelope.Message), &said); err != nil {
		t.Fatal(err)
	}
	if said.Title != "eve did it" || said.Rule != "it-sns" || !strings.Contains(envelope.Subject, "eve did it") {
		t.Errorf("the message says %s", text)
	}
	if e, err := d.entry(t, said.CommandID); err != nil || e.Command.Action != "topic" {
		t.Errorf("command %s: %+v, %v", said.CommandID, e, err)
	}
}

// customEvent: any JSON object on the topic is an event, headers or not; but nobody vouches for it.
func customEvent(t *testing.T, d *deployment) {
	d.publish(t, d.kafka.Topics().Events, `{"kind":"login_failed","user":"bob-on-topic"}`)
	await.Until(t, "the alert in the log", func() bool { return len(d.procs["alert"].Log.Lines(0, "bob-on-topic could not sign in")) == 1 })

	bucket := unique("forged")
	d.api.bucket(t, bucket)
	was, _ := d.api.encryption(t, bucket)
	id := unique("forged")
	event, err := json.Marshal(map[string]any{
		"class_uid": 6003, "category_uid": 6, "activity_id": 4, "type_uid": 600304, "status_id": 1, "severity_id": 1, "time": time.Now().UnixMilli(),
		"metadata": map[string]any{"version": "1.8.0", "uid": id}, "cloud": map[string]any{"provider": "AWS", "region": region, "account": map[string]any{"uid": account}},
		"api": map[string]any{"operation": "DeleteBucketEncryption", "service": map[string]any{"name": "s3.amazonaws.com"},
			"request": map[string]any{"data": map[string]any{"bucketName": bucket}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	d.publish(t, d.kafka.Topics().Events, string(event))
	d.await(t, bucketRule, id, schemas.StateRefused)
	if got, _ := d.api.encryption(t, bucket); got != was {
		t.Errorf("on nobody's word the bucket was encrypted by %q", got)
	}
}
