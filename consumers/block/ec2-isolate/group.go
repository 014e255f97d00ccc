package ec2isolate

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// ownTag marks what we made.
const ownTag = "riposte"

type groupAPI interface {
	DescribeSecurityGroups(context.Context, *ec2.DescribeSecurityGroupsInput, ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupsOutput, error)
	CreateSecurityGroup(context.Context, *ec2.CreateSecurityGroupInput, ...func(*ec2.Options)) (*ec2.CreateSecurityGroupOutput, error)
	RevokeSecurityGroupEgress(context.Context, *ec2.RevokeSecurityGroupEgressInput, ...func(*ec2.Options)) (*ec2.RevokeSecurityGroupEgressOutput, error)
	RevokeSecurityGroupIngress(context.Context, *ec2.RevokeSecurityGroupIngressInput, ...func(*ec2.Options)) (*ec2.RevokeSecurityGroupIngressOutput, error)
}

// A group is a quarantine group. The zero group is one yet to be made.
type group struct {
	id      string
	own     bool // we made it: it is to let nothing through
	in, out []types.IpPermission
}

// open tells whether a group that is to let nothing through lets something through.
func (g group) open() bool { return g.own && len(g.in)+len(g.out) > 0 }

// findGroup finds the quarantine group in a VPC. Only the one that we make ourselves may be missing.
func findGroup(ctx context.Context, api groupAPI, vpc, name string) (group, error) {
	by := "group-name"
	if strings.HasPrefix(name, "sg-") { // no name may begin so
		by = "group-id"
	}
	out, err := api.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{
		{Name: &by, Values: []string{name}}, {Name: aws.String("vpc-id"), Values: []string{vpc}},
	}})
	if err != nil {
		return group{}, cloud.Classify(err)
	}
	switch {
	case len(out.SecurityGroups) == 0 && name == ownGroup:
		return group{own: true}, nil
	case len(out.SecurityGroups) == 0:
		return group{}, fault.Permanent(fmt.Errorf("there is no security group %q in %s", name, vpc))
	}
	g := out.SecurityGroups[0] // neither name nor id is there twice in a VPC
	found := group{id: aws.ToString(g.GroupId), in: g.IpPermissions, out: g.IpPermissionsEgress}
	if name != ownGroup {
		return found, nil
	}
	for _, t := range g.Tags {
		found.own = found.own || aws.ToString(t.Key) == ownTag
	}
	if !found.own {
		return found, fault.Permanent(fmt.Errorf("security group %s of %s has the name of ours (%s) and not its tag (%s): to use it as it is, give its id in with.group", found.id, vpc, ownGroup, ownTag))
	}
	return found, nil
}

// calls says what it takes to have the group, and to have it let nothing through: EC2 gives a new group a rule that lets everything out.
func (g group) calls(vpc string) []schemas.Call {
	if !g.own {
		return nil
	}
	id := g.id
	var calls []schemas.Call
	if id == "" {
		id = "(the id of " + ownGroup + ")"
		calls = append(calls, schemas.Call{Service: "ec2", Operation: "CreateSecurityGroup", Params: map[string]any{
			"GroupName": ownGroup, "VpcId": vpc, "Tags": map[string]string{ownTag: quarantine},
		}})
	}
	if g.id == "" || len(g.out) > 0 {
		calls = append(calls, schemas.Call{Service: "ec2", Operation: "RevokeSecurityGroupEgress", Params: map[string]any{"GroupId": id, "IpPermissions": "all"}})
	}
	if len(g.in) > 0 {
		calls = append(calls, schemas.Call{Service: "ec2", Operation: "RevokeSecurityGroupIngress", Params: map[string]any{"GroupId": id, "IpPermissions": "all"}})
	}
	return calls
}

// ensureGroup returns the id of the quarantine group, which it makes, or makes tight, if it is our own. That somebody else makes it at the same
// time does no harm.
func ensureGroup(ctx context.Context, api groupAPI, vpc, name string) (string, error) {
	g, err := findGroup(ctx, api, vpc, name)
	if err != nil || !g.own {
		return g.id, err
	}
	if g.id == "" {
		_, err := api.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{
			GroupName: aws.String(ownGroup), VpcId: &vpc, Description: aws.String("Isolates instances: lets nothing in or out"),
			TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeSecurityGroup, Tags: []types.Tag{{Key: aws.String(ownTag), Value: aws.String(quarantine)}}}},
		})
		if err != nil && cloud.Code(err) != "InvalidGroup.Duplicate" {
			return "", cloud.Classify(err)
		}
		if g, err = findGroup(ctx, api, vpc, name); err != nil {
			return "", err
		}
		if g.id == "" {
			return "", fmt.Errorf("security group %s was made in %s and is not visible yet", ownGroup, vpc)
		}
	}
	if len(g.out) > 0 {
		if _, err := api.RevokeSecurityGroupEgress(ctx, &ec2.RevokeSecurityGroupEgressInput{GroupId: &g.id, IpPermissions: g.out}); notThere(err) != nil {
			return "", cloud.Classify(err)
		}
	}
	if len(g.in) > 0 {
		if _, err := api.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: &g.id, IpPermissions: g.in}); notThere(err) != nil {
			return "", cloud.Classify(err)
		}
	}
	return g.id, nil
}

// notThere forgives that a rule to be revoked is gone: somebody else was quicker.
func notThere(err error) error {
	if cloud.Code(err) == "InvalidPermission.NotFound" {
		return nil
	}
	return err
}
