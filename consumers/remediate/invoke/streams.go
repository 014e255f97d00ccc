package invoke

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/firehose"
	fhtypes "github.com/aws/aws-sdk-go-v2/service/firehose/types"
	"github.com/aws/aws-sdk-go-v2/service/kinesis"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

type streamSettings struct {
	input
	Stream string `json:"stream"`
	Key    string `json:"key"`
}

func (s streamSettings) check() error {
	if s.Stream == "" {
		return errors.New("with.stream is empty")
	}
	return nil
}

func toKinesis() Target {
	return row[streamSettings, kinesis.PutRecordInput, *kinesis.Client]{
		service: "kinesis", operation: "PutRecord",
		client: func(ctx context.Context, c *cloud.Clients, account, region string) (*kinesis.Client, error) {
			return c.Kinesis(ctx, account, region)
		},
		at: func(s streamSettings) string { return s.Stream },
		build: func(cmd schemas.Command, s streamSettings) (kinesis.PutRecordInput, []byte, string, error) {
			in := kinesis.PutRecordInput{StreamName: aws.String(lastOf(s.Stream)), PartitionKey: aws.String(s.Key)}
			if s.Key == "" {
				in.PartitionKey = aws.String(clip(cmd.Target.Key(), 250))
			}
			body, err := s.body(cmd, 1<<20)
			return in, body, "put a record into stream " + s.Stream, errors.Join(s.check(), err)
		},
		bodyAs: "Data",
		attach: func(in *kinesis.PutRecordInput, body []byte) { in.Data = body },
		send: func(ctx context.Context, api *kinesis.Client, in kinesis.PutRecordInput) (schemas.Run, error) {
			out, err := api.PutRecord(ctx, &in)
			if err != nil {
				return schemas.Run{}, err
			}
			return schemas.Run{Ref: aws.ToString(out.ShardId) + "/" + aws.ToString(out.SequenceNumber)}, nil
		},
	}.target(spec("kinesis", "Puts a record into an Amazon Kinesis data stream. Kinesis knows no repeats: a call whose answer was lost is made again.",
		[]string{"kinesis:PutRecord"},
		append([]schemas.Setting{
			{Name: "stream", Type: "string", Required: true, Help: "name or ARN"},
			{Name: "key", Type: "string", Help: "partition key; by default the target"},
		}, inputSettings(true)...)...))
}

func toFirehose() Target {
	return row[streamSettings, firehose.PutRecordInput, *firehose.Client]{
		service: "firehose", operation: "PutRecord",
		client: func(ctx context.Context, c *cloud.Clients, account, region string) (*firehose.Client, error) {
			return cloud.For(ctx, c, account, region, func(conf aws.Config) *firehose.Client { return firehose.NewFromConfig(conf) })
		},
		at: func(s streamSettings) string { return s.Stream },
		build: func(cmd schemas.Command, s streamSettings) (firehose.PutRecordInput, []byte, string, error) {
			in := firehose.PutRecordInput{DeliveryStreamName: aws.String(lastOf(s.Stream))}
			body, err := s.body(cmd, 1000*kib-1)
			return in, append(body, '\n'), "put a record into delivery stream " + s.Stream, errors.Join(s.check(), err)
		},
		bodyAs: "Data",
		attach: func(in *firehose.PutRecordInput, body []byte) { in.Record = &fhtypes.Record{Data: body} },
		send: func(ctx context.Context, api *firehose.Client, in firehose.PutRecordInput) (schemas.Run, error) {
			out, err := api.PutRecord(ctx, &in)
			if err != nil {
				return schemas.Run{}, err
			}
			return schemas.Run{Ref: aws.ToString(out.RecordId)}, nil
		},
	}.target(spec("firehose", "Puts a record, which is one line, into an Amazon Data Firehose stream. Firehose knows no repeats: a call whose answer was lost is made again.",
		[]string{"firehose:PutRecord"},
		append([]schemas.Setting{{Name: "stream", Type: "string", Required: true, Help: "name or ARN"}}, inputSettings(true)...)...))
}

type logsSettings struct {
	input
	Group  string `json:"log_group"`
	Stream string `json:"log_stream"`
}

func toLogs() Target {
	return row[logsSettings, cloudwatchlogs.PutLogEventsInput, *cloudwatchlogs.Client]{
		service: "logs", operation: "PutLogEvents",
		client: func(ctx context.Context, c *cloud.Clients, account, region string) (*cloudwatchlogs.Client, error) {
			return c.CloudWatchLogs(ctx, account, region)
		},
		at: func(s logsSettings) string { return s.Group },
		build: func(cmd schemas.Command, s logsSettings) (cloudwatchlogs.PutLogEventsInput, []byte, string, error) {
			group, stream := s.Group, s.Stream
			if a, err := arn.Parse(s.Group); err == nil {
				group = strings.TrimSuffix(strings.TrimPrefix(a.Resource, "log-group:"), ":*")
			}
			if stream == "" {
				stream = "riposte"
			}
			in := cloudwatchlogs.PutLogEventsInput{
				LogGroupName: aws.String(group), LogStreamName: aws.String(stream),
				LogEvents: []logstypes.InputLogEvent{{Timestamp: aws.Int64(cmd.Created.UnixMilli())}},
			}
			if group == "" {
				return in, nil, "", errors.New("with.log_group is empty")
			}
			body, err := s.body(cmd, mostMessage-26) // what CloudWatch Logs counts for each
			return in, body, "write to log group " + group + ", stream " + stream + " (which is created if it does not exist)", err
		},
		bodyAs: "Message",
		attach: func(in *cloudwatchlogs.PutLogEventsInput, body []byte) {
			if len(in.LogEvents) == 1 {
				in.LogEvents[0].Message = aws.String(string(body))
			}
		},
		send: putLog,
	}.target(spec("cloudwatch-logs", "Writes a line to a CloudWatch Logs log group. CloudWatch Logs knows no repeats: a call whose answer was lost is made again, with the same time.",
		[]string{"logs:CreateLogStream", "logs:PutLogEvents"},
		append([]schemas.Setting{
			{Name: "log_group", Type: "string", Required: true, Help: "name or ARN"},
			{Name: "log_stream", Type: "string", Default: "riposte", Help: "name; it is created if it does not exist"},
		}, inputSettings(true)...)...))
}

func putLog(ctx context.Context, api *cloudwatchlogs.Client, in cloudwatchlogs.PutLogEventsInput) (schemas.Run, error) {
	out, err := api.PutLogEvents(ctx, &in)
	if cloud.Missing(err) {
		_, made := api.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: in.LogGroupName, LogStreamName: in.LogStreamName})
		if made != nil && cloud.Code(made) != "ResourceAlreadyExistsException" {
			return schemas.Run{}, made
		}
		out, err = api.PutLogEvents(ctx, &in)
	}
	if err != nil {
		return schemas.Run{}, err
	}
	if r := out.RejectedLogEventsInfo; r != nil && (r.ExpiredLogEventEndIndex != nil || r.TooOldLogEventEndIndex != nil || r.TooNewLogEventStartIndex != nil) {
		return schemas.Run{}, fault.Permanent(errors.New("CloudWatch Logs rejected the line: it is too old, or too new"))
	}
	return schemas.Run{Ref: aws.ToString(in.LogGroupName) + "/" + aws.ToString(in.LogStreamName)}, nil
}

type busSettings struct {
	input
	Bus        string `json:"bus"`
	Source     string `json:"source"`
	DetailType string `json:"detail_type"`
}

func toEventBridge() Target {
	return row[busSettings, eventbridge.PutEventsInput, *eventbridge.Client]{
		service: "eventbridge", operation: "PutEvents",
		client: func(ctx context.Context, c *cloud.Clients, account, region string) (*eventbridge.Client, error) {
			return cloud.For(ctx, c, account, region, func(conf aws.Config) *eventbridge.Client { return eventbridge.NewFromConfig(conf) })
		},
		at: func(s busSettings) string { return s.Bus },
		build: func(cmd schemas.Command, s busSettings) (eventbridge.PutEventsInput, []byte, string, error) {
			bus, source, kind := orElse(s.Bus, "default"), orElse(s.Source, "riposte"), orElse(s.DetailType, cmd.Rule)
			entry := ebtypes.PutEventsRequestEntry{EventBusName: aws.String(bus), Source: aws.String(source), DetailType: aws.String(clip(kind, 120))}
			if strings.HasPrefix(cmd.Target.ID, "arn:") {
				entry.Resources = []string{cmd.Target.ID}
			}
			in := eventbridge.PutEventsInput{Entries: []ebtypes.PutEventsRequestEntry{entry}}
			if s.Message != "" {
				return in, nil, "", errors.New("with.message: an event has JSON as its detail; use input")
			}
			if strings.HasPrefix(source, "aws.") {
				return in, nil, "", errors.New("with.source: those that begin with aws. are AWS's")
			}
			body, err := s.body(cmd, mostMessage-kib)
			return in, body, "put an event on bus " + bus, err
		},
		bodyAs: "Detail",
		attach: func(in *eventbridge.PutEventsInput, body []byte) {
			if len(in.Entries) == 1 {
				in.Entries[0].Detail = aws.String(string(body))
			}
		},
		send: func(ctx context.Context, api *eventbridge.Client, in eventbridge.PutEventsInput) (schemas.Run, error) {
			out, err := api.PutEvents(ctx, &in)
			if err != nil {
				return schemas.Run{}, err
			}
			if len(out.Entries) != 1 || out.FailedEntryCount > 0 {
				why := "no entry in the answer"
				if len(out.Entries) > 0 {
					why = aws.ToString(out.Entries[0].ErrorCode) + ": " + aws.ToString(out.Entries[0].ErrorMessage)
				}
				return schemas.Run{}, fmt.Errorf("EventBridge PutEvents: %s", clip(why, kib))
			}
			return schemas.Run{Ref: aws.ToString(out.Entries[0].EventId)}, nil
		},
	}.target(spec("eventbridge", "Puts an event on an Amazon EventBridge bus. EventBridge knows no repeats: a call whose answer was lost is made again.",
		[]string{"events:PutEvents"},
		append([]schemas.Setting{
			{Name: "bus", Type: "string", Default: "default", Help: "name or ARN"},
			{Name: "source", Type: "string", Default: "riposte", Help: "source of the event"},
			{Name: "detail_type", Type: "string", Help: "its detail-type; by default the rule's id"},
		}, inputSettings(false)...)...))
}

// lastOf is the name in an ARN, which comes after its last slash; a name is itself.
func lastOf(name string) string {
	if a, err := arn.Parse(name); err == nil {
		return a.Resource[strings.LastIndexAny(a.Resource, "/:")+1:]
	}
	return name
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
