package trailrestore

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	configtypes "github.com/aws/aws-sdk-go-v2/service/configservice/types"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/actiontest"
	"github.com/riposte-security/riposte/consumers/remediate/confighistory"
	"github.com/riposte-security/riposte/consumers/remediate/confighistory/historytest"
	"github.com/riposte-security/riposte/internal/cloud/cloudtest"
	"github.com/riposte-security/riposte/schemas"
)

func eventTime() time.Time { return time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC) }

// fake is one trail, and what AWS Config has recorded of it.
type fake struct {
	now     state
	tags    map[string]string
	history historytest.History
}

func (f *fake) deps() Deps {
	return Deps{
		Now:        func() time.Time { return eventTime().Add(time.Hour) },
		CloudTrail: func(context.Context, string, string) (API, error) { return f, nil },
		Config:     func(context.Context, string, string) (confighistory.API, error) { return &f.history, nil },
	}
}

func (f *fake) state() any { return map[string]any{"trail": f.now, "tags": f.tags} }

func (f *fake) missing(op string) error {
	if f.now.Exists {
		return nil
	}
	return cloudtest.Error("CloudTrail", op, "TrailNotFoundException", 400)
}

func (f *fake) GetTrail(context.Context, *cloudtrail.GetTrailInput, ...func(*cloudtrail.Options)) (*cloudtrail.GetTrailOutput, error) {
	t := f.now.Trail
	return &cloudtrail.GetTrailOutput{Trail: &types.Trail{S3BucketName: &t.Bucket, S3KeyPrefix: &t.Prefix, SnsTopicARN: &t.Topic, IncludeGlobalServiceEvents: &t.Global,
		IsMultiRegionTrail: &t.MultiRegion, IsOrganizationTrail: &t.Organization, LogFileValidationEnabled: &t.Validation, KmsKeyId: &t.Key, CloudWatchLogsLogGroupArn: &t.LogGroup,
		CloudWatchLogsRoleArn: &t.LogRole}}, f.missing("GetTrail")
}

func (f *fake) GetTrailStatus(context.Context, *cloudtrail.GetTrailStatusInput, ...func(*cloudtrail.Options)) (*cloudtrail.GetTrailStatusOutput, error) {
	return &cloudtrail.GetTrailStatusOutput{IsLogging: aws.Bool(f.now.Logging)}, f.missing("GetTrailStatus")
}

func (f *fake) GetEventSelectors(context.Context, *cloudtrail.GetEventSelectorsInput, ...func(*cloudtrail.Options)) (*cloudtrail.GetEventSelectorsOutput, error) {
	return &cloudtrail.GetEventSelectorsOutput{EventSelectors: f.now.Selectors.Basic, AdvancedEventSelectors: f.now.Selectors.Advanced}, f.missing("GetEventSelectors")
}

func (f *fake) CreateTrail(_ context.Context, in *cloudtrail.CreateTrailInput, _ ...func(*cloudtrail.Options)) (*cloudtrail.CreateTrailOutput, error) {
	f.now = state{Exists: true, Trail: settings{aws.ToString(in.S3BucketName), aws.ToString(in.S3KeyPrefix), aws.ToString(in.SnsTopicName), aws.ToBool(in.IncludeGlobalServiceEvents),
		aws.ToBool(in.IsMultiRegionTrail), aws.ToBool(in.IsOrganizationTrail), aws.ToBool(in.EnableLogFileValidation), aws.ToString(in.KmsKeyId), aws.ToString(in.CloudWatchLogsLogGroupArn),
		aws.ToString(in.CloudWatchLogsRoleArn)}}
	f.tags = map[string]string{}
	for _, t := range in.TagsList {
		f.tags[*t.Key] = *t.Value
	}
	return &cloudtrail.CreateTrailOutput{}, nil
}

func (f *fake) UpdateTrail(_ context.Context, in *cloudtrail.UpdateTrailInput, _ ...func(*cloudtrail.Options)) (*cloudtrail.UpdateTrailOutput, error) {
	t := &f.now.Trail
	for field, v := range map[*string]*string{&t.Bucket: in.S3BucketName, &t.Prefix: in.S3KeyPrefix, &t.Topic: in.SnsTopicName, &t.Key: in.KmsKeyId,
		&t.LogGroup: in.CloudWatchLogsLogGroupArn, &t.LogRole: in.CloudWatchLogsRoleArn} {
		if v != nil {
			*field = *v
		}
	}
	for field, v := range map[*bool]*bool{&t.Global: in.IncludeGlobalServiceEvents, &t.MultiRegion: in.IsMultiRegionTrail, &t.Organization: in.IsOrganizationTrail, &t.Validation: in.EnableLogFileValidation} {
		if v != nil {
			*field = *v
		}
	}
	return &cloudtrail.UpdateTrailOutput{}, f.missing("UpdateTrail")
}

func (f *fake) PutEventSelectors(_ context.Context, in *cloudtrail.PutEventSelectorsInput, _ ...func(*cloudtrail.Options)) (*cloudtrail.PutEventSelectorsOutput, error) {
	f.now.Selectors = selectors{in.EventSelectors, in.AdvancedEventSelectors}
	return &cloudtrail.PutEventSelectorsOutput{}, f.missing("PutEventSelectors")
}

func (f *fake) StartLogging(context.Context, *cloudtrail.StartLoggingInput, ...func(*cloudtrail.Options)) (*cloudtrail.StartLoggingOutput, error) {
	f.now.Logging = true
	return &cloudtrail.StartLoggingOutput{}, f.missing("StartLogging")
}

const recordedAs = `{"name":"main","s3BucketName":"audit","s3KeyPrefix":"trail","snsTopicARN":"arn:aws:sns:eu-central-1:123456789012:audit","includeGlobalServiceEvents":true,
 "isMultiRegionTrail":true,"isOrganizationTrail":false,"logFileValidationEnabled":true,"kmsKeyId":"arn:aws:kms:eu-central-1:123456789012:key/k","hasCustomEventSelectors":true}`

func good() state {
	return state{Exists: true, Logging: true, Trail: settings{Bucket: "audit", Prefix: "trail", Topic: "arn:aws:sns:eu-central-1:123456789012:audit", Global: true, MultiRegion: true, Validation: true,
		Key: "arn:aws:kms:eu-central-1:123456789012:key/k"}, Selectors: selectors{Basic: []types.EventSelector{{ReadWriteType: types.ReadWriteTypeAll, IncludeManagementEvents: aws.Bool(true)}}}}
}

func record(conf string) []configtypes.ConfigurationItem {
	i := historytest.Item("arn:aws:cloudtrail:eu-central-1:123456789012:trail/main", eventTime().Add(-time.Hour), conf)
	i.Tags = map[string]string{"owner": "ada"}
	return []configtypes.ConfigurationItem{i}
}

func command(event string, with map[string]any) schemas.Command {
	return schemas.Command{Target: schemas.Target{Type: targetType, Account: "123456789012", Region: "eu-central-1", ID: "main"}, Event: json.RawMessage(event), EventTime: eventTime(), With: with}
}

func called(operation, request string) string {
	return `{"api":{"operation":"` + operation + `","request":{"data":` + request + `}}}`
}

func but(change func(*state)) state {
	s := good()
	change(&s)
	return s
}

func TestContract(t *testing.T) {
	for name, c := range map[string]struct {
		now   state
		event string
		items []configtypes.ConfigurationItem
	}{
		"stopped":    {but(func(s *state) { s.Logging = false }), called("StopLogging", `{"name":"main"}`), nil},
		"deleted":    {state{}, called("DeleteTrail", `{"name":"main"}`), record(recordedAs)},
		"weakened":   {but(func(s *state) { s.Trail = settings{Bucket: "elsewhere"} }), called("UpdateTrail", `{"s3BucketName":"elsewhere"}`), record(recordedAs)},
		"blindfold":  {but(func(s *state) { s.Selectors = selectors{} }), called("PutEventSelectors", `{}`), nil},
		"everything": {state{Exists: true}, called("PutEventSelectors", `{}`), record(recordedAs)},
	} {
		t.Run(name, func(t *testing.T) {
			actiontest.Run(t, func(*testing.T) actiontest.Subject {
				f := &fake{now: c.now}
				f.history.Items = c.items
				return actiontest.Subject{Action: New(f.deps()), Command: command(c.event, nil), State: f.state}
			})
		})
	}
	if _, undoes := New((&fake{}).deps()).(consumers.Undoer); undoes {
		t.Error("an undo would blind the account again")
	}
}

func TestGoal(t *testing.T) {
	for name, c := range map[string]struct {
		now   state
		event string
		items []configtypes.ConfigurationItem
		with  map[string]any
		calls string // or "error"
		says  string
		asks  bool
	}{
		"as it was":              {good(), called("StopLogging", `{}`), record(recordedAs), nil, "", "as it was before, and logs", false},
		"deleted, made again":    {state{}, called("DeleteTrail", `{}`), record(recordedAs), nil, "CreateTrail PutEventSelectors StartLogging", "as AWS Config recorded it at 2026-05-01T11:00:00Z; its selectors were its own", false},
		"deleted, no history":    {state{}, called("DeleteTrail", `{}`), nil, nil, "error", "name a bucket", false},
		"deleted, with a bucket": {state{}, called("DeleteTrail", `{}`), nil, map[string]any{"bucket": "audit"}, "CreateTrail PutEventSelectors StartLogging", "no record", false},
		"switches turned off": {but(func(s *state) { s.Trail.Validation, s.Trail.MultiRegion, s.Trail.Global = false, false, false }),
			called("UpdateTrail", `{"enableLogFileValidation":false,"isMultiRegionTrail":false}`), nil, nil, "UpdateTrail", "set global services and multi-region and log file validation back, by the record", false},
		"a switch and a text": {but(func(s *state) { s.Trail.Validation = false }), called("UpdateTrail", `{"enableLogFileValidation":false,"kmsKeyId":""}`), nil, nil, "UpdateTrail", "validation", true},
		"turned on since":     {good(), called("StopLogging", `{}`), record(strings.Replace(recordedAs, `"logFileValidationEnabled":true`, `"logFileValidationEnabled":false`, 1)), nil, "", "as it was", false},
		"a text":              {good(), called("UpdateTrail", `{"kmsKeyId":""}`), nil, nil, "error", "kmsKeyId", false},
		"a switch turned on":  {good(), called("UpdateTrail", `{"enableLogFileValidation":true}`), nil, nil, "", "as it was", false},
		"only writes are logged": {but(func(s *state) { s.Selectors.Basic[0].ReadWriteType = types.ReadWriteTypeWriteOnly }), called("PutEventSelectors", `{}`), nil, nil,
			"PutEventSelectors", "set its selectors", true},
		"advanced selectors for all of management": {but(func(s *state) {
			s.Selectors = selectors{Advanced: []types.AdvancedEventSelector{{FieldSelectors: []types.AdvancedFieldSelector{{Field: aws.String("eventCategory"), Equals: []string{"Management"}}}}}}
		}), called("PutEventSelectors", `{}`), nil, nil, "", "as it was", false},
		"a configuration of something else": {good(), `{}`, record(`{}`), nil, "error", "not that of a trail", false},
		"a setting that is none":            {good(), `{}`, nil, map[string]any{"buckets": "x"}, "error", "buckets", false},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{now: c.now}
			f.history.Items = c.items
			historytest.Plan(t, New(f.deps()), command(c.event, c.with), c.calls, c.says, c.asks)
		})
	}
}

// Where AWS Config's answer cannot be read, the plan says so.
func TestUnreadable(t *testing.T) {
	f := &fake{}
	f.history.Err = historytest.Unreadable()
	const says = "AWS Config's answer could not be read"
	historytest.Plan(t, New(f.deps()), command(called("DeleteTrail", `{}`), nil), "error", says, false)
	historytest.Plan(t, New(f.deps()), command(called("DeleteTrail", `{}`), map[string]any{"bucket": "audit"}), "CreateTrail PutEventSelectors StartLogging", says, false)
}

func TestCanonical(t *testing.T) {
	for raw, key := range map[string]string{
		"main": "cloudtrail-trail:111122223333:eu-west-1:main",
		"arn:aws:cloudtrail:eu-central-1:123456789012:trail/org.main_1": "cloudtrail-trail:123456789012:eu-central-1:org.main_1",
		"arn:aws:s3:::trail": "", "-x-": "", "a": "", "arn:aws:cloudtrail:eu-central-1:123456789012:eventdatastore/x": "",
	} {
		got, err := canonical(raw, "111122223333", "eu-west-1")
		if (err == nil) != (key != "") || err == nil && got.Key() != key {
			t.Errorf("%q: %+v, %v", raw, got, err)
		}
	}
}
