package ec2requiresecuritygroup

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/actiontest"
	"github.com/riposte-security/riposte/internal/cloud/cloudtest"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const id = "i-0123456789abcdef0"

// fake is one instance, whose primary interface need not be the first that is listed, and the groups of its VPC and others.
type fake struct {
	groups map[string][]string // by interface
	known  map[string][2]string
	state  types.InstanceStateName
}

func newFake(interfaces int) *fake {
	f := &fake{groups: map[string][]string{"eni-0": {"sg-b", "sg-a"}}, state: types.InstanceStateNameRunning,
		known: map[string][2]string{"sg-a": {"a", "vpc-1"}, "sg-b": {"b", "vpc-1"}, "sg-adm": {"administrator", "vpc-1"}, "sg-adm2": {"administrator", "vpc-2"}}}
	for i := 1; i < interfaces; i++ {
		f.groups["eni-"+string(rune('0'+i))] = []string{"sg-a"}
	}
	return f
}

func (f *fake) in(context.Context, string, string) (API, error) { return f, nil }

func identifiers(ids []string) (out []types.GroupIdentifier) {
	for _, id := range ids {
		out = append(out, types.GroupIdentifier{GroupId: aws.String(id)})
	}
	return out
}

func (f *fake) DescribeInstances(context.Context, *ec2.DescribeInstancesInput, ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error) {
	i := types.Instance{InstanceId: aws.String(id), VpcId: aws.String("vpc-1"), State: &types.InstanceState{Name: f.state}, SecurityGroups: identifiers(f.groups["eni-0"])}
	for n := len(f.groups) - 1; n >= 0; n-- {
		eni := "eni-" + string(rune('0'+n))
		i.NetworkInterfaces = append(i.NetworkInterfaces, types.InstanceNetworkInterface{NetworkInterfaceId: &eni, Groups: identifiers(f.groups[eni]),
			Attachment: &types.InstanceNetworkInterfaceAttachment{DeviceIndex: aws.Int32(int32(n))}})
	}
	return &ec2.DescribeInstancesOutput{Reservations: []types.Reservation{{Instances: []types.Instance{i}}}}, nil
}

func (f *fake) DescribeSecurityGroups(_ context.Context, in *ec2.DescribeSecurityGroupsInput, _ ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupsOutput, error) {
	out := &ec2.DescribeSecurityGroupsOutput{}
	for id, g := range f.known {
		if v := in.Filters[0].Values[0]; (v == id || v == g[0] || v == "*") && in.Filters[1].Values[0] == g[1] {
			out.SecurityGroups = append(out.SecurityGroups, types.SecurityGroup{GroupId: aws.String(id), GroupName: aws.String(g[0])})
		}
	}
	return out, nil
}

func (f *fake) ModifyInstanceAttribute(_ context.Context, in *ec2.ModifyInstanceAttributeInput, _ ...func(*ec2.Options)) (*ec2.ModifyInstanceAttributeOutput, error) {
	if len(f.groups) > 1 || len(in.Groups) == 0 {
		return nil, cloudtest.Error("EC2", "ModifyInstanceAttribute", "InvalidParameterCombination", 400)
	}
	f.groups["eni-0"] = in.Groups
	return &ec2.ModifyInstanceAttributeOutput{}, nil
}

func (f *fake) ModifyNetworkInterfaceAttribute(_ context.Context, in *ec2.ModifyNetworkInterfaceAttributeInput, _ ...func(*ec2.Options)) (*ec2.ModifyNetworkInterfaceAttributeOutput, error) {
	f.groups[*in.NetworkInterfaceId] = in.Groups
	return &ec2.ModifyNetworkInterfaceAttributeOutput{}, nil
}

func command(with map[string]any) schemas.Command {
	return schemas.Command{Target: schemas.Target{Type: "ec2-instance", ID: id}, With: with}
}

func TestContract(t *testing.T) {
	for name, interfaces := range map[string]int{"one interface": 1, "three interfaces": 3} {
		t.Run(name, func(t *testing.T) {
			actiontest.Run(t, func(*testing.T) actiontest.Subject {
				f := newFake(interfaces)
				return actiontest.Subject{
					Action: New(Deps{EC2: f.in, Now: time.Now}), Command: command(nil),
					State: func() any {
						for _, g := range f.groups {
							slices.Sort(g)
						}
						return f.groups
					},
					Change: func() { f.groups["eni-0"] = []string{"sg-adm", "sg-new"} },
				}
			})
		})
	}
}

func TestUndoByForce(t *testing.T) {
	for name, tt := range map[string]struct{ changed, want []string }{
		"others stay as they are now":        {[]string{"sg-adm", "sg-new"}, []string{"sg-new"}},
		"the last group cannot be taken off": {[]string{"sg-adm"}, []string{"sg-a", "sg-b"}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(1)
			a := New(Deps{EC2: f.in, Now: time.Now})
			p, err := a.Plan(t.Context(), command(nil))
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Apply(t.Context(), command(nil), p); err != nil {
				t.Fatal(err)
			}
			f.groups["eni-0"] = tt.changed
			u := a.(consumers.Undoer)
			if err := u.Undo(t.Context(), command(nil), p, false); !errors.Is(err, consumers.ErrChanged) {
				t.Errorf("without force: %v", err)
			}
			if err := u.Undo(t.Context(), command(nil), p, true); err != nil || !slices.Equal(f.groups["eni-0"], tt.want) {
				t.Errorf("%v, %v", f.groups["eni-0"], err)
			}
		})
	}
}

func TestPlan(t *testing.T) {
	tests := []struct {
		name, group string
		state       types.InstanceStateName
		calls       int
		err         string
	}{
		{"by default", "", types.InstanceStateNameRunning, 1, ""},
		{"by id", "sg-adm", types.InstanceStateNameStopped, 1, ""},
		{"in it already", "a", types.InstanceStateNameRunning, 0, ""},
		{"terminated", "", types.InstanceStateNameTerminated, 0, ""},
		{"no such group", "admins", types.InstanceStateNameRunning, 0, `no security group "admins" in vpc-1`},
		{"a wildcard is no name", "*", types.InstanceStateNameRunning, 0, `no security group "*" in vpc-1`},
		{"in another VPC", "sg-adm2", types.InstanceStateNameRunning, 0, `no security group "sg-adm2" in vpc-1`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake(1)
			f.state = tt.state
			var with map[string]any
			if tt.group != "" {
				with = map[string]any{"group": tt.group}
			}
			p, err := New(Deps{EC2: f.in, Now: time.Now}).Plan(t.Context(), command(with))
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
