// Package trailrestore brings back a CloudTrail trail that was deleted, stopped or weakened.
package trailrestore

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/consumers/remediate/confighistory"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/schemas"
)

const within = time.Minute

// API is what the action needs of CloudTrail.
type API interface {
	GetTrail(context.Context, *cloudtrail.GetTrailInput, ...func(*cloudtrail.Options)) (*cloudtrail.GetTrailOutput, error)
	GetTrailStatus(context.Context, *cloudtrail.GetTrailStatusInput, ...func(*cloudtrail.Options)) (*cloudtrail.GetTrailStatusOutput, error)
	GetEventSelectors(context.Context, *cloudtrail.GetEventSelectorsInput, ...func(*cloudtrail.Options)) (*cloudtrail.GetEventSelectorsOutput, error)
	CreateTrail(context.Context, *cloudtrail.CreateTrailInput, ...func(*cloudtrail.Options)) (*cloudtrail.CreateTrailOutput, error)
	UpdateTrail(context.Context, *cloudtrail.UpdateTrailInput, ...func(*cloudtrail.Options)) (*cloudtrail.UpdateTrailOutput, error)
	PutEventSelectors(context.Context, *cloudtrail.PutEventSelectorsInput, ...func(*cloudtrail.Options)) (*cloudtrail.PutEventSelectorsOutput, error)
	StartLogging(context.Context, *cloudtrail.StartLoggingInput, ...func(*cloudtrail.Options)) (*cloudtrail.StartLoggingOutput, error)
}

// Deps is what the action is made of.
type Deps struct {
	CloudTrail func(ctx context.Context, account, region string) (API, error)
	Config     func(ctx context.Context, account, region string) (confighistory.API, error)
	Now        func() time.Time
}

// state is a trail with all that the action restores.
type state struct {
	Exists    bool      `json:"exists"`
	Logging   bool      `json:"logging"`
	Trail     settings  `json:"trail"`
	Selectors selectors `json:"selectors"`
	// Tags are those that the trail is made with, where it has to be made.
	Tags map[string]string `json:"tags,omitempty"`

	goal *goal // while planning
}

// settings are those of a trail, apart from its selectors.
type settings struct {
	Bucket       string `json:"bucket,omitempty"`
	Prefix       string `json:"prefix,omitempty"`
	Topic        string `json:"topic,omitempty"` // ARN
	Global       bool   `json:"global"`
	MultiRegion  bool   `json:"multi_region"`
	Organization bool   `json:"organization"`
	Validation   bool   `json:"validation"`
	Key          string `json:"kms_key,omitempty"`
	LogGroup     string `json:"log_group,omitempty"`
	LogRole      string `json:"log_role,omitempty"`
}

// selectors say which events a trail takes: in one of two forms.
type selectors struct {
	Basic    []types.EventSelector         `json:"basic,omitempty"`
	Advanced []types.AdvancedEventSelector `json:"advanced,omitempty"`
}

func (s selectors) same(o selectors) bool {
	a, err := json.Marshal(s)
	b, err2 := json.Marshal(o)
	return err == nil && err2 == nil && bytes.Equal(a, b)
}

// OnAWS makes the action with real clients.
func OnAWS(c *cloud.Clients, now func() time.Time) consumers.Action {
	return New(Deps{
		Now: now,
		CloudTrail: func(ctx context.Context, account, region string) (API, error) {
			return c.CloudTrail(ctx, account, region)
		},
		Config: func(ctx context.Context, account, region string) (confighistory.API, error) {
			return c.ConfigService(ctx, account, region)
		},
	})
}

// New makes the action. It has no undo: that would blind the account again, by permissions that are worth stealing.
func New(d Deps) consumers.Action {
	r := restorer{d}
	return struct{ consumers.Action }{attribute.New(attribute.Row[state]{
		Noun:    func(cmd schemas.Command) string { return "trail " + cmd.Target.ID },
		Read:    r.read,
		Want:    want,
		Write:   r.write,
		Same:    same,
		Between: between,
		Now:     d.Now,
		Within:  within,
	})}
}

func same(a, b state) bool {
	return a.Exists == b.Exists && a.Logging == b.Logging && a.Trail == b.Trail && a.Selectors.same(b.Selectors)
}

// between: each call of Write changes one of these.
func between(current, before, after state) bool {
	return current.Exists == after.Exists && (current.Logging == before.Logging || current.Logging == after.Logging) &&
		(current.Trail == before.Trail || current.Trail == after.Trail) &&
		(!before.Exists || current.Selectors.same(before.Selectors) || current.Selectors.same(after.Selectors))
}

type restorer struct{ Deps }

func (r restorer) read(ctx context.Context, cmd schemas.Command, like *state) (state, error) {
	api, err := r.CloudTrail(ctx, cmd.Target.Account, cmd.Target.Region)
	if err != nil {
		return state{}, err
	}
	s, err := readTrail(ctx, api, cmd.Target.ID)
	if err != nil || like != nil {
		return s, err
	}
	s.goal, err = r.goalOf(ctx, cmd, s)
	return s, err
}

// readTrail reads a trail. That there is none is an answer.
func readTrail(ctx context.Context, api API, name string) (state, error) {
	out, err := api.GetTrail(ctx, &cloudtrail.GetTrailInput{Name: &name})
	if cloud.Code(err) == "TrailNotFoundException" {
		return state{}, nil
	}
	if err != nil {
		return state{}, cloud.Classify(err)
	}
	s := state{Exists: true}
	if t := out.Trail; t != nil {
		s.Trail = settings{
			Bucket: aws.ToString(t.S3BucketName), Prefix: aws.ToString(t.S3KeyPrefix), Topic: aws.ToString(t.SnsTopicARN), Global: aws.ToBool(t.IncludeGlobalServiceEvents),
			MultiRegion: aws.ToBool(t.IsMultiRegionTrail), Organization: aws.ToBool(t.IsOrganizationTrail), Validation: aws.ToBool(t.LogFileValidationEnabled),
			Key: aws.ToString(t.KmsKeyId), LogGroup: aws.ToString(t.CloudWatchLogsLogGroupArn), LogRole: aws.ToString(t.CloudWatchLogsRoleArn),
		}
	}
	status, err := api.GetTrailStatus(ctx, &cloudtrail.GetTrailStatusInput{Name: &name})
	if err != nil {
		return state{}, cloud.Classify(err)
	}
	s.Logging = aws.ToBool(status.IsLogging)
	sel, err := api.GetEventSelectors(ctx, &cloudtrail.GetEventSelectorsInput{TrailName: &name})
	if err != nil {
		return state{}, cloud.Classify(err)
	}
	s.Selectors = selectors{sel.EventSelectors, sel.AdvancedEventSelectors}
	return s, nil
}

func want(cmd schemas.Command, current state) (attribute.Change[state], error) {
	c := attribute.Change[state]{Before: current, After: current}
	g := current.goal
	c.After.Exists, c.After.Logging, c.After.Trail, c.After.Tags = true, true, g.trail, g.tags
	if g.selectors != nil {
		c.After.Selectors = *g.selectors
	}
	var what []string
	for _, step := range stepsOf(cmd.Target.ID, current, c.After) {
		c.Calls = append(c.Calls, step.call)
		what = append(what, step.what)
	}
	if len(what) == 0 {
		c.Summary = "trail " + cmd.Target.ID + " is as it was before, and logs"
		return c, nil
	}
	c.Summary = "trail " + cmd.Target.ID + ": " + strings.Join(what, ", ") + g.from
	c.Approval = g.approval
	return c, nil
}

func (r restorer) write(ctx context.Context, cmd schemas.Command, from, to state) error {
	api, err := r.CloudTrail(ctx, cmd.Target.Account, cmd.Target.Region)
	if err != nil {
		return err
	}
	for _, step := range stepsOf(cmd.Target.ID, from, to) {
		if err := step.do(ctx, api); err != nil {
			return cloud.Classify(err)
		}
	}
	return nil
}
