package securitygrouprevoke

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// A rule is an inbound rule, with all that EC2 lets one say of it. Its id is no part of what it is: a rule that is restored gets a new one.
type rule struct {
	ID          string            `json:"id,omitempty"`
	Protocol    string            `json:"protocol"` // -1 for all
	From        int32             `json:"from"`     // -1 for all; of ICMP the type
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

func ruleOf(r types.SecurityGroupRule) rule {
	out := rule{
		ID: aws.ToString(r.SecurityGroupRuleId), Protocol: aws.ToString(r.IpProtocol), From: ports(r.FromPort), To: ports(r.ToPort),
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

func ports(p *int32) int32 {
	if p == nil {
		return -1
	}
	return *p
}

// key is what makes a rule this rule in its group: EC2 takes no second one with the same protocol, ports and source.
func (r rule) key() string {
	return strings.Join([]string{r.Protocol, strconv.Itoa(int(r.From)), strconv.Itoa(int(r.To)), r.CIDR, r.CIDRv6, r.PrefixList, r.Group}, " ")
}

// same compares all but the ids.
func (r rule) same(o rule) bool {
	return r.key() == o.key() && r.Description == o.Description && maps.Equal(r.Tags, o.Tags)
}

// source says where the rule lets in from, for people.
func (r rule) source() string { return cmp.Or(r.CIDR, r.CIDRv6, r.PrefixList, r.Group) }

// text says what the rule lets in, for people.
func (r rule) text() string {
	what := r.Protocol
	switch {
	case r.Protocol == "-1":
		what = "everything"
	case r.From == r.To && r.From >= 0:
		what += " " + strconv.Itoa(int(r.From))
	case r.From >= 0:
		what += " " + strconv.Itoa(int(r.From)) + "-" + strconv.Itoa(int(r.To))
	}
	return what + " from " + r.source()
}

// permission is the rule as EC2 takes it.
func (r rule) permission() types.IpPermission {
	p := types.IpPermission{IpProtocol: &r.Protocol}
	if r.Protocol != "-1" {
		p.FromPort, p.ToPort = &r.From, &r.To
	}
	description := str(r.Description)
	switch {
	case r.CIDR != "":
		p.IpRanges = []types.IpRange{{CidrIp: &r.CIDR, Description: description}}
	case r.CIDRv6 != "":
		p.Ipv6Ranges = []types.Ipv6Range{{CidrIpv6: &r.CIDRv6, Description: description}}
	case r.PrefixList != "":
		p.PrefixListIds = []types.PrefixListId{{PrefixListId: &r.PrefixList, Description: description}}
	default:
		p.UserIdGroupPairs = []types.UserIdGroupPair{{GroupId: &r.Group, UserId: str(r.GroupOwner), VpcPeeringConnectionId: str(r.Peering), Description: description}}
	}
	return p
}

func str(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (r rule) tags() []types.Tag {
	var out []types.Tag
	for _, k := range slices.Sorted(maps.Keys(r.Tags)) {
		out = append(out, types.Tag{Key: aws.String(k), Value: aws.String(r.Tags[k])})
	}
	return out
}
