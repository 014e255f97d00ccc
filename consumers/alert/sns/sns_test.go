package sns

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/smithy-go"

	"github.com/riposte-security/riposte/consumers/actiontest"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const topicARN = "arn:aws:sns:eu-central-1:111122223333:alerts"

// topic is an SNS topic that keeps what was published.
type topic struct {
	region string
	err    error
	got    []*sns.PublishInput
}

func (f *topic) Publish(ctx context.Context, in *sns.PublishInput, _ ...func(*sns.Options)) (*sns.PublishOutput, error) {
	if err := errors.Join(ctx.Err(), f.err); err != nil {
		return nil, err
	}
	f.got = append(f.got, in)
	return &sns.PublishOutput{MessageId: aws.String("m")}, nil
}

func (f *topic) client(_ context.Context, region string) (Publisher, error) {
	f.region = region
	return f, nil
}

// state is what subscribers know, who see one message a command id.
func (f *topic) state() any {
	seen := map[string]bool{}
	for _, in := range f.got {
		seen[aws.ToString(in.MessageDeduplicationId)+aws.ToString(in.Message)] = true
	}
	return seen
}

func command() schemas.Command {
	return schemas.Command{
		ID: "0123456789abcdef0123456789abcdef", Rule: "iam/admin", RuleTitle: "Jemand wächst über sich hinaus\r\nBcc: all@example.com " + strings.Repeat("x", 200), Lane: schemas.LaneAlert,
		Severity: "critical", Target: schemas.Target{Type: "iam-user", ID: "mallory"}, EventUID: "e-1", EventTime: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		Event: json.RawMessage(`{"class_uid":3004,"api":{"operation":"PutUserPolicy"}}`),
	}
}

func receiver(t *testing.T, f *topic, conf Config) *Receiver {
	t.Helper()
	r, err := New(conf, f.client)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func publish(t *testing.T, r *Receiver) error {
	t.Helper()
	p, err := r.Plan(t.Context(), command())
	if err != nil {
		t.Fatal(err)
	}
	return r.Apply(t.Context(), command(), p)
}

func TestConformance(t *testing.T) {
	for _, conf := range []Config{{TopicARN: topicARN, Format: "text"}, {TopicARN: topicARN + ".fifo", Format: "json"}} {
		t.Run(conf.Format, func(t *testing.T) {
			actiontest.Run(t, func(t *testing.T) actiontest.Subject {
				f := &topic{}
				return actiontest.Subject{Action: receiver(t, f, conf), Command: command(), State: f.state, Stateless: true}
			})
		})
	}
}

func TestText(t *testing.T) {
	f := &topic{}
	if err := publish(t, receiver(t, f, Config{TopicARN: topicARN, Format: "text"})); err != nil {
		t.Fatal(err)
	}
	in := f.got[0]
	if f.region != "eu-central-1" || aws.ToString(in.TopicArn) != topicARN {
		t.Errorf("published to %s in %s", aws.ToString(in.TopicArn), f.region)
	}
	subject := aws.ToString(in.Subject)
	if len(subject) != 100 || !strings.HasPrefix(subject, "[CRITICAL] Jemand w?chst ") || strings.ContainsFunc(subject, func(r rune) bool { return r < ' ' || r > '~' }) {
		t.Errorf("subject %q: 100 ASCII characters expected", subject)
	}
	if m := aws.ToString(in.Message); !strings.Contains(m, "PutUserPolicy") || !strings.Contains(m, command().ID) || strings.Contains(m, "\r") {
		t.Errorf("message %q", m)
	}
	for name, want := range map[string]string{"severity": "critical", "rule": "iam/admin", "lane": "alert"} {
		if a := in.MessageAttributes[name]; aws.ToString(a.StringValue) != want || aws.ToString(a.DataType) != "String" {
			t.Errorf("attribute %s = %v, want %s", name, aws.ToString(a.StringValue), want)
		}
	}
	if in.MessageDeduplicationId != nil || in.MessageGroupId != nil {
		t.Error("a standard topic takes no deduplication id and no group")
	}
}

func TestFIFO(t *testing.T) {
	f := &topic{}
	if err := publish(t, receiver(t, f, Config{TopicARN: topicARN + ".fifo", Format: "json"})); err != nil {
		t.Fatal(err)
	}
	in := f.got[0]
	if aws.ToString(in.MessageDeduplicationId) != command().ID || aws.ToString(in.MessageGroupId) != "iam/admin" {
		t.Errorf("deduplication %s, group %s", aws.ToString(in.MessageDeduplicationId), aws.ToString(in.MessageGroupId))
	}
	var n map[string]any
	if err := json.Unmarshal([]byte(aws.ToString(in.Message)), &n); err != nil || n["severity"] != "critical" {
		t.Errorf("message %s (%v)", aws.ToString(in.Message), err)
	}
}

func TestErrors(t *testing.T) {
	for code, permanent := range map[string]bool{"AuthorizationError": true, "NotFound": true, "Throttling": false, "InternalError": false} {
		f := &topic{err: &smithy.GenericAPIError{Code: code, Message: "m"}}
		err := publish(t, receiver(t, f, Config{TopicARN: topicARN, Format: "text"}))
		if err == nil || fault.IsPermanent(err) != permanent {
			t.Errorf("%s: %v, permanent %t expected", code, err, permanent)
		}
	}
	r := receiver(t, &topic{}, Config{TopicARN: topicARN, Format: "text"})
	for _, p := range []schemas.Plan{{}, {Calls: []schemas.Call{{}}}} {
		if err := r.Apply(t.Context(), command(), p); !fault.IsPermanent(err) {
			t.Errorf("plan %+v: %v", p, err)
		}
	}
}

func TestGroup(t *testing.T) {
	for rule, want := range map[string]string{"": "riposte", "a b\u00e9": "a_b_", strings.Repeat("r", 200): strings.Repeat("r", 128)} {
		if got := group(rule); got != want {
			t.Errorf("group(%q) = %q, want %q", rule, got, want)
		}
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []struct {
		arn, format string
		ok          bool
	}{
		{topicARN, "text", true},
		{"arn:aws-us-gov:sns:us-gov-west-1:111122223333:alerts.fifo", "json", true},
		{"", "text", false},
		{"alerts", "text", false},
		{"arn:aws:sqs:eu-central-1:111122223333:alerts", "text", false},
		{"arn:aws:sns::111122223333:alerts", "text", false},
		{topicARN + ":3f2a", "text", false}, // a subscription
		{topicARN, "html", false},
	} {
		if _, err := New(Config{TopicARN: c.arn, Format: c.format}, nil); c.ok != (err == nil) {
			t.Errorf("topic_arn %q, format %q: %v", c.arn, c.format, err)
		}
	}
}
