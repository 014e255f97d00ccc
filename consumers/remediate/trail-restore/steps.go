package trailrestore

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/riposte-security/riposte/schemas"
)

// A step is one call on the way from one state to another.
type step struct {
	what string // for people
	call schemas.Call
	do   func(context.Context, API) error
}

func stepsOf(name string, from, to state) (steps []step) {
	add := func(what, operation string, params map[string]any, do func(context.Context, API) error) {
		params["Name"] = name
		steps = append(steps, step{what, schemas.Call{Service: "cloudtrail", Operation: operation, Params: params}, do})
	}
	switch differs := differences(from.Trail, to.Trail); {
	case !from.Exists:
		add("make it again", "CreateTrail", map[string]any{"Settings": to.Trail, "Tags": to.Tags}, func(ctx context.Context, api API) error {
			_, err := api.CreateTrail(ctx, createInput(name, to))
			return err
		})
	case len(differs) > 0:
		add("set "+strings.Join(differs, " and ")+" back", "UpdateTrail", map[string]any{"Settings": to.Trail}, func(ctx context.Context, api API) error {
			_, err := api.UpdateTrail(ctx, updateInput(name, from.Trail, to.Trail))
			return err
		})
	}
	if !from.Exists || !from.Selectors.same(to.Selectors) {
		add("set its selectors", "PutEventSelectors", map[string]any{"Selectors": to.Selectors}, func(ctx context.Context, api API) error {
			_, err := api.PutEventSelectors(ctx, &cloudtrail.PutEventSelectorsInput{TrailName: &name, EventSelectors: to.Selectors.Basic, AdvancedEventSelectors: to.Selectors.Advanced})
			return err
		})
	}
	if !from.Logging && to.Logging {
		add("start logging", "StartLogging", map[string]any{}, func(ctx context.Context, api API) error {
			_, err := api.StartLogging(ctx, &cloudtrail.StartLoggingInput{Name: &name})
			return err
		})
	}
	return steps
}

// differences names the settings that differ, for people.
func differences(a, b settings) (names []string) {
	for _, d := range []struct {
		name string
		is   bool
	}{
		{"bucket", a.Bucket != b.Bucket || a.Prefix != b.Prefix}, {"topic", a.Topic != b.Topic}, {"global services", a.Global != b.Global},
		{"multi-region", a.MultiRegion != b.MultiRegion}, {"organisation", a.Organization != b.Organization}, {"log file validation", a.Validation != b.Validation},
		{"KMS key", a.Key != b.Key}, {"log group", a.LogGroup != b.LogGroup || a.LogRole != b.LogRole},
	} {
		if d.is {
			names = append(names, d.name)
		}
	}
	return names
}

func createInput(name string, to state) *cloudtrail.CreateTrailInput {
	t := to.Trail
	in := &cloudtrail.CreateTrailInput{
		Name: &name, S3BucketName: &t.Bucket, S3KeyPrefix: given(t.Prefix), SnsTopicName: given(t.Topic), IncludeGlobalServiceEvents: &t.Global, IsMultiRegionTrail: &t.MultiRegion,
		EnableLogFileValidation: &t.Validation, KmsKeyId: given(t.Key), CloudWatchLogsLogGroupArn: given(t.LogGroup), CloudWatchLogsRoleArn: given(t.LogRole),
	}
	if t.Organization {
		in.IsOrganizationTrail = &t.Organization
	}
	for _, k := range slices.Sorted(maps.Keys(to.Tags)) {
		in.TagsList = append(in.TagsList, types.Tag{Key: aws.String(k), Value: aws.String(to.Tags[k])})
	}
	return in
}

// updateInput names what differs. An empty text takes a setting away.
func updateInput(name string, from, to settings) *cloudtrail.UpdateTrailInput {
	in := &cloudtrail.UpdateTrailInput{Name: &name}
	text := func(field **string, from, to string) {
		if from != to {
			*field = &to
		}
	}
	flag := func(field **bool, from, to bool) {
		if from != to {
			*field = &to
		}
	}
	text(&in.S3BucketName, from.Bucket, to.Bucket)
	text(&in.S3KeyPrefix, from.Prefix, to.Prefix)
	text(&in.SnsTopicName, from.Topic, to.Topic)
	text(&in.KmsKeyId, from.Key, to.Key)
	if from.LogGroup != to.LogGroup || from.LogRole != to.LogRole { // they go together
		in.CloudWatchLogsLogGroupArn, in.CloudWatchLogsRoleArn = &to.LogGroup, &to.LogRole
	}
	flag(&in.IncludeGlobalServiceEvents, from.Global, to.Global)
	flag(&in.IsMultiRegionTrail, from.MultiRegion, to.MultiRegion)
	flag(&in.IsOrganizationTrail, from.Organization, to.Organization)
	flag(&in.EnableLogFileValidation, from.Validation, to.Validation)
	return in
}

func given(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
