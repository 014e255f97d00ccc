// Package sns is the receiver that publishes a notification to an Amazon SNS topic, and so to the e-mail addresses, queues and functions that
// subscribe to it.
package sns

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/riposte-security/riposte/consumers/alert"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// Publisher is what the receiver needs of an SNS client.
type Publisher interface {
	Publish(ctx context.Context, in *sns.PublishInput, opts ...func(*sns.Options)) (*sns.PublishOutput, error)
}

const (
	maxSubject = 100 // ASCII characters, as SNS has it
	maxGroup   = 128
)

// Receiver publishes notifications to one topic. It is a consumers.Action. A FIFO topic takes the command's id as deduplication id; a standard
// topic knows no such thing, so there a message whose answer was lost may arrive twice, with the same command id in its text.
type Receiver struct {
	Links alert.Links // set before use; may be nil

	conf   Config
	region string
	client func(ctx context.Context, region string) (Publisher, error)
}

// New checks the configuration and returns a receiver that asks client for a client of the topic's region. It does no I/O.
func New(conf Config, client func(ctx context.Context, region string) (Publisher, error)) (*Receiver, error) {
	if err := conf.Validate(); err != nil {
		return nil, err
	}
	region, err := conf.region()
	if err != nil {
		return nil, err
	}
	return &Receiver{conf: conf, region: region, client: client}, nil
}

// Plan renders the call.
func (r *Receiver) Plan(_ context.Context, cmd schemas.Command) (schemas.Plan, error) {
	n := alert.From(cmd, r.Links)
	message := n.Text()
	if r.conf.Format == formatJSON {
		body, err := n.JSON()
		if err != nil {
			return schemas.Plan{}, fault.Permanent(err)
		}
		message = string(body)
	}
	params := map[string]any{
		"TopicArn":          r.conf.TopicARN,
		"Subject":           n.Subject(maxSubject),
		"Message":           message,
		"MessageAttributes": map[string]any{"severity": n.Severity, "rule": n.Rule, "lane": n.Lane},
	}
	if r.conf.fifo() {
		params["MessageDeduplicationId"] = cmd.ID
		params["MessageGroupId"] = group(cmd.Rule)
	}
	return schemas.Plan{
		Summary: "publish to " + r.conf.TopicARN + ": " + n.Title,
		Calls:   []schemas.Call{{Service: "sns", Operation: "Publish", Params: params}},
	}, nil
}

// Apply publishes what was planned.
func (r *Receiver) Apply(ctx context.Context, _ schemas.Command, p schemas.Plan) error {
	in, err := input(p)
	if err != nil {
		return fault.Permanent(fmt.Errorf("topic %s: %w", r.conf.TopicARN, err))
	}
	client, err := r.client(ctx, r.region)
	if err != nil {
		return fmt.Errorf("topic %s: %w", r.conf.TopicARN, err)
	}
	if _, err := client.Publish(ctx, in); err != nil {
		return fmt.Errorf("topic %s: %w", r.conf.TopicARN, cloud.Classify(err))
	}
	return nil
}

// Verify confirms: Apply has returned only when SNS had taken the message.
func (r *Receiver) Verify(context.Context, schemas.Command, schemas.Plan) (schemas.Outcome, error) {
	return schemas.Outcome{State: schemas.StateVerified, Message: "accepted by " + r.conf.TopicARN}, nil
}

// input reads the call back out of a plan, which may have been in the ledger since.
func input(p schemas.Plan) (*sns.PublishInput, error) {
	if len(p.Calls) != 1 {
		return nil, fmt.Errorf("a plan of one call expected, %d found", len(p.Calls))
	}
	params := p.Calls[0].Params
	in := &sns.PublishInput{MessageAttributes: map[string]types.MessageAttributeValue{}}
	for name, to := range map[string]**string{
		"TopicArn": &in.TopicArn, "Subject": &in.Subject, "Message": &in.Message,
		"MessageDeduplicationId": &in.MessageDeduplicationId, "MessageGroupId": &in.MessageGroupId,
	} {
		if s, ok := params[name].(string); ok {
			*to = aws.String(s)
		}
	}
	if in.TopicArn == nil || in.Message == nil {
		return nil, errors.New("the plan holds no topic or no message")
	}
	attributes, _ := params["MessageAttributes"].(map[string]any)
	for name, v := range attributes {
		if s, ok := v.(string); ok && s != "" { // SNS refuses empty values
			in.MessageAttributes[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(s)}
		}
	}
	return in, nil
}

// group is the message group of a rule: its alerts stay in order. SNS allows ASCII letters, digits and punctuation.
func group(rule string) string {
	g := strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '_'
		}
		return r
	}, rule)
	if g == "" {
		return "riposte"
	}
	return g[:min(len(g), maxGroup)]
}
