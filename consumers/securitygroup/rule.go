// Package securitygroup is what the actions on security groups have in common: the spelling of rules, reading and writing them, and the form of targets.
package securitygroup

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// A Rule is one rule of a group, with all that EC2 lets one say of it. Its id is no part of what it is: a rule that is restored gets a new one.
type Rule struct {
	ID          string            `json:"id,omitempty"`
	Egress      bool              `json:"egress,omitempty"` // it lets out, and not in
	Protocol    string            `json:"protocol"`         // -1 for all
	From        int32             `json:"from"`             // -1 for all; of ICMP the type
	To          int32             `json:"to"`
	CIDR        string            `json:"cidr,omitempty"`
	CIDRv6      string            `json:"cidr_v6,omitempty"`
	PrefixList  string            `json:"prefix_list,omitempty"`
	Group       string            `json:"group,omitempty"` // the source, with its owner where that is given
	GroupOwner  string            `json:"group_owner,omitempty"`
	GroupVPC    string            `json:"group_vpc,omitempty"`
	Peering     string            `json:"peering,omitempty"`
	Description string            `json:"description,omitempty"`
	Tags        map[string]string `json:"tags,omitempty"`
}

// Of is a rule as EC2 describes it.
func Of(r types.SecurityGroupRule) Rule {
	out := Rule{
		Egress: aws.ToBool(r.IsEgress),
		ID:     aws.ToString(r.SecurityGroupRuleId), Protocol: aws.ToString(r.IpProtocol), From: Ports(r.FromPort), To: Ports(r.ToPort),
		CIDR: aws.ToString(r.CidrIpv4), CIDRv6: aws.ToString(r.CidrIpv6), PrefixList: aws.ToString(r.PrefixListId), Description: aws.ToString(r.Description),
	}
	if g := r.ReferencedGroupInfo; g != nil {
		out.Group, out.GroupOwner, out.GroupVPC, out.Peering = aws.ToString(g.GroupId), aws.ToString(g.UserId), aws.ToString(g.VpcId), aws.ToString(g.VpcPeeringConnectionId)
	}
	for _, t := range r.Tags {
		if out.Tags == nil {
			out.Tags = map[string]string{}
		}
		out.Tags[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return out
}

// Ports is a port of a rule; -1 where it has none.
func Ports(p *int32) int32 {
	if p == nil {
		return -1
	}
	return *p
}

// Key is what makes a rule this rule in its group: EC2 takes no second one with the same protocol, ports and source.
func (r Rule) Key() string {
	direction := ""
	if r.Egress {
		direction = "out "
	}
	return direction + strings.Join([]string{r.Protocol, strconv.Itoa(int(r.From)), strconv.Itoa(int(r.To)), r.CIDR, r.CIDRv6, r.PrefixList, r.Group}, " ")
}

// Same compares all but the ids.
func (r Rule) Same(o Rule) bool {
	return r.Key() == o.Key() && r.Description == o.Description && maps.Equal(r.Tags, o.Tags)
}

// source says where the rule lets in from, or out to, for people.
func (r Rule) source() string { return cmp.Or(r.CIDR, r.CIDRv6, r.PrefixList, r.Group) }

// Text says what the rule lets through, for people.
func (r Rule) Text() string {
	what := r.Protocol
	switch {
	case r.Protocol == "-1":
		what = "everything"
	case r.From == r.To && r.From >= 0:
		what += " " + strconv.Itoa(int(r.From))
	case r.From >= 0:
		what += " " + strconv.Itoa(int(r.From)) + "-" + strconv.Itoa(int(r.To))
	}
	if r.Egress {
		return what + " to " + r.source()
	}
	return what + " from " + r.source()
}

// permission is the rule as EC2 takes it.
func (r Rule) permission() types.IpPermission {
	p := types.IpPermission{IpProtocol: &r.Protocol}
	if r.Protocol != "-1" {
		p.FromPort, p.ToPort = &r.From, &r.To
	}
	description := String(r.Description)
	switch {
	case r.CIDR != "":
		p.IpRanges = []types.IpRange{{CidrIp: &r.CIDR, Description: description}}
	case r.CIDRv6 != "":
		p.Ipv6Ranges = []types.Ipv6Range{{CidrIpv6: &r.CIDRv6, Description: description}}
	case r.PrefixList != "":
		p.PrefixListIds = []types.PrefixListId{{PrefixListId: &r.PrefixList, Description: description}}
	default:
		p.UserIdGroupPairs = []types.UserIdGroupPair{{GroupId: &r.Group, UserId: String(r.GroupOwner), VpcPeeringConnectionId: String(r.Peering), Description: description}}
	}
	return p
}

// String is s as the SDK takes it: nil where there is nothing.
func String(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// TagList are the tags, in the order of their keys.
func (r Rule) TagList() []types.Tag {
	var out []types.Tag
	for _, k := range slices.Sorted(maps.Keys(r.Tags)) {
		out = append(out, types.Tag{Key: aws.String(k), Value: aws.String(r.Tags[k])})
	}
	return out
}
