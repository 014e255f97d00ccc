package invoke

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	snstypes "github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/schemas"
)

const (
	mostMessage = 256 * kib
	// attribute under which the command's id travels, for receivers that have to recognise a repeat.
	commandAttribute = "riposte_command"
)

type snsSettings struct {
	input
	Topic   string `json:"topic"`
	Subject string `json:"subject"`
}

func toSNS() Target {
	return row[snsSettings, sns.PublishInput, *sns.Client]{
		service: "sns", operation: "Publish",
		client: func(ctx context.Context, c *cloud.Clients, account, region string) (*sns.Client, error) {
			return c.SNS(ctx, account, region)
		},
		at: func(s snsSettings) string { return s.Topic },
		build: func(cmd schemas.Command, s snsSettings) (sns.PublishInput, []byte, string, error) {
			in := sns.PublishInput{TopicArn: aws.String(s.Topic)}
			if a, err := arn.Parse(s.Topic); err != nil || a.Service != "sns" {
				return in, nil, "", fmt.Errorf("with.topic %q: the ARN of a topic expected", clip(s.Topic, 100))
			}
			if s.Subject != "" {
				in.Subject = aws.String(s.Subject)
			}
			in.MessageAttributes = map[string]snstypes.MessageAttributeValue{
				commandAttribute: {DataType: aws.String("String"), StringValue: aws.String(cmd.ID)},
			}
			if strings.HasSuffix(s.Topic, fifo) {
				in.MessageDeduplicationId, in.MessageGroupId = aws.String(cmd.ID), aws.String(group(cmd))
			}
			body, err := s.body(cmd, mostMessage)
			return in, body, "publish to " + s.Topic, err
		},
		bodyAs: "Message",
		attach: func(in *sns.PublishInput, body []byte) { in.Message = aws.String(string(body)) },
		send: func(ctx context.Context, api *sns.Client, in sns.PublishInput) (schemas.Run, error) {
			out, err := api.Publish(ctx, &in)
			if err != nil {
				return schemas.Run{}, err
			}
			return schemas.Run{Ref: aws.ToString(out.MessageId)}, nil
		},
	}.target(spec("sns", "Publishes a message to an Amazon SNS topic. A FIFO topic takes the command's id as deduplication id; it is also the message attribute "+commandAttribute+".",
		[]string{"sns:Publish"},
		append([]schemas.Setting{
			{Name: "topic", Type: "string", Required: true, Help: "ARN of the topic"},
			{Name: "subject", Type: "string", Help: "subject of e-mails, 100 ASCII characters"},
		}, inputSettings(true)...)...))
}

type sqsSettings struct {
	input
	Queue string `json:"queue"`
}

func toSQS() Target {
	return row[sqsSettings, sqs.SendMessageInput, *sqs.Client]{
		service: "sqs", operation: "SendMessage",
		client: func(ctx context.Context, c *cloud.Clients, account, region string) (*sqs.Client, error) {
			return c.SQS(ctx, account, region)
		},
		at: func(s sqsSettings) string { return queueARN(s.Queue) },
		build: func(cmd schemas.Command, s sqsSettings) (sqs.SendMessageInput, []byte, string, error) {
			in := sqs.SendMessageInput{QueueUrl: aws.String(s.Queue)}
			if u, err := url.Parse(s.Queue); err != nil || u.Host == "" || strings.Count(u.Path, "/") != 2 {
				return in, nil, "", fmt.Errorf("with.queue %q: the URL of a queue expected", clip(s.Queue, 100))
			}
			in.MessageAttributes = map[string]sqstypes.MessageAttributeValue{
				commandAttribute: {DataType: aws.String("String"), StringValue: aws.String(cmd.ID)},
			}
			if strings.HasSuffix(s.Queue, fifo) {
				in.MessageDeduplicationId, in.MessageGroupId = aws.String(cmd.ID), aws.String(group(cmd))
			}
			body, err := s.body(cmd, mostMessage)
			if err == nil && len(body) == 0 {
				err = errors.New("with.message is empty")
			}
			return in, body, "send to " + s.Queue, err
		},
		bodyAs: "MessageBody",
		attach: func(in *sqs.SendMessageInput, body []byte) { in.MessageBody = aws.String(string(body)) },
		send: func(ctx context.Context, api *sqs.Client, in sqs.SendMessageInput) (schemas.Run, error) {
			out, err := api.SendMessage(ctx, &in)
			if err != nil {
				return schemas.Run{}, err
			}
			return schemas.Run{Ref: aws.ToString(out.MessageId)}, nil
		},
	}.target(spec("sqs", "Sends a message to an Amazon SQS queue. A FIFO queue takes the command's id as deduplication id; it is also the message attribute "+commandAttribute+".",
		[]string{"sqs:SendMessage"},
		append([]schemas.Setting{{Name: "queue", Type: "string", Required: true, Help: "URL of the queue"}}, inputSettings(true)...)...))
}

// queueARN reads account and region out of a queue's URL, https://sqs.REGION.amazonaws.com/ACCOUNT/NAME, as far as it has them.
func queueARN(queue string) string {
	u, err := url.Parse(queue)
	if err != nil {
		return ""
	}
	account, name, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	region := ""
	if host := strings.Split(u.Hostname(), "."); len(host) > 3 && host[0] == "sqs" && cloud.IsRegion(host[1]) {
		region = host[1]
	}
	return arn.ARN{Partition: "aws", Service: "sqs", Region: region, AccountID: account, Resource: name}.String()
}

const (
	fifo      = ".fifo"
	mostGroup = 128
)

// group keeps what is about one target in order.
func group(cmd schemas.Command) string {
	g := strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '_'
		}
		return r
	}, cmd.Target.Key())
	return g[:min(len(g), mostGroup)]
}
