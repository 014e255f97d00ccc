// Package ec2requiresecuritygroup puts an instance into a security group that every instance is to be in.
package ec2requiresecuritygroup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

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
	defaultGroup = "administrator"
	within       = 30 * time.Second
)

// Spec describes the action.
func Spec() schemas.ActionSpec {
	return schemas.ActionSpec{
		Name: "ec2-require-security-group",
		Lane: schemas.LaneRemediate,
		Summary: "Adds a security group of the instance's VPC to the groups of the instance, which are those of its primary network interface; the others " +
			"stay, and so do those of further interfaces. The target is the instance's id or ARN.",
		TargetType: instance.TargetType,
		Settings: []schemas.Setting{
			{Name: "group", Type: "string", Default: defaultGroup, Help: "name of the group, or its id (sg-…)"},
		},
		Undo:      true,
		Policy:    []string{"ec2:DescribeInstances", "ec2:DescribeSecurityGroups", "ec2:ModifyInstanceAttribute", "ec2:ModifyNetworkInterfaceAttribute"},
		Canonical: instance.Canonical,
		Code: &schemas.Code{
			Attribute: "security groups",
			Resources: []string{"aws_instance"},
			HCL: `
resource "aws_instance" "{{ .Name }}" {
  vpc_security_group_ids = [
    # those that are here, and the id of
    {{ quote .With.group }},
  ]
}`,
			YAML: `
{{ .Name }}:
  Properties:
    SecurityGroupIds:
      # those that are here, and the id of
      - {{ quote .With.group }}`,
		},
	}
}

// API is what the action needs of EC2.
type API interface {
	instance.Describer
	DescribeSecurityGroups(context.Context, *ec2.DescribeSecurityGroupsInput, ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupsOutput, error)
	ModifyInstanceAttribute(context.Context, *ec2.ModifyInstanceAttributeInput, ...func(*ec2.Options)) (*ec2.ModifyInstanceAttributeOutput, error)
	ModifyNetworkInterfaceAttribute(context.Context, *ec2.ModifyNetworkInterfaceAttributeInput, ...func(*ec2.Options)) (*ec2.ModifyNetworkInterfaceAttributeOutput, error)
}

// Deps is what the action is made of.
type Deps struct {
	EC2 func(ctx context.Context, account, region string) (API, error)
	Now func() time.Time
}

// state is the groups of the instance's primary network interface, and the group that is to be among them.
type state struct {
	Interface string   `json:"interface,omitempty"`
	VPC       string   `json:"vpc,omitempty"`
	Group     string   `json:"group,omitempty"`
	Groups    []string `json:"groups"`            // ids, sorted
	Several   bool     `json:"several,omitempty"` // the instance has more interfaces than this one
	Gone      bool     `json:"gone,omitempty"`
}

// OnAWS makes the action with real clients.
func OnAWS(c *cloud.Clients, now func() time.Time) consumers.Action {
	return New(Deps{Now: now, EC2: func(ctx context.Context, account, region string) (API, error) { return c.EC2(ctx, account, region) }})
}

// New makes the action.
func New(d Deps) consumers.Action {
	g := grouper{d}
	return attribute.New(attribute.Row[state]{
		Noun:   func(cmd schemas.Command) string { return "instance " + cmd.Target.ID },
		Read:   g.read,
		Want:   want,
		Write:  g.write,
		Same:   func(a, b state) bool { return a.Interface == b.Interface && slices.Equal(a.Groups, b.Groups) },
		Revert: revert,
		Now:    d.Now,
		Within: within,
	})
}

type grouper struct{ Deps }

func (g grouper) read(ctx context.Context, cmd schemas.Command, like *state) (state, error) {
	api, err := g.EC2(ctx, cmd.Target.Account, cmd.Target.Region)
	if err != nil {
		return state{}, err
	}
	i, err := instance.Find(ctx, api, cmd.Target.ID)
	if err != nil {
		return state{}, err
	}
	if instance.Gone(i) {
		if like != nil {
			return state{}, instance.ErrGone()
		}
		return state{Gone: true}, nil
	}
	s := state{VPC: aws.ToString(i.VpcId)}
	nic := primary(i)
	if nic == nil {
		return s, errors.New("its primary network interface is not attached") // as yet, perhaps
	}
	s.Interface = aws.ToString(nic.NetworkInterfaceId)
	s.Several = len(i.NetworkInterfaces) > 1
	for _, group := range slices.Concat(i.SecurityGroups, nic.Groups) { // one list, shown in two places, of which one may lag
		s.Groups = append(s.Groups, aws.ToString(group.GroupId))
	}
	slices.Sort(s.Groups)
	s.Groups = slices.Compact(s.Groups)
	if like != nil {
		s.Group = like.Group
		return s, nil
	}
	s.Group, err = findGroup(ctx, api, cmd, s.VPC)
	return s, err
}

// primary returns the interface with device index 0, whose groups are the instance's.
func primary(i types.Instance) *types.InstanceNetworkInterface {
	for n := range i.NetworkInterfaces {
		if a := i.NetworkInterfaces[n].Attachment; a != nil && aws.ToInt32(a.DeviceIndex) == 0 {
			return &i.NetworkInterfaces[n]
		}
	}
	return nil
}

// findGroup finds the required group in the instance's VPC. It is looked up and never made: what it lets through is not for us to say.
func findGroup(ctx context.Context, api API, cmd schemas.Command, vpc string) (string, error) {
	name, err := groupName(cmd)
	if err != nil {
		return "", err
	}
	by := "group-name"
	if strings.HasPrefix(name, "sg-") { // no name may begin so
		by = "group-id"
	}
	out, err := api.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{
		{Name: &by, Values: []string{name}},
		{Name: aws.String("vpc-id"), Values: []string{vpc}},
	}})
	if err != nil {
		return "", cloud.Classify(err)
	}
	for _, group := range out.SecurityGroups { // a filter takes * and ? as wildcards, so the name is compared as well
		if id := aws.ToString(group.GroupId); id == name || aws.ToString(group.GroupName) == name {
			return id, nil
		}
	}
	return "", fault.Permanent(fmt.Errorf("there is no security group %q in %s", name, vpc))
}

func groupName(cmd schemas.Command) (string, error) {
	s := struct {
		Group string `json:"group"`
	}{defaultGroup}
	if err := attribute.Settings(cmd, &s); err != nil {
		return "", err
	}
	if s.Group == "" || len(s.Group) > 255 {
		return "", fault.Permanent(errors.New("with.group: the name or id of a security group expected"))
	}
	return s.Group, nil
}

func want(cmd schemas.Command, current state) (attribute.Change[state], error) {
	c := attribute.Change[state]{Before: current, After: current}
	if current.Gone {
		c.Summary = "instance " + cmd.Target.ID + " is terminated"
		return c, nil
	}
	if slices.Contains(current.Groups, current.Group) {
		c.Summary = "instance " + cmd.Target.ID + " is in security group " + current.Group
		return c, nil
	}
	c.After.Groups = append(slices.Clone(current.Groups), current.Group)
	slices.Sort(c.After.Groups)
	c.Summary = "add security group " + current.Group + " to instance " + cmd.Target.ID
	call := schemas.Call{Service: "ec2", Operation: "ModifyInstanceAttribute", Params: map[string]any{"InstanceId": cmd.Target.ID, "Groups": c.After.Groups}}
	if current.Several {
		call.Operation = "ModifyNetworkInterfaceAttribute"
		call.Params = map[string]any{"NetworkInterfaceId": current.Interface, "Groups": c.After.Groups}
	}
	c.Calls = []schemas.Call{call}
	return c, nil
}

// revert takes the group away and leaves the others as they are now, which by force may be others than before. An interface without any
// group does not exist: then those from before come back.
func revert(current, before, _ state) state {
	to := current
	to.Groups = slices.DeleteFunc(slices.Clone(current.Groups), func(id string) bool { return id == before.Group })
	if len(to.Groups) == 0 {
		to.Groups = before.Groups
	}
	return to
}

// write replaces the list of groups. EC2 takes it for an instance only while that has one interface.
func (g grouper) write(ctx context.Context, cmd schemas.Command, from, to state) error {
	api, err := g.EC2(ctx, cmd.Target.Account, cmd.Target.Region)
	if err != nil {
		return err
	}
	if from.Several {
		_, err = api.ModifyNetworkInterfaceAttribute(ctx, &ec2.ModifyNetworkInterfaceAttributeInput{NetworkInterfaceId: &from.Interface, Groups: to.Groups})
	} else {
		_, err = api.ModifyInstanceAttribute(ctx, &ec2.ModifyInstanceAttributeInput{InstanceId: &cmd.Target.ID, Groups: to.Groups})
	}
	return cloud.Classify(err)
}
