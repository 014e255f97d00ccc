package trailrestore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	configtypes "github.com/aws/aws-sdk-go-v2/service/configservice/types"
	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/consumers/remediate/confighistory"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// A goal is what a trail should be like again.
type goal struct {
	trail     settings
	selectors *selectors // nil: as they are
	tags      map[string]string
	from      string // where that is from, for people
	approval  string
}

// configured is the configuration of a trail in AWS Config, which records neither selectors nor whether it logs.
type configured struct {
	Bucket       string `json:"s3BucketName"`
	Prefix       string `json:"s3KeyPrefix"`
	TopicARN     string `json:"snsTopicARN"`
	Topic        string `json:"snsTopicName"`
	Global       bool   `json:"includeGlobalServiceEvents"`
	MultiRegion  bool   `json:"isMultiRegionTrail"`
	Organization bool   `json:"isOrganizationTrail"`
	Validation   bool   `json:"logFileValidationEnabled"`
	Key          string `json:"kmsKeyId"`
	LogGroup     string `json:"cloudWatchLogsLogGroupArn"`
	LogRole      string `json:"cloudWatchLogsRoleArn"`
	Custom       bool   `json:"hasCustomEventSelectors"`
}

// goalOf says what the trail should be like: as AWS Config recorded it before the event, or what the event's own record says that it was.
func (r restorer) goalOf(ctx context.Context, cmd schemas.Command, now state) (*goal, error) {
	var with struct {
		Bucket string `json:"bucket"`
	}
	if err := attribute.Settings(cmd, &with); err != nil {
		return nil, err
	}
	api, err := r.Config(ctx, cmd.Target.Account, cmd.Target.Region)
	if err != nil {
		return nil, err
	}
	var item *confighistory.Item
	unread := ""
	for _, id := range append([]string{cmd.Target.ID}, cloud.ARNs(cmd.Target)...) { // AWS does not say which of them is the id there
		item, err = confighistory.Before(ctx, api, configtypes.ResourceTypeTrail, id, cmd.EventTime)
		if errors.Is(err, confighistory.ErrUnreadable) {
			unread = fmt.Sprintf(" (%v)", err)
		} else if err != nil {
			return nil, err
		}
		if item != nil {
			break
		}
	}
	g := &goal{trail: now.Trail}
	custom := false
	switch {
	case item != nil && !item.Deleted:
		var c configured
		if err := json.Unmarshal(item.Configuration, &c); err != nil || c.Bucket == "" {
			return nil, fault.Permanent(fmt.Errorf("the configuration %s is not that of a trail: %w", item.When(), cmp.Or(err, errors.New("no s3BucketName"))))
		}
		was := now.Trail // a switch that has been turned on since stays on
		g.trail = settings{c.Bucket, c.Prefix, cmp.Or(c.TopicARN, c.Topic), c.Global || was.Global, c.MultiRegion || was.MultiRegion, c.Organization || was.Organization,
			c.Validation || was.Validation, c.Key, c.LogGroup, c.LogRole}
		g.from, custom = ", "+item.When(), c.Custom
		if !now.Exists {
			g.tags = maps.Clone(item.Tags)
		}
	case now.Exists:
		if err := g.byRecord(cmd); err != nil {
			return nil, err
		}
	case with.Bucket != "":
		g.trail = settings{Bucket: with.Bucket, Global: true, MultiRegion: true, Validation: true}
		g.from = " (AWS Config has no record of its settings: those that Security Hub asks for)"
	default:
		return nil, fault.Permanent(errors.New("it does not exist, and AWS Config has no record of its settings" + unread + ": name a bucket to make it anew"))
	}
	g.choose(cmd, now, custom)
	if item == nil {
		g.from += unread
	}
	if g.approval != "" {
		g.approval += unread
	}
	return g, nil
}

// byRecord reverses what the record of an UpdateTrail says. What texts were before, it does not say.
func (g *goal) byRecord(cmd schemas.Command) error {
	ev := gjson.ParseBytes(cmd.Event)
	if ev.Get("api.operation").String() != "UpdateTrail" {
		return nil
	}
	request := ev.Get("api.request.data")
	var lost []string
	for _, k := range []string{"s3BucketName", "s3KeyPrefix", "snsTopicName", "kmsKeyId", "cloudWatchLogsLogGroupArn", "cloudWatchLogsRoleArn", "isOrganizationTrail"} {
		if request.Get(k).Exists() {
			lost = append(lost, k)
		}
	}
	for k, field := range map[string]*bool{
		"enableLogFileValidation": &g.trail.Validation, "isMultiRegionTrail": &g.trail.MultiRegion, "includeGlobalServiceEvents": &g.trail.Global,
	} {
		if v := request.Get(k); v.Exists() && !v.Bool() {
			*field = true
			g.from = ", by the record of the event"
		}
	}
	if g.trail.MultiRegion { // one is not to be had without the other
		g.trail.Global = true
	}
	switch {
	case len(lost) > 0 && g.from == "":
		return fault.Permanent(fmt.Errorf("neither AWS Config nor the event says what %s was before", strings.Join(lost, ", ")))
	case len(lost) > 0:
		g.approval = "neither AWS Config nor the event says what " + strings.Join(lost, ", ") + " was before: that would stay as it is"
	}
	return nil
}

// choose chooses the selectors. No record says what they were; so all management events are taken, which is what CloudTrail begins with, where fewer are.
func (g *goal) choose(cmd schemas.Command, now state, custom bool) {
	changed := gjson.GetBytes(cmd.Event, "api.operation").String() == "PutEventSelectors"
	if now.Exists && (!changed || now.Selectors.takeManagement()) {
		return
	}
	g.selectors = &selectors{Basic: []types.EventSelector{{ReadWriteType: types.ReadWriteTypeAll, IncludeManagementEvents: aws.Bool(true), DataResources: []types.DataResource{}, ExcludeManagementEventSources: []string{}}}}
	if now.Exists {
		g.approval = "no record says what its selectors were before: all management events would be taken, and no data events"
	} else if custom {
		g.from += "; its selectors were its own, and no record has them: all management events are taken, and no data events"
	}
}

// takeManagement tells whether all management events are taken.
func (s selectors) takeManagement() bool {
	return slices.ContainsFunc(s.Basic, func(e types.EventSelector) bool {
		return aws.ToBool(e.IncludeManagementEvents) && e.ReadWriteType == types.ReadWriteTypeAll && len(e.ExcludeManagementEventSources) == 0
	}) || slices.ContainsFunc(s.Advanced, func(e types.AdvancedEventSelector) bool {
		return len(e.FieldSelectors) == 1 && aws.ToString(e.FieldSelectors[0].Field) == "eventCategory" && slices.Equal(e.FieldSelectors[0].Equals, []string{"Management"})
	})
}
