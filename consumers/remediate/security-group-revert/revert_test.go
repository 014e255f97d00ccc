package securitygrouprevert

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/configservice/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/riposte-security/riposte/consumers/actiontest"
	"github.com/riposte-security/riposte/consumers/remediate/confighistory"
	"github.com/riposte-security/riposte/consumers/remediate/confighistory/historytest"
	"github.com/riposte-security/riposte/consumers/securitygroup"
	"github.com/riposte-security/riposte/internal/cloud/cloudtest"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const group = "sg-0123456789abcdef0"

func eventTime() time.Time { return time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC) }

// fake is the rules of one group, and what AWS Config has recorded of it.
type fake struct {
	rules   []rule
	made    int
	history historytest.History
}

func newFake(rules ...rule) *fake {
	f := &fake{}
	for _, r := range rules {
		f.add(r)
	}
	return f
}

func (f *fake) add(r rule) {
	f.made++
	r.ID = fmt.Sprintf("sgr-%017x", f.made)
	f.rules = append(f.rules, r)
}

func (f *fake) deps() Deps {
	return Deps{
		Now:    func() time.Time { return eventTime().Add(time.Hour) },
		EC2:    func(context.Context, string, string) (API, error) { return f, nil },
		Config: func(context.Context, string, string) (confighistory.API, error) { return &f.history, nil },
	}
}

// state is the rules without their ids, which do not come back.
func (f *fake) state() any {
	rules := slices.Clone(f.rules)
	for i := range rules {
		rules[i].ID = ""
	}
	securitygroup.Sort(rules)
	return rules
}

func (f *fake) DescribeSecurityGroups(context.Context, *ec2.DescribeSecurityGroupsInput, ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupsOutput, error) {
	return &ec2.DescribeSecurityGroupsOutput{}, nil
}

func (f *fake) DescribeSecurityGroupRules(context.Context, *ec2.DescribeSecurityGroupRulesInput, ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupRulesOutput, error) {
	out := &ec2.DescribeSecurityGroupRulesOutput{}
	for _, r := range f.rules {
		x := ec2types.SecurityGroupRule{GroupId: aws.String(group), IsEgress: &r.Egress, SecurityGroupRuleId: &r.ID, IpProtocol: &r.Protocol, FromPort: &r.From, ToPort: &r.To,
			CidrIpv4: securitygroup.String(r.CIDR), CidrIpv6: securitygroup.String(r.CIDRv6), PrefixListId: securitygroup.String(r.PrefixList), Description: securitygroup.String(r.Description)}
		if r.Group != "" {
			x.ReferencedGroupInfo = &ec2types.ReferencedSecurityGroup{GroupId: &r.Group, UserId: securitygroup.String(r.GroupOwner)}
		}
		out.SecurityGroupRules = append(out.SecurityGroupRules, x)
	}
	return out, nil
}

func (f *fake) revoke(op string, ids []string, egress bool) error {
	n := len(f.rules)
	f.rules = slices.DeleteFunc(f.rules, func(r rule) bool { return r.Egress == egress && slices.Contains(ids, r.ID) })
	if n-len(f.rules) != len(ids) {
		return cloudtest.Error("EC2", op, "InvalidSecurityGroupRuleId.NotFound", 400)
	}
	return nil
}

func (f *fake) authorize(permissions []ec2types.IpPermission, egress bool) {
	for _, p := range permissions {
		r := rule{Egress: egress, Protocol: *p.IpProtocol, From: securitygroup.Ports(p.FromPort), To: securitygroup.Ports(p.ToPort)}
		for _, x := range p.IpRanges {
			r.CIDR, r.Description = *x.CidrIp, aws.ToString(x.Description)
		}
		for _, x := range p.Ipv6Ranges {
			r.CIDRv6, r.Description = *x.CidrIpv6, aws.ToString(x.Description)
		}
		for _, x := range p.PrefixListIds {
			r.PrefixList = *x.PrefixListId
		}
		for _, x := range p.UserIdGroupPairs {
			r.Group, r.GroupOwner = *x.GroupId, aws.ToString(x.UserId)
		}
		f.add(r)
	}
}

func (f *fake) RevokeSecurityGroupIngress(_ context.Context, in *ec2.RevokeSecurityGroupIngressInput, _ ...func(*ec2.Options)) (*ec2.RevokeSecurityGroupIngressOutput, error) {
	return &ec2.RevokeSecurityGroupIngressOutput{}, f.revoke("RevokeSecurityGroupIngress", in.SecurityGroupRuleIds, false)
}

func (f *fake) RevokeSecurityGroupEgress(_ context.Context, in *ec2.RevokeSecurityGroupEgressInput, _ ...func(*ec2.Options)) (*ec2.RevokeSecurityGroupEgressOutput, error) {
	return &ec2.RevokeSecurityGroupEgressOutput{}, f.revoke("RevokeSecurityGroupEgress", in.SecurityGroupRuleIds, true)
}

func (f *fake) AuthorizeSecurityGroupIngress(_ context.Context, in *ec2.AuthorizeSecurityGroupIngressInput, _ ...func(*ec2.Options)) (*ec2.AuthorizeSecurityGroupIngressOutput, error) {
	f.authorize(in.IpPermissions, false)
	return &ec2.AuthorizeSecurityGroupIngressOutput{}, nil
}

func (f *fake) AuthorizeSecurityGroupEgress(_ context.Context, in *ec2.AuthorizeSecurityGroupEgressInput, _ ...func(*ec2.Options)) (*ec2.AuthorizeSecurityGroupEgressOutput, error) {
	f.authorize(in.IpPermissions, true)
	return &ec2.AuthorizeSecurityGroupEgressOutput{}, nil
}

func ssh() rule { return rule{Protocol: "tcp", From: 22, To: 22, CIDR: "0.0.0.0/0"} }
func office() rule {
	return rule{Protocol: "tcp", From: 22, To: 22, CIDR: "198.51.100.0/24", Description: "office"}
}
func shop() rule     { return rule{Protocol: "tcp", From: 443, To: 443, CIDRv6: "::/0"} }
func outbound() rule { return rule{Egress: true, Protocol: "-1", From: -1, To: -1, CIDR: "0.0.0.0/0"} }
func peers() rule {
	return rule{Protocol: "udp", From: 53, To: 53, Group: "sg-aaaaaaaa", GroupOwner: "123456789012"}
}

// recordedAs is what AWS Config recorded: office, shop, peers, and everything out.
const recordedAs = `{"groupId":"sg-0123456789abcdef0","ipPermissions":[
 {"fromPort":22,"toPort":22,"ipProtocol":"tcp","ipRanges":["198.51.100.0/24"],"ipv4Ranges":[{"cidrIp":"198.51.100.0/24","description":"office"}],"ipv6Ranges":[],"prefixListIds":[],"userIdGroupPairs":[]},
 {"fromPort":443,"toPort":443,"ipProtocol":"tcp","ipv4Ranges":[],"ipRanges":[],"ipv6Ranges":[{"cidrIpv6":"::/0"}],"prefixListIds":[],"userIdGroupPairs":[]},
 {"fromPort":53,"toPort":53,"ipProtocol":"udp","ipv4Ranges":[],"ipv6Ranges":[],"prefixListIds":[],"userIdGroupPairs":[{"groupId":"sg-aaaaaaaa","userId":"123456789012"}]}],
 "ipPermissionsEgress":[{"ipProtocol":"-1","ipRanges":["0.0.0.0/0"],"ipv6Ranges":[],"prefixListIds":[],"userIdGroupPairs":[]}]}`

func record() []types.ConfigurationItem {
	return []types.ConfigurationItem{historytest.Item(group, eventTime().Add(-time.Hour), recordedAs)}
}

// The records of calls, as CloudTrail has them and OCSF keeps them.
const (
	authorized = `{"api":{"operation":"AuthorizeSecurityGroupIngress","request":{"data":{"groupId":"sg-0123456789abcdef0"}},"response":{"data":{"securityGroupRuleSet":{"items":[
 {"groupId":"sg-0123456789abcdef0","securityGroupRuleId":"sgr-1","isEgress":false,"ipProtocol":"tcp","fromPort":22,"toPort":22,"cidrIpv4":"0.0.0.0/0"}]}}}}}`
	authorizedOld = `{"api":{"operation":"AuthorizeSecurityGroupIngress","request":{"data":{"groupId":"sg-0123456789abcdef0","ipPermissions":{"items":[
 {"ipProtocol":"tcp","fromPort":22,"toPort":22,"ipRanges":{"items":[{"cidrIp":"0.0.0.0/0"}]},"groups":{},"prefixListIds":{}}]}}}}}`
	authorizedFlat = `{"api":{"operation":"AuthorizeSecurityGroupIngress","request":{"data":{"groupId":"sg-0123456789abcdef0","ipProtocol":"tcp","fromPort":22,"toPort":22,"cidrIp":"0.0.0.0/0"}}}}`
	revoked        = `{"api":{"operation":"RevokeSecurityGroupIngress","request":{"data":{"groupId":"sg-0123456789abcdef0","ipPermissions":{"items":[
 {"ipProtocol":"udp","fromPort":53,"toPort":53,"groups":{"items":[{"groupId":"sg-aaaaaaaa","userId":"123456789012"}]}},
 {"ipProtocol":"tcp","fromPort":22,"toPort":22,"ipRanges":{"items":[{"cidrIp":"198.51.100.0/24","description":"office"}]}}]}}}}}`
	revokedOut  = `{"api":{"operation":"RevokeSecurityGroupEgress","request":{"data":{"groupId":"sg-0123456789abcdef0","ipPermissions":{"items":[{"ipProtocol":"-1","ipRanges":{"items":[{"cidrIp":"0.0.0.0/0"}]}}]}}}}}`
	revokedByID = `{"api":{"operation":"RevokeSecurityGroupIngress","request":{"data":{"groupId":"sg-0123456789abcdef0","securityGroupRuleIds":{"items":[{"securityGroupRuleId":"sgr-7"}]}}}}}`
	modified    = `{"api":{"operation":"ModifySecurityGroupRules","request":{"data":{"ModifySecurityGroupRulesRequest":{"GroupId":"sg-0123456789abcdef0",
 "SecurityGroupRule":{"tag":1,"SecurityGroupRuleId":"sgr-00000000000000001","SecurityGroupRule":{"IpProtocol":"tcp","FromPort":22,"ToPort":22,"CidrIpv4":"0.0.0.0/0"}}}}}}}`
	elsewhere = `{"api":{"operation":"AuthorizeSecurityGroupIngress","request":{"data":{"groupId":"sg-ffffffffffffffff0","ipProtocol":"tcp","cidrIp":"0.0.0.0/0"}}}}`
	another   = `{"api":{"operation":"CreateTags"}}`
)

func command(event string, with map[string]any) schemas.Command {
	return schemas.Command{Target: schemas.Target{Type: securitygroup.TargetType, ID: group}, Event: json.RawMessage(event), EventTime: eventTime(), With: with}
}

func TestContract(t *testing.T) {
	for name, c := range map[string]struct {
		event  string
		items  []types.ConfigurationItem
		rules  []rule
		change rule
	}{
		"by history: in and out":    {another, record(), []rule{ssh(), shop()}, ssh()},
		"by the event: authorised":  {authorized, nil, []rule{ssh(), office(), outbound()}, ssh()},
		"by the event: revoked":     {revoked, nil, []rule{shop(), outbound()}, rule{Protocol: "tcp", From: 22, To: 22, CIDR: "198.51.100.0/24", Description: "mine"}},
		"by the event: revoked out": {revokedOut, nil, []rule{shop()}, rule{Egress: true, Protocol: "-1", From: -1, To: -1, CIDR: "0.0.0.0/0", Description: "mine"}},
	} {
		t.Run(name, func(t *testing.T) {
			actiontest.Run(t, func(*testing.T) actiontest.Subject {
				f := newFake(c.rules...)
				f.history.Items = c.items
				return actiontest.Subject{Action: New(f.deps()), Command: command(c.event, nil), State: f.state, Change: func() {
					f.rules = slices.DeleteFunc(f.rules, func(r rule) bool { return r.Key() == c.change.Key() })
					changed := c.change
					changed.Description = "changed by another"
					f.add(changed)
				}}
			})
		})
	}
}

func TestSources(t *testing.T) {
	byEvent := map[string]any{"by": "event"}
	usual := []rule{office(), shop(), peers(), outbound()}
	with := func(more ...rule) []rule { return append(slices.Clone(usual), more...) }
	for name, c := range map[string]struct {
		event string
		items []types.ConfigurationItem
		rules []rule
		with  map[string]any
		calls string // or "error"
		says  string
		asks  bool
	}{
		"what the event did":                  {authorized, record(), with(ssh()), nil, "RevokeSecurityGroupIngress", "as AWS Config recorded it at 2026-05-01T11:00:00Z: revoke tcp 22 from 0.0.0.0/0", false},
		"more than the event did":             {authorized, record(), with(ssh(), rule{Protocol: "tcp", From: 80, To: 80, CIDR: "0.0.0.0/0"}), nil, "RevokeSecurityGroupIngress", "tcp 80", true},
		"the event alone":                     {authorized, record(), with(ssh(), rule{Protocol: "tcp", From: 80, To: 80, CIDR: "0.0.0.0/0"}), byEvent, "RevokeSecurityGroupIngress", "by the record of the event: revoke tcp 22 from 0.0.0.0/0", false},
		"no history":                          {authorized, nil, with(ssh()), nil, "RevokeSecurityGroupIngress", "by the record of the event", false},
		"an answer without rules":             {authorizedOld, nil, with(ssh()), nil, "RevokeSecurityGroupIngress", "by the record", false},
		"a request in the flat form":          {authorizedFlat, nil, with(ssh()), nil, "RevokeSecurityGroupIngress", "by the record", false},
		"gone meanwhile":                      {authorized, nil, usual, nil, "", "(again), by the record", false},
		"revoked":                             {revoked, nil, []rule{shop()}, nil, "AuthorizeSecurityGroupIngress", "restore tcp 22 from 198.51.100.0/24, udp 53 from sg-aaaaaaaa", false},
		"revoked out":                         {revokedOut, nil, nil, nil, "AuthorizeSecurityGroupEgress", "restore everything to 0.0.0.0/0", false},
		"revoked by id":                       {revokedByID, record(), []rule{shop(), peers(), outbound()}, nil, "AuthorizeSecurityGroupIngress", "restore tcp 22 from 198.51.100.0/24", false},
		"revoked by id, without history":      {revokedByID, nil, usual, nil, "error", "sgr-7", false},
		"modified":                            {modified, record(), []rule{ssh(), shop(), peers(), outbound()}, nil, "RevokeSecurityGroupIngress AuthorizeSecurityGroupIngress", "restore tcp 22 from 198.51.100.0/24", false},
		"modified, without history":           {modified, nil, []rule{ssh(), shop()}, nil, "RevokeSecurityGroupIngress", "revoke tcp 22", true},
		"another event, without history":      {another, nil, usual, nil, "error", "not of a change", false},
		"an event about another group":        {elsewhere, record(), usual, nil, "error", "sg-ffffffffffffffff0", false},
		"a setting that is none":              {another, record(), usual, map[string]any{"by": "guess"}, "error", "guess", false},
		"a configuration that cannot be read": {another, []types.ConfigurationItem{historytest.Item(group, eventTime().Add(-time.Hour), "[")}, usual, nil, "error", "not JSON", false},
		"a configuration of something else":   {another, []types.ConfigurationItem{historytest.Item(group, eventTime().Add(-time.Hour), "{}")}, usual, nil, "error", "no ipPermissions", false},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(c.rules...)
			f.history.Items = c.items
			historytest.Plan(t, New(f.deps()), command(c.event, c.with), c.calls, c.says, c.asks)
		})
	}
}

// Where AWS Config's answer cannot be read, the event's own record has to do, and the plan says so.
func TestUnreadable(t *testing.T) {
	f := newFake(ssh(), outbound())
	f.history.Err = historytest.Unreadable()
	historytest.Plan(t, New(f.deps()), command(authorized, nil), "RevokeSecurityGroupIngress", "AWS Config's answer could not be read", false)
}

// What the event has added may not be seen yet.
func TestYoung(t *testing.T) {
	f := newFake(office())
	d := f.deps()
	d.Now = func() time.Time { return eventTime().Add(time.Second) }
	if _, err := New(d).Plan(t.Context(), command(authorized, nil)); err == nil || fault.IsPermanent(err) {
		t.Errorf("%v", err)
	}
}

func FuzzEvent(f *testing.F) {
	for _, e := range []string{authorized, authorizedOld, authorizedFlat, revoked, revokedOut, revokedByID, modified} {
		f.Add(e)
	}
	f.Fuzz(func(_ *testing.T, e string) {
		if said, err := eventOf(command(e, nil)); err == nil {
			_, _ = said.change([]rule{ssh()})
		}
	})
}
