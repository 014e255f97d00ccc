package securitygrouprevert

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/configservice/types"
	"github.com/tidwall/gjson"

	"github.com/riposte-security/riposte/consumers/remediate/confighistory"
	"github.com/riposte-security/riposte/consumers/securitygroup"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// A recorded is the rules that a group had, as AWS Config recorded them.
type recorded struct {
	rules []rule
	when  string
}

// history asks AWS Config for the rules before the event; nil where it has no record.
func (r reverter) history(ctx context.Context, cmd schemas.Command) (*recorded, error) {
	api, err := r.Config(ctx, cmd.Target.Account, cmd.Target.Region)
	if err != nil {
		return nil, err
	}
	i, err := confighistory.Before(ctx, api, types.ResourceTypeSecurityGroup, cmd.Target.ID, cmd.EventTime)
	if err != nil || i == nil || i.Deleted {
		return nil, err
	}
	if !json.Valid(i.Configuration) {
		return nil, fault.Permanent(fmt.Errorf("the configuration %s: not JSON", i.When()))
	}
	conf := gjson.ParseBytes(i.Configuration)
	if !conf.Get("ipPermissions").IsArray() || !conf.Get("ipPermissionsEgress").IsArray() {
		return nil, fault.Permanent(fmt.Errorf("the configuration %s: no ipPermissions and ipPermissionsEgress", i.When()))
	}
	return &recorded{slices.Concat(permissionsIn(conf.Get("ipPermissions"), false), permissionsIn(conf.Get("ipPermissionsEgress"), true)), i.When()}, nil
}

// change makes the rules that there are into those that were recorded. Where the event tells what it did, and that is less, a person decides: AWS Config may have
// missed what was done between its record and the event, and others may have changed the group since.
func (b *recorded) change(rules []rule, said event) (change, error) {
	c := change{from: ", " + b.when}
	for _, r := range rules {
		if !has(b.rules, r) {
			c.remove = append(c.remove, r)
		}
	}
	for _, r := range b.rules {
		if !has(rules, r) {
			c.add = append(c.add, r)
		}
	}
	if !said.tells() || said.modifies() || len(said.absent) > 0 { // it does not tell all
		return c, nil
	}
	theirs, err := said.change(rules)
	if err != nil {
		return c, err
	}
	for _, r := range slices.Concat(c.remove, c.add) {
		if !has(slices.Concat(theirs.remove, theirs.add), r) {
			c.approval = "AWS Config's record would also change what the event did not: " + r.Text()
			break
		}
	}
	return c, nil
}

// permissionsIn reads rules in the form of a permission that holds several sources: that of AWS Config, whose lists are lists, and that of CloudTrail, which has them
// under items. Names of members are the same, but for the sources of a group.
func permissionsIn(list gjson.Result, egress bool) (rules []rule) {
	for _, p := range elements(list) {
		base := rule{Egress: egress, Protocol: p.Get("ipProtocol").String(), From: port(p.Get("fromPort")), To: port(p.Get("toPort"))}
		add := func(set func(*rule)) {
			r := base
			set(&r)
			rules = append(rules, r)
		}
		v4 := elements(p.Get("ipv4Ranges")) // AWS Config has them here with, and under ipRanges without, descriptions
		if len(v4) == 0 {
			v4 = elements(p.Get("ipRanges"))
		}
		for _, s := range v4 {
			add(func(r *rule) {
				r.Description = s.Get("description").String()
				if r.CIDR = s.Get("cidrIp").String(); s.Type == gjson.String {
					r.CIDR = s.String()
				}
			})
		}
		for _, s := range elements(p.Get("ipv6Ranges")) {
			add(func(r *rule) { r.CIDRv6, r.Description = s.Get("cidrIpv6").String(), s.Get("description").String() })
		}
		for _, s := range elements(p.Get("prefixListIds")) {
			add(func(r *rule) {
				r.PrefixList, r.Description = s.Get("prefixListId").String(), s.Get("description").String()
			})
		}
		for _, s := range append(elements(p.Get("userIdGroupPairs")), elements(p.Get("groups"))...) {
			add(func(r *rule) {
				r.Group, r.GroupOwner, r.Description = s.Get("groupId").String(), s.Get("userId").String(), s.Get("description").String()
				r.Peering = s.Get("vpcPeeringConnectionId").String()
			})
		}
	}
	securitygroup.Sort(rules)
	return rules
}

// elements are those of a list, or of the items of one.
func elements(v gjson.Result) []gjson.Result {
	if items := v.Get("items"); items.Exists() {
		v = items
	}
	if !v.IsArray() {
		return nil
	}
	return v.Array()
}

func port(v gjson.Result) int32 {
	if !v.Exists() || v.Type == gjson.Null {
		return -1
	}
	n := v.Int()
	if n < -1 || n > 65535 {
		return -1
	}
	return int32(n)
}
