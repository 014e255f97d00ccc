// Package ec2requiretags gives an instance the tags that it lacks.
package ec2requiretags

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/consumers/remediate/instance"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const (
	within   = 30 * time.Second
	mostTags = 50 // that EC2 lets a resource have
)

// Spec describes the action.
func Spec() schemas.ActionSpec {
	return schemas.ActionSpec{
		Name:       "ec2-require-tags",
		Lane:       schemas.LaneRemediate,
		Summary:    "Adds the tags that an instance lacks, with their defaults; tags that are there keep their values. The target is the instance's id or ARN.",
		TargetType: instance.TargetType,
		Settings: []schemas.Setting{
			{Name: "tags", Type: "map", Required: true, Help: "name of a required tag → value to give it where it is missing"},
		},
		Undo:      true,
		Policy:    []string{"ec2:DescribeInstances", "ec2:CreateTags", "ec2:DeleteTags"},
		Canonical: instance.Canonical,
		Code: &schemas.Code{
			Attribute: "tags",
			Resources: []string{"aws_instance"},
			HCL: `
resource "aws_instance" "{{ .Name }}" {
  tags = {
{{- range $name, $value := .With.tags }}
    {{ quote $name }} = {{ quote $value }}
{{- end }}
  }
}`,
			YAML: `
{{ .Name }}:
  Properties:
    Tags:
{{- range $name, $value := .With.tags }}
      - Key: {{ quote $name }}
        Value: {{ quote $value }}
{{- end }}`,
		},
	}
}

// API is what the action needs of EC2.
type API interface {
	instance.Describer
	CreateTags(context.Context, *ec2.CreateTagsInput, ...func(*ec2.Options)) (*ec2.CreateTagsOutput, error)
	DeleteTags(context.Context, *ec2.DeleteTagsInput, ...func(*ec2.Options)) (*ec2.DeleteTagsOutput, error)
}

// Deps is what the action is made of.
type Deps struct {
	EC2 func(ctx context.Context, account, region string) (API, error)
	Now func() time.Time
}

// state holds the tags that the action is about, nil where the instance has no such tag. Other tags are none of its business.
type state struct {
	Tags map[string]*string `json:"tags"`
	Gone bool               `json:"gone,omitempty"`
}

// OnAWS makes the action with real clients.
func OnAWS(c *cloud.Clients, now func() time.Time) consumers.Action {
	return New(Deps{Now: now, EC2: func(ctx context.Context, account, region string) (API, error) { return c.EC2(ctx, account, region) }})
}

// New makes the action.
func New(d Deps) consumers.Action {
	t := tagger{d}
	return attribute.New(attribute.Row[state]{
		Noun:   func(cmd schemas.Command) string { return "instance " + cmd.Target.ID },
		Read:   t.read,
		Want:   want,
		Write:  t.write,
		Same:   func(a, b state) bool { return maps.EqualFunc(a.Tags, b.Tags, equal) },
		Now:    d.Now,
		Within: within,
	})
}

func equal(a, b *string) bool { return (a == nil) == (b == nil) && aws.ToString(a) == aws.ToString(b) }

type tagger struct{ Deps }

func (t tagger) read(ctx context.Context, cmd schemas.Command, like *state) (state, error) {
	s := state{Tags: map[string]*string{}}
	if like != nil {
		for k := range like.Tags {
			s.Tags[k] = nil
		}
	} else {
		required, err := required(cmd)
		if err != nil {
			return s, err
		}
		for k := range required {
			s.Tags[k] = nil
		}
	}
	api, err := t.EC2(ctx, cmd.Target.Account, cmd.Target.Region)
	if err != nil {
		return s, err
	}
	i, err := instance.Find(ctx, api, cmd.Target.ID)
	if err != nil {
		return s, err
	}
	if s.Gone = instance.Gone(i); s.Gone && like != nil {
		return s, instance.ErrGone()
	}
	for _, tag := range i.Tags {
		if _, ok := s.Tags[aws.ToString(tag.Key)]; ok {
			s.Tags[*tag.Key] = aws.String(aws.ToString(tag.Value))
		}
	}
	return s, nil
}

func want(cmd schemas.Command, current state) (attribute.Change[state], error) {
	required, err := required(cmd)
	if err != nil {
		return attribute.Change[state]{}, err
	}
	c := attribute.Change[state]{Before: state{Tags: map[string]*string{}}, After: state{Tags: map[string]*string{}}}
	if current.Gone {
		c.Summary = "instance " + cmd.Target.ID + " is terminated"
		return c, nil
	}
	add := map[string]any{}
	for k, v := range required {
		if current.Tags[k] == nil {
			c.Before.Tags[k], c.After.Tags[k], add[k] = nil, &v, v
		}
	}
	if len(add) == 0 {
		c.Summary = "instance " + cmd.Target.ID + " has the required tags"
		return c, nil
	}
	c.Summary = "add to instance " + cmd.Target.ID + " the missing tags " + strings.Join(slices.Sorted(maps.Keys(add)), ", ")
	c.Calls = []schemas.Call{{Service: "ec2", Operation: "CreateTags", Params: map[string]any{"Resources": []string{cmd.Target.ID}, "Tags": add}}}
	return c, nil
}

// write sets what differs, and removes what is not to be there.
func (t tagger) write(ctx context.Context, cmd schemas.Command, from, to state) error {
	api, err := t.EC2(ctx, cmd.Target.Account, cmd.Target.Region)
	if err != nil {
		return err
	}
	var set, remove []types.Tag
	for _, k := range slices.Sorted(maps.Keys(to.Tags)) {
		switch v := to.Tags[k]; {
		case equal(v, from.Tags[k]):
		case v != nil:
			set = append(set, types.Tag{Key: &k, Value: v})
		default: // with the value: if it changes at this very moment, EC2 leaves the tag alone
			remove = append(remove, types.Tag{Key: &k, Value: from.Tags[k]})
		}
	}
	if len(set) > 0 {
		if _, err := api.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{cmd.Target.ID}, Tags: set}); err != nil {
			return cloud.Classify(err)
		}
	}
	if len(remove) > 0 {
		if _, err := api.DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: []string{cmd.Target.ID}, Tags: remove}); err != nil {
			return cloud.Classify(err)
		}
	}
	return nil
}

// required reads the setting, within the limits that EC2 sets for tags.
func required(cmd schemas.Command) (map[string]string, error) {
	var s struct {
		Tags map[string]string `json:"tags"`
	}
	if err := attribute.Settings(cmd, &s); err != nil {
		return nil, err
	}
	if len(s.Tags) == 0 {
		return nil, fault.Permanent(errors.New("with.tags: at least one tag expected"))
	}
	if len(s.Tags) > mostTags {
		return nil, fault.Permanent(fmt.Errorf("with.tags: %d tags, and EC2 allows %d", len(s.Tags), mostTags))
	}
	for k, v := range s.Tags {
		if k == "" || utf8.RuneCountInString(k) > 128 || utf8.RuneCountInString(v) > 256 {
			return nil, fault.Permanent(fmt.Errorf("with.tags.%s: EC2 allows 1 to 128 characters for the name and 256 for the value", k))
		}
		if strings.HasPrefix(strings.ToLower(k), "aws:") {
			return nil, fault.Permanent(fmt.Errorf("with.tags.%s: names that begin with aws: belong to AWS", k))
		}
	}
	return s.Tags, nil
}
