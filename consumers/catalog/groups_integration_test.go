//go:build integration

package catalog_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
)

func groupRevoke(t *testing.T, endpoint string) {
	c := clients(t, endpoint, cloud.Config{})
	api := must(c.EC2(t.Context(), "", ""))(t)
	vpc := *must(api.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.8.0.0/16")}))(t).Vpc.VpcId
	group := must(api.CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{GroupName: aws.String("web"), Description: aws.String("test"), VpcId: &vpc}))(t).GroupId
	allow := func(tag string, port int32, p ec2types.IpPermission) {
		p.IpProtocol, p.FromPort, p.ToPort = aws.String("tcp"), aws.Int32(port), aws.Int32(port)
		in := &ec2.AuthorizeSecurityGroupIngressInput{GroupId: group, IpPermissions: []ec2types.IpPermission{p}}
		if tag != "" {
			in.TagSpecifications = []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeSecurityGroupRule, Tags: []ec2types.Tag{{Key: aws.String("owner"), Value: &tag}}}}
		}
		must(api.AuthorizeSecurityGroupIngress(t.Context(), in))(t)
	}
	allow("ada", 22, ec2types.IpPermission{IpRanges: []ec2types.IpRange{{CidrIp: aws.String("0.0.0.0/0"), Description: aws.String("for now")}}})
	allow("", 22, ec2types.IpPermission{Ipv6Ranges: []ec2types.Ipv6Range{{CidrIpv6: aws.String("::/0")}}})
	allow("", 443, ec2types.IpPermission{IpRanges: []ec2types.IpRange{{CidrIp: aws.String("0.0.0.0/0"), Description: aws.String("the shop")}}})
	allow("", 22, ec2types.IpPermission{UserIdGroupPairs: []ec2types.UserIdGroupPair{{GroupId: group}}})
	var ids []any
	rules := func() string {
		var s []string
		ids = nil
		for _, r := range must(api.DescribeSecurityGroupRules(t.Context(), &ec2.DescribeSecurityGroupRulesInput{Filters: []ec2types.Filter{{Name: aws.String("group-id"), Values: []string{*group}}}}))(t).SecurityGroupRules {
			line := fmt.Sprint(*r.IsEgress, *r.IpProtocol, *r.FromPort, *r.ToPort, " ", aws.ToString(r.CidrIpv4), aws.ToString(r.CidrIpv6), " ", aws.ToString(r.Description))
			if r.ReferencedGroupInfo != nil {
				line += " group " + *r.ReferencedGroupInfo.GroupId
			}
			for _, tag := range r.Tags {
				line += " " + *tag.Key + "=" + *tag.Value
			}
			s = append(s, line)
			if !*r.IsEgress {
				ids = append(ids, *r.SecurityGroupRuleId)
			}
		}
		slices.Sort(s)
		return strings.Join(s, "\n")
	}
	before := rules()
	for what, with := range map[string]func() map[string]any{
		"by CIDR and port": func() map[string]any { return map[string]any{"cidr": []any{"0.0.0.0/0", "::/0"}, "port": 22} },
		"by id":            func() map[string]any { rules(); return map[string]any{"rules": ids} },
	} {
		t.Run(what, func(t *testing.T) {
			r := start(t, c, "security-group-revoke", *group, ownAccount, with())
			p := r.carryOut()
			if got := rules(); strings.Contains(got, "for now") || strings.Contains(got, "the shop") == (what == "by id") {
				t.Errorf("rules:\n%s", got)
			}
			if err := r.undo(p, false); err != nil {
				t.Fatal(err)
			}
			if got := rules(); got != before {
				t.Errorf("rules after undo:\n%s\nbefore:\n%s", got, before)
			}
		})
	}
	r := start(t, c, "security-group-revoke", "sg-00000000000000000", ownAccount, map[string]any{"cidr": "0.0.0.0/0"})
	if _, err := r.action.Plan(t.Context(), r.cmd); !fault.IsPermanent(err) || !cloud.Missing(err) {
		t.Errorf("a group that does not exist: %v", err)
	}
}

func isolate(t *testing.T, endpoint string) {
	c := clients(t, endpoint, cloud.Config{})
	api := must(c.EC2(t.Context(), "", ""))(t)
	vpc := *must(api.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.7.0.0/16")}))(t).Vpc.VpcId
	id := launch(t, api, vpc)
	web := *must(api.CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{GroupName: aws.String("web"), Description: aws.String("test"), VpcId: &vpc}))(t).GroupId
	nic := *describe(t, api, id).NetworkInterfaces[0].NetworkInterfaceId
	was := *describe(t, api, id).NetworkInterfaces[0].Groups[0].GroupId
	must(api.ModifyNetworkInterfaceAttribute(t.Context(), &ec2.ModifyNetworkInterfaceAttributeInput{NetworkInterfaceId: &nic, Groups: []string{was, web}}))(t)
	groups := func() []string {
		var s []string
		for _, g := range describe(t, api, id).NetworkInterfaces[0].Groups {
			s = append(s, *g.GroupName)
		}
		slices.Sort(s)
		return s
	}
	before := groups()
	r := start(t, c, "ec2-isolate", id, ownAccount, map[string]any{"snapshots": true})
	r.cmd.ID = unique("command")
	p := r.carryOut()
	if got := groups(); !slices.Equal(got, []string{"riposte-quarantine"}) {
		t.Errorf("groups: %v", got)
	}
	own := must(api.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{Filters: []ec2types.Filter{
		{Name: aws.String("group-name"), Values: []string{"riposte-quarantine"}}, {Name: aws.String("vpc-id"), Values: []string{vpc}}}}))(t).SecurityGroups
	if len(own) != 1 || len(own[0].IpPermissions)+len(own[0].IpPermissionsEgress) != 0 {
		t.Errorf("the quarantine lets something through: %+v", own)
	}
	taken := must(api.DescribeSnapshots(t.Context(), &ec2.DescribeSnapshotsInput{Filters: []ec2types.Filter{{Name: aws.String("tag:riposte:command"), Values: []string{r.cmd.ID}}}}))(t).Snapshots
	if len(taken) != 1 {
		t.Errorf("%d snapshots", len(taken))
	}
	if err := r.undo(p, false); err != nil || !slices.Equal(groups(), before) {
		t.Errorf("undo: %v, groups %v, before %v", err, groups(), before)
	}
	r = start(t, c, "ec2-isolate", id, ownAccount, map[string]any{"group": "jail"})
	if _, err := r.action.Plan(t.Context(), r.cmd); !fault.IsPermanent(err) || !strings.Contains(err.Error(), vpc) {
		t.Errorf("a group that does not exist: %v", err)
	}
	r = start(t, c, "ec2-isolate", "i-00000000000000000", ownAccount, nil)
	if _, err := r.action.Plan(t.Context(), r.cmd); !fault.IsPermanent(err) || !cloud.Missing(err) {
		t.Errorf("an instance that does not exist: %v", err)
	}
}
