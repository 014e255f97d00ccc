package table

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// permission is a rule of a security group, as the calls have it, from one source.
type permission = types.IpPermission

func group(ctx context.Context, api *ec2.Client, id string) (types.SecurityGroup, error) {
	out, err := api.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{id}})
	if err != nil {
		return types.SecurityGroup{}, err
	}
	if len(out.SecurityGroups) != 1 {
		return types.SecurityGroup{}, absent("InvalidGroup.NotFound")
	}
	return out.SecurityGroups[0], nil
}

// bySource takes rules apart into one a source, in one order.
func bySource(rules []permission) (all []permission) {
	for _, r := range rules {
		whole := permission{IpProtocol: r.IpProtocol, FromPort: r.FromPort, ToPort: r.ToPort}
		add := func(set func(*permission)) {
			p := whole
			set(&p)
			all = append(all, p)
		}
		for _, s := range r.IpRanges {
			add(func(p *permission) { p.IpRanges = []types.IpRange{s} })
		}
		for _, s := range r.Ipv6Ranges {
			add(func(p *permission) { p.Ipv6Ranges = []types.Ipv6Range{s} })
		}
		for _, s := range r.PrefixListIds {
			add(func(p *permission) { p.PrefixListIds = []types.PrefixListId{s} })
		}
		for _, s := range r.UserIdGroupPairs {
			add(func(p *permission) { p.UserIdGroupPairs = []types.UserIdGroupPair{s} })
		}
	}
	return sorted(all)
}

// sorted brings a list into an order of its own, whatever order AWS gave it in.
func sorted[T any](list []T) []T {
	slices.SortFunc(list, func(a, b T) int { return strings.Compare(string(canonical(a)), string(canonical(b))) })
	return list
}

// less are the elements of a that are not in b.
func less[T any](a, b []T) []T {
	return slices.DeleteFunc(slices.Clone(a), func(x T) bool { return slices.ContainsFunc(b, func(y T) bool { return same(x, y) }) })
}

// ingress are the calls that make to of from.
func ingress(id string, from, to []permission) (calls []call[*ec2.Client]) {
	if gone := less(from, to); len(gone) > 0 {
		calls = append(calls, calling((*ec2.Client).RevokeSecurityGroupIngress, &ec2.RevokeSecurityGroupIngressInput{GroupId: &id, IpPermissions: gone}))
	}
	if back := less(to, from); len(back) > 0 {
		calls = append(calls, calling((*ec2.Client).AuthorizeSecurityGroupIngress, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &id, IpPermissions: back}))
	}
	return calls
}

func egress(id string, from, to []permission) (calls []call[*ec2.Client]) {
	if gone := less(from, to); len(gone) > 0 {
		calls = append(calls, calling((*ec2.Client).RevokeSecurityGroupEgress, &ec2.RevokeSecurityGroupEgressInput{GroupId: &id, IpPermissions: gone}))
	}
	if back := less(to, from); len(back) > 0 {
		calls = append(calls, calling((*ec2.Client).AuthorizeSecurityGroupEgress, &ec2.AuthorizeSecurityGroupEgressInput{GroupId: &id, IpPermissions: back}))
	}
	return calls
}

func ec2OpenIngress() Action {
	return action(row[*ec2.Client, []permission]{
		Name: "ec2-close-open-ingress", Controls: []string{"EC2.13", "EC2.14", "EC2.18", "EC2.19", "EC2.53", "EC2.54"},
		Target: ec2Kind("security-group", "security group", "sg-"), API: (*cloud.Clients).EC2,
		Does: "Removes the rules of a security group that let everybody (0.0.0.0/0 or ::/0) in to certain ports; other rules stay.",
		Settings: []schemas.Setting{
			{Name: "ports", Type: "list", Default: "22,3389", Help: "ports that are not to be open to everybody; a rule for a range of ports that has one of them goes as a whole. any: all ports"},
		},
		Irreversible: "ids and tags of the rules: an undo makes them anew",
		Policy:       []string{"ec2:DescribeSecurityGroups", "ec2:RevokeSecurityGroupIngress", "ec2:AuthorizeSecurityGroupIngress"},
		Do:           "remove the rules that let everybody in from", Done: "lets nobody in to these ports",
		Read: func(ctx context.Context, api *ec2.Client, in input, before *[]permission) ([]permission, error) {
			open, err := opens(in.list("ports"))
			if err != nil {
				return nil, err
			}
			g, err := group(ctx, api, in.ID)
			if err != nil {
				return nil, err
			}
			rules := slices.DeleteFunc(bySource(g.IpPermissions), func(p permission) bool { return !open(p) })
			if before != nil { // what was opened since has an event of its own
				rules = less(rules, less(rules, *before))
			}
			return rules, nil
		},
		Want:  func(input, []permission) ([]permission, error) { return nil, nil },
		Write: func(in input, from, to []permission) []call[*ec2.Client] { return ingress(in.ID, from, to) },
		Code: declared("aws_security_group", "rules", "# without ingress from \"0.0.0.0/0\" and \"::/0\" to port {{ quote .With.ports }}, here or in resources of its rules",
			"# without rules of SecurityGroupIngress from 0.0.0.0/0 and ::/0 to port {{ quote .With.ports }}, here or in resources of their own"),
	})
}

// opens makes a predicate: whether a rule lets everybody in to one of the ports.
func opens(ports []string) (func(permission) bool, error) {
	var numbers []int32
	for _, p := range ports {
		if p == "any" {
			return func(r permission) bool { return everybody(r) }, nil
		}
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return nil, fault.Permanent(fmt.Errorf("with.ports: %q: a number up to 65535, or any, expected", p))
		}
		numbers = append(numbers, int32(n))
	}
	return func(r permission) bool {
		switch aws.ToString(r.IpProtocol) {
		case "-1":
			return everybody(r)
		case "tcp", "udp", "6", "17":
			return everybody(r) && slices.ContainsFunc(numbers, func(n int32) bool { return aws.ToInt32(r.FromPort) <= n && n <= aws.ToInt32(r.ToPort) })
		}
		return false
	}, nil
}

func everybody(r permission) bool {
	return slices.ContainsFunc(r.IpRanges, func(s types.IpRange) bool { return aws.ToString(s.CidrIp) == "0.0.0.0/0" }) ||
		slices.ContainsFunc(r.Ipv6Ranges, func(s types.Ipv6Range) bool { return aws.ToString(s.CidrIpv6) == "::/0" })
}

// both are all rules of a group, and its name.
type both struct {
	Name    string       `json:"name"`
	Ingress []permission `json:"ingress"`
	Egress  []permission `json:"egress"`
}

func ec2DefaultGroup() Action {
	return action(row[*ec2.Client, both]{
		Name: "ec2-close-default-group", Controls: []string{"EC2.2"}, Target: ec2Kind("security-group", "security group", "sg-"), API: (*cloud.Clients).EC2,
		Does:         "Removes all rules of the default security group of a VPC, in and out, so that what is launched without a group reaches nobody. Other groups are refused.",
		Irreversible: "ids and tags of the rules: an undo makes them anew",
		Policy: []string{"ec2:DescribeSecurityGroups", "ec2:RevokeSecurityGroupIngress", "ec2:RevokeSecurityGroupEgress",
			"ec2:AuthorizeSecurityGroupIngress", "ec2:AuthorizeSecurityGroupEgress"},
		Do: "remove all rules from", Done: "has no rules",
		Read: func(ctx context.Context, api *ec2.Client, in input, _ *both) (both, error) {
			g, err := group(ctx, api, in.ID)
			return both{aws.ToString(g.GroupName), bySource(g.IpPermissions), bySource(g.IpPermissionsEgress)}, err
		},
		Want: func(_ input, now both) (both, error) {
			if now.Name != "default" {
				return now, fault.Permanent(fmt.Errorf("it is not the default group of its VPC but %q", now.Name))
			}
			return both{Name: now.Name}, nil
		},
		Write: func(in input, from, to both) []call[*ec2.Client] {
			return append(ingress(in.ID, from.Ingress, to.Ingress), egress(in.ID, from.Egress, to.Egress)...)
		},
		Code: declared("aws_default_security_group", "rules", "# without any ingress and egress", ""),
	})
}
