package nacldeny

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
)

const mostPages = 20 // of a hundred ACLs each

// An acl is the entries of a network ACL in one direction, by rising number, which is how AWS goes through them.
type acl struct {
	id      string
	used    bool // by a subnet
	entries []entry
}

type entry struct {
	number int32
	prefix netip.Prefix // not valid where the entry has none
	allow  bool
	all    bool // all protocols
}

// acls reads the network ACLs that a question finds, sorted by id.
func acls(ctx context.Context, api API, egress bool, in *ec2.DescribeNetworkAclsInput) ([]acl, error) {
	var found []acl
	for range mostPages {
		out, err := api.DescribeNetworkAcls(ctx, in)
		if err != nil {
			return nil, cloud.Classify(err)
		}
		for _, a := range out.NetworkAcls {
			found = append(found, aclOf(a, egress))
		}
		if in.NextToken = out.NextToken; aws.ToString(out.NextToken) == "" {
			slices.SortFunc(found, func(a, b acl) int { return strings.Compare(a.id, b.id) })
			return found, nil
		}
	}
	return nil, fault.Permanent(errors.New("ec2 DescribeNetworkAcls: the pages do not end"))
}

func aclOf(a types.NetworkAcl, egress bool) acl {
	out := acl{id: aws.ToString(a.NetworkAclId), used: len(a.Associations) > 0}
	for _, e := range a.Entries {
		if aws.ToBool(e.Egress) != egress {
			continue
		}
		x := entry{number: aws.ToInt32(e.RuleNumber), allow: e.RuleAction == types.RuleActionAllow, all: aws.ToString(e.Protocol) == "-1"}
		if p, err := netip.ParsePrefix(aws.ToString(e.CidrBlock) + aws.ToString(e.Ipv6CidrBlock)); err == nil { // it has one of them
			x.prefix = p.Masked()
		}
		out.entries = append(out.entries, x)
	}
	slices.SortFunc(out.entries, func(a, b entry) int { return int(a.number - b.number) })
	return out
}

// find reads the ACLs that the settings name. That there is none is a permanent error.
func find(ctx context.Context, api API, s settings) ([]acl, error) {
	in := &ec2.DescribeNetworkAclsInput{}
	switch {
	case s.Subnet != "":
		in.Filters = []types.Filter{{Name: aws.String("association.subnet-id"), Values: []string{s.Subnet}}}
	case s.VPC != "":
		in.Filters = []types.Filter{{Name: aws.String("vpc-id"), Values: []string{s.VPC}}}
	default:
		in.NetworkAclIds = []string{s.NetworkACL}
	}
	found, err := acls(ctx, api, s.egress(), in)
	if s.VPC != "" {
		found = slices.DeleteFunc(found, func(a acl) bool { return !a.used })
	}
	if err == nil && len(found) == 0 {
		err = fault.Permanent(fmt.Errorf("there is no network ACL for %s", s.scope()))
	}
	return found, err
}

// planned reads the ACLs that a plan is about, whatever subnet uses them by now. One that is gone has no entries.
func planned(ctx context.Context, api API, s settings, places []place) ([]acl, error) {
	var ids []string
	for _, p := range places {
		ids = append(ids, p.ID)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	found, err := acls(ctx, api, s.egress(), &ec2.DescribeNetworkAclsInput{NetworkAclIds: ids})
	if !cloud.Missing(err) {
		return found, err
	}
	if len(ids) == 1 {
		return []acl{{id: ids[0]}}, nil
	}
	found = nil
	for _, p := range places { // the answer is for all or for none
		one, err := planned(ctx, api, s, []place{p})
		if err != nil {
			return nil, err
		}
		found = append(found, one...)
	}
	return found, nil
}

// below is the number of the first entry that would let some of p through; an entry that denies it has to come before.
func (a acl) below(p netip.Prefix) int32 {
	for _, e := range a.entries {
		if e.allow && e.prefix.IsValid() && e.prefix.Overlaps(p) {
			return e.number
		}
	}
	return highestRule + 1
}

// denies returns the number of the entry that denies all of p before anything lets some of it through; 0 for none.
func (a acl) denies(p netip.Prefix) int32 {
	before := a.below(p)
	for _, e := range a.entries {
		if !e.allow && e.all && e.prefix == p && e.number < before {
			return e.number
		}
	}
	return 0
}

// free returns the number for a new entry that denies p: the lowest free one of the range. It is a permanent error if there is none.
func (a acl) free(p netip.Prefix, s settings) (int32, error) {
	if len(a.entries) >= s.Quota {
		return 0, fault.Permanent(fmt.Errorf("network ACL %s is full: it has %d %s entries, and AWS allows %d (with.quota says how many)", a.id, len(a.entries), s.Direction, s.Quota))
	}
	before := a.below(p)
	for n := s.First; n <= s.Last && n < before; n++ {
		if !slices.ContainsFunc(a.entries, func(e entry) bool { return e.number == n }) {
			return n, nil
		}
	}
	return 0, fault.Permanent(fmt.Errorf("network ACL %s has no free rule number from %d to %d before number %d, which lets %s through", a.id, s.First, s.Last, before, p))
}

// ours returns the numbers of the entries in our range that deny p.
func (a acl) ours(p netip.Prefix, s settings) []int32 {
	var numbers []int32
	for _, e := range a.entries {
		if !e.allow && e.all && e.prefix == p && s.First <= e.number && e.number <= s.Last {
			numbers = append(numbers, e.number)
		}
	}
	return numbers
}
