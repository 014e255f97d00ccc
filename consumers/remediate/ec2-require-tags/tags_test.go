package ec2requiretags

import (
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/riposte-security/riposte/consumers/actiontest"
	"github.com/riposte-security/riposte/internal/cloud/cloudtest"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const id = "i-0123456789abcdef0"

// fake is one instance.
type fake struct {
	tags  map[string]string
	state types.InstanceStateName
}

func (f *fake) in(context.Context, string, string) (API, error) { return f, nil }

func (f *fake) DescribeInstances(_ context.Context, in *ec2.DescribeInstancesInput, _ ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error) {
	if in.InstanceIds[0] != id {
		return nil, cloudtest.Error("EC2", "DescribeInstances", "InvalidInstanceID.NotFound", 400)
	}
	i := types.Instance{InstanceId: aws.String(id), State: &types.InstanceState{Name: f.state}}
	for k, v := range f.tags {
		i.Tags = append(i.Tags, types.Tag{Key: &k, Value: &v})
	}
	return &ec2.DescribeInstancesOutput{Reservations: []types.Reservation{{Instances: []types.Instance{i}}}}, nil
}

func (f *fake) CreateTags(_ context.Context, in *ec2.CreateTagsInput, _ ...func(*ec2.Options)) (*ec2.CreateTagsOutput, error) {
	for _, t := range in.Tags {
		f.tags[*t.Key] = *t.Value
	}
	return &ec2.CreateTagsOutput{}, nil
}

func (f *fake) DeleteTags(_ context.Context, in *ec2.DeleteTagsInput, _ ...func(*ec2.Options)) (*ec2.DeleteTagsOutput, error) {
	for _, t := range in.Tags {
		if t.Value == nil || f.tags[*t.Key] == *t.Value {
			delete(f.tags, *t.Key)
		}
	}
	return &ec2.DeleteTagsOutput{}, nil
}

func command(tags any) schemas.Command {
	return schemas.Command{Target: schemas.Target{Type: "ec2-instance", ID: id}, With: map[string]any{"tags": tags}}
}

func TestContract(t *testing.T) {
	actiontest.Run(t, func(*testing.T) actiontest.Subject {
		f := &fake{tags: map[string]string{"Owner": "ada", "Name": "web"}, state: types.InstanceStateNameRunning}
		return actiontest.Subject{
			Action:  New(Deps{EC2: f.in, Now: time.Now}),
			Command: command(map[string]any{"Owner": "unknown", "CostCentre": "none", "Stage": ""}),
			State:   func() any { return f.tags },
			Change:  func() { f.tags["CostCentre"] = "4711" },
		}
	})
}

// Tags that are not the command's business do not stand in the way of an undo, nor does it touch them.
func TestUndoMindsItsOwn(t *testing.T) {
	f := &fake{tags: map[string]string{"Owner": "ada"}, state: types.InstanceStateNameRunning}
	a, cmd := New(Deps{EC2: f.in, Now: time.Now}), command(map[string]any{"Owner": "unknown", "Stage": "test"})
	p, err := a.Plan(t.Context(), cmd)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Apply(t.Context(), cmd, p); err != nil {
		t.Fatal(err)
	}
	want := maps.Clone(f.tags)
	f.tags["Owner"], f.tags["Name"] = "bob", "web"
	if err := a.(interface {
		Undo(context.Context, schemas.Command, schemas.Plan, bool) error
	}).Undo(t.Context(), cmd, p, false); err != nil {
		t.Fatal(err)
	}
	want["Owner"], want["Name"] = "bob", "web"
	delete(want, "Stage")
	if d := cmp.Diff(want, f.tags); d != "" {
		t.Error(d)
	}
}

func TestPlan(t *testing.T) {
	long := strings.Repeat("x", 300)
	tests := []struct {
		name  string
		with  any
		state types.InstanceStateName
		calls int
		err   string
	}{
		{"missing", map[string]any{"Stage": "test"}, types.InstanceStateNamePending, 1, ""},
		{"there, with another value", map[string]any{"Owner": "unknown"}, types.InstanceStateNameRunning, 0, ""},
		{"tags mind the case", map[string]any{"owner": "unknown"}, types.InstanceStateNameRunning, 1, ""},
		{"terminated", map[string]any{"Stage": "test"}, types.InstanceStateNameTerminated, 0, ""},
		{"on the way there", map[string]any{"Stage": "test"}, types.InstanceStateNameShuttingDown, 0, ""},
		{"no tags", map[string]any{}, types.InstanceStateNameRunning, 0, "with.tags: at least one"},
		{"a list", []any{"Stage"}, types.InstanceStateNameRunning, 0, "with:"},
		{"a number", map[string]any{"Stage": 7}, types.InstanceStateNameRunning, 0, "with:"},
		{"AWS's own", map[string]any{"AWS:thing": "x"}, types.InstanceStateNameRunning, 0, "belong to AWS"},
		{"too long", map[string]any{"Stage": long}, types.InstanceStateNameRunning, 0, "256"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &fake{tags: map[string]string{"Owner": "ada"}, state: tt.state}
			p, err := New(Deps{EC2: f.in, Now: time.Now}).Plan(t.Context(), command(tt.with))
			if tt.err != "" {
				if !fault.IsPermanent(err) || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil || len(p.Calls) != tt.calls {
				t.Errorf("%+v, %v", p, err)
			}
		})
	}
}

func TestCanonical(t *testing.T) {
	for _, tt := range []struct{ raw, key string }{
		{id, "ec2-instance:111122223333:eu-west-1:" + id},
		{"arn:aws:ec2:us-east-2:123456789012:instance/" + id, "ec2-instance:123456789012:us-east-2:" + id},
		{"i-01234567", "ec2-instance:111122223333:eu-west-1:i-01234567"},
		{"i-", ""}, {"i-XYZ01234567", ""}, {"vpc-01234567", ""}, {"arn:aws:ec2:us-east-2:123456789012:vpc/vpc-01234567", ""}, {"", ""},
	} {
		got, err := Spec().Canonical(tt.raw, "111122223333", "eu-west-1")
		if (err == nil) != (tt.key != "") || err == nil && got.Key() != tt.key {
			t.Errorf("%q: %+v, %v", tt.raw, got, err)
		}
	}
}
