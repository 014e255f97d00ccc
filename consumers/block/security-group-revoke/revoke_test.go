package securitygrouprevoke

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/actiontest"
	"github.com/riposte-security/riposte/consumers/securitygroup"
	"github.com/riposte-security/riposte/internal/cloud/cloudtest"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const group = "sg-0123456789abcdef0"

// fake is the rules of one group, on pages of three.
type fake struct {
	rules []rule
	made  int
	// authorised is called before each call that authorises
	authorised func() error
	calls      int
}

func newFake() *fake {
	f := &fake{}
	for _, r := range []rule{
		{Protocol: "tcp", From: 22, To: 22, CIDR: "0.0.0.0/0", Description: "for now", Tags: map[string]string{"owner": "ada", "ticket": "7"}},
		{Protocol: "tcp", From: 22, To: 22, CIDRv6: "::/0"},
		{Protocol: "tcp", From: 443, To: 443, CIDR: "0.0.0.0/0"},
		{Protocol: "-1", From: -1, To: -1, CIDR: "0.0.0.0/0", Tags: map[string]string{"owner": "bob"}},
		{Protocol: "tcp", From: 22, To: 22, CIDR: "10.0.0.0/8"},
		{Protocol: "tcp", From: 0, To: 65535, Group: "sg-aaaaaaaa", GroupOwner: "123456789012"},
		{Protocol: "udp", From: 0, To: 1000, CIDR: "0.0.0.0/0"},
		{Protocol: "tcp", From: 443, To: 443, PrefixList: "pl-1"},
		{Protocol: "icmp", From: -1, To: -1, CIDR: "0.0.0.0/0"},
	} {
		f.add(r)
	}
	return f
}

func (f *fake) add(r rule) {
	f.made++
	r.ID = fmt.Sprintf("sgr-%017x", f.made)
	f.rules = append(f.rules, r)
}

func (f *fake) in(context.Context, string, string) (API, error) { return f, nil }

func (f *fake) DescribeSecurityGroups(_ context.Context, in *ec2.DescribeSecurityGroupsInput, _ ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupsOutput, error) {
	if in.GroupIds[0] != group {
		return nil, cloudtest.Error("EC2", "DescribeSecurityGroups", "InvalidGroup.NotFound", 400)
	}
	return &ec2.DescribeSecurityGroupsOutput{}, nil
}

func (f *fake) DescribeSecurityGroupRules(_ context.Context, in *ec2.DescribeSecurityGroupRulesInput, _ ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupRulesOutput, error) {
	out := &ec2.DescribeSecurityGroupRulesOutput{SecurityGroupRules: []types.SecurityGroupRule{ // what lets out is none of ours
		{GroupId: aws.String(group), IsEgress: aws.Bool(true), SecurityGroupRuleId: aws.String("sgr-eeeeeeee"), IpProtocol: aws.String("-1"), CidrIpv4: aws.String("0.0.0.0/0")}}}
	begin := len(aws.ToString(in.NextToken))
	for _, r := range f.rules[begin:min(begin+3, len(f.rules))] {
		x := types.SecurityGroupRule{GroupId: aws.String(group), IsEgress: aws.Bool(false), SecurityGroupRuleId: aws.String(r.ID), IpProtocol: aws.String(r.Protocol),
			FromPort: aws.Int32(r.From), ToPort: aws.Int32(r.To), CidrIpv4: securitygroup.String(r.CIDR), CidrIpv6: securitygroup.String(r.CIDRv6), PrefixListId: securitygroup.String(r.PrefixList), Description: securitygroup.String(r.Description), Tags: r.TagList()}
		if r.Group != "" {
			x.ReferencedGroupInfo = &types.ReferencedSecurityGroup{GroupId: aws.String(r.Group), UserId: securitygroup.String(r.GroupOwner)}
		}
		out.SecurityGroupRules = append(out.SecurityGroupRules, x)
	}
	if begin+3 < len(f.rules) {
		out.NextToken = aws.String(strings.Repeat("x", begin+3))
	}
	return out, nil
}

func (f *fake) RevokeSecurityGroupIngress(_ context.Context, in *ec2.RevokeSecurityGroupIngressInput, _ ...func(*ec2.Options)) (*ec2.RevokeSecurityGroupIngressOutput, error) {
	f.calls++
	n := len(f.rules)
	f.rules = slices.DeleteFunc(f.rules, func(r rule) bool { return slices.Contains(in.SecurityGroupRuleIds, r.ID) })
	if n-len(f.rules) != len(in.SecurityGroupRuleIds) {
		return nil, cloudtest.Error("EC2", "RevokeSecurityGroupIngress", "InvalidSecurityGroupRuleId.NotFound", 400)
	}
	return &ec2.RevokeSecurityGroupIngressOutput{}, nil
}

func (f *fake) AuthorizeSecurityGroupIngress(_ context.Context, in *ec2.AuthorizeSecurityGroupIngressInput, _ ...func(*ec2.Options)) (*ec2.AuthorizeSecurityGroupIngressOutput, error) {
	f.calls++
	if f.authorised != nil {
		if err := f.authorised(); err != nil {
			return nil, err
		}
	}
	for _, p := range in.IpPermissions {
		r := rule{Protocol: *p.IpProtocol, From: securitygroup.Ports(p.FromPort), To: securitygroup.Ports(p.ToPort)}
		for _, x := range p.IpRanges {
			r.CIDR, r.Description = *x.CidrIp, aws.ToString(x.Description)
		}
		for _, x := range p.Ipv6Ranges {
			r.CIDRv6, r.Description = *x.CidrIpv6, aws.ToString(x.Description)
		}
		for _, x := range p.PrefixListIds {
			r.PrefixList, r.Description = *x.PrefixListId, aws.ToString(x.Description)
		}
		for _, x := range p.UserIdGroupPairs {
			r.Group, r.GroupOwner, r.Description = *x.GroupId, aws.ToString(x.UserId), aws.ToString(x.Description)
		}
		if slices.ContainsFunc(f.rules, func(o rule) bool { return o.Key() == r.Key() }) {
			return nil, cloudtest.Error("EC2", "AuthorizeSecurityGroupIngress", "InvalidPermission.Duplicate", 400)
		}
		for _, s := range in.TagSpecifications {
			r.Tags = map[string]string{}
			for _, t := range s.Tags {
				r.Tags[*t.Key] = *t.Value
			}
		}
		f.add(r)
	}
	return &ec2.AuthorizeSecurityGroupIngressOutput{}, nil
}

// state is the rules without their ids, which do not come back.
func (f *fake) state() any {
	rules := slices.Clone(f.rules)
	slices.SortFunc(rules, func(a, b rule) int { return strings.Compare(a.Key(), b.Key()) })
	for i := range rules {
		rules[i].ID = ""
	}
	return rules
}

func command(with map[string]any) schemas.Command {
	return schemas.Command{Target: schemas.Target{Type: targetType, ID: group}, With: with, EventTime: time.Now().Add(-time.Hour), For: schemas.Duration(time.Hour)}
}

func everyRule(f *fake) (ids []any) {
	for _, r := range f.rules {
		ids = append(ids, r.ID)
	}
	return ids
}

func TestContract(t *testing.T) {
	for name, with := range map[string]map[string]any{
		"every kind of rule, by id": {"rules": everyRule(newFake())},
		"by CIDR":                   {"cidr": []any{"0.0.0.0/0", "::/0"}, "port": 22, "protocol": "tcp"},
	} {
		t.Run(name, func(t *testing.T) {
			actiontest.Run(t, func(*testing.T) actiontest.Subject {
				f := newFake()
				s := actiontest.Subject{Action: New(Deps{EC2: f.in, Now: time.Now}), Command: command(with), State: f.state}
				if _, byID := with["rules"]; !byID { // by the old ids a command finds nothing after an undo
					s.Change = func() { f.add(rule{Protocol: "tcp", From: 22, To: 22, CIDR: "0.0.0.0/0", Description: "back again"}) }
				}
				return s
			})
		})
	}
}

func TestSelection(t *testing.T) {
	all := newFake().rules
	for name, tt := range map[string]struct {
		with map[string]any
		want []int // the rules taken, from 1
	}{
		"by id":                     {map[string]any{"rules": []any{all[2].ID, all[5].ID}}, []int{3, 6}},
		"one id alone":              {map[string]any{"rules": all[2].ID}, []int{3}},
		"an id that is not there":   {map[string]any{"rules": []any{"sgr-ffffffff"}}, nil},
		"an outbound rule":          {map[string]any{"rules": []any{"sgr-eeeeeeee"}}, nil},
		"a CIDR":                    {map[string]any{"cidr": "0.0.0.0/0"}, []int{1, 3, 4, 7, 9}},
		"a CIDR and a port":         {map[string]any{"cidr": "0.0.0.0/0", "port": 22}, []int{1, 4, 7}},
		"and a protocol":            {map[string]any{"cidr": "0.0.0.0/0", "port": 22, "protocol": "TCP"}, []int{1, 4}},
		"a protocol by its number":  {map[string]any{"cidr": "0.0.0.0/0", "protocol": 17}, []int{4, 7}},
		"both families":             {map[string]any{"cidr": []any{"0.0.0.0/0", "0::0/0"}, "port": 22, "protocol": "tcp"}, []int{1, 2, 4}},
		"not wider, not narrower":   {map[string]any{"cidr": []any{"10.0.0.0/9", "10.1.2.3/32", "8.0.0.0/6"}}, nil},
		"a port that nobody opened": {map[string]any{"cidr": "10.0.0.0/8", "port": 23}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := selectionOf(command(tt.with))
			if err != nil {
				t.Fatal(err)
			}
			var got []int
			for i, r := range all {
				if s.takes(r) {
					got = append(got, i+1)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("%v, not %v", got, tt.want)
			}
		})
	}
}

// The plan says which rules, and names them in the call.
func TestPlan(t *testing.T) {
	f := newFake()
	p, err := New(Deps{EC2: f.in, Now: time.Now}).Plan(t.Context(), command(map[string]any{"cidr": []any{"0.0.0.0/0", "::/0"}, "port": 22, "protocol": "tcp"}))
	if err != nil {
		t.Fatal(err)
	}
	if want := "revoke from security group " + group + ": everything from 0.0.0.0/0, tcp 22 from ::/0, tcp 22 from 0.0.0.0/0 for 1h"; p.Summary != want {
		t.Errorf("%s\n%s", p.Summary, want)
	}
	if got := fmt.Sprint(p.Calls[0].Params["SecurityGroupRuleIds"]); got != fmt.Sprint([]string{f.rules[3].ID, f.rules[1].ID, f.rules[0].ID}) {
		t.Error(got)
	}
}

// An undo that a crash cut short is gone on with; one that meets a rule that just came back tries again.
func TestHalfWay(t *testing.T) {
	f := newFake()
	before := fmt.Sprint(f.state())
	a, cmd := New(Deps{EC2: f.in, Now: time.Now}), command(map[string]any{"rules": everyRule(f)})
	p, err := a.Plan(t.Context(), cmd)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Apply(t.Context(), cmd, p); err != nil || len(f.rules) != 0 || f.calls != 1 {
		t.Fatalf("%v, %d calls, left %v", err, f.calls, f.rules)
	}
	u, n := a.(consumers.Undoer), 0
	f.authorised = func() error {
		if n++; n == 2 {
			return cloudtest.Error("EC2", "AuthorizeSecurityGroupIngress", "RequestLimitExceeded", 503)
		}
		return nil
	}
	if err := u.Undo(t.Context(), cmd, p, false); err == nil || fault.IsPermanent(err) || len(f.rules) == 0 {
		t.Fatalf("%v, %d rules", err, len(f.rules))
	}
	f.authorised = func() error {
		f.add(rule{Protocol: "tcp", From: 22, To: 22, CIDR: "0.0.0.0/0", Description: "for now", Tags: map[string]string{"owner": "ada", "ticket": "7"}})
		f.authorised = nil
		return nil
	}
	f.rules = slices.DeleteFunc(f.rules, func(r rule) bool { return r.Description == "for now" })
	if err := u.Undo(t.Context(), cmd, p, false); err == nil || fault.IsPermanent(err) || !strings.Contains(err.Error(), "at the same time") {
		t.Fatalf("overtaken: %v", err)
	}
	if err := u.Undo(t.Context(), cmd, p, false); err != nil || fmt.Sprint(f.state()) != before {
		t.Errorf("%v: %v", err, f.state())
	}
}

func TestErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		with  map[string]any
		edit  func(*schemas.Command)
		want  string
		again bool
	}{
		"nothing selected":       {map[string]any{"port": 22}, nil, "either rules", false},
		"both ways":              {map[string]any{"rules": "sgr-ffffffff", "cidr": "0.0.0.0/0"}, nil, "either rules", false},
		"an empty list":          {map[string]any{"rules": []any{}}, nil, "either rules", false},
		"no id":                  {map[string]any{"rules": "ssh"}, nil, "with.rules", false},
		"no CIDR":                {map[string]any{"cidr": "0.0.0.0"}, nil, "with.cidr", false},
		"no port":                {map[string]any{"cidr": "0.0.0.0/0", "port": 65536}, nil, "with.port", false},
		"no protocol":            {map[string]any{"cidr": "0.0.0.0/0", "protocol": true}, nil, "with.protocol", false},
		"a port for an id":       {map[string]any{"rules": "sgr-ffffffff", "port": 22}, nil, "no meaning", false},
		"unknown setting":        {map[string]any{"cidrs": "0.0.0.0/0"}, nil, "unknown field", false},
		"no such group":          {map[string]any{"cidr": "0.0.0.0/0"}, func(c *schemas.Command) { c.Target.ID = "sg-ffffffff" }, "InvalidGroup.NotFound", false},
		"no such group as yet":   {map[string]any{"cidr": "0.0.0.0/0"}, func(c *schemas.Command) { c.Target.ID, c.EventTime = "sg-ffffffff", time.Now() }, "not be visible yet", true},
		"a rule not yet visible": {map[string]any{"rules": "sgr-ffffffff"}, func(c *schemas.Command) { c.EventTime = time.Now() }, "not be visible yet", true},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := command(tt.with)
			if tt.edit != nil {
				tt.edit(&cmd)
			}
			_, err := New(Deps{EC2: newFake().in, Now: time.Now}).Plan(t.Context(), cmd)
			if err == nil || fault.IsPermanent(err) == tt.again || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v", err)
			}
		})
	}
	f := newFake()
	a, cmd := New(Deps{EC2: f.in, Now: time.Now}), command(map[string]any{"cidr": "::/0"})
	p, err := a.Plan(t.Context(), cmd)
	if err != nil {
		t.Fatal(err)
	}
	f.rules[1].Description = "edited"
	if err := a.Apply(t.Context(), cmd, p); !errors.Is(err, consumers.ErrChanged) {
		t.Errorf("edited between plan and effect: %v", err)
	}
}

func TestCanonical(t *testing.T) {
	for raw, want := range map[string]string{
		group: "ec2-security-group:111122223333:eu-west-1:" + group,
		"arn:aws:ec2:us-east-1:444455556666:security-group/sg-0a1b2c3d": "ec2-security-group:444455556666:us-east-1:sg-0a1b2c3d",
		"arn:aws:ec2:us-east-1:444455556666:instance/i-0a1b2c3d":        "", "default": "", "sg-": "", "sg-0A1B2C3D": "", "sgr-0a1b2c3d": "", "": "", "arn:aws": "",
	} {
		got, err := Spec().Canonical(raw, "111122223333", "eu-west-1")
		if (err == nil) != (want != "") || err == nil && got.Key() != want {
			t.Errorf("%q: %+v, %v", raw, got, err)
		}
	}
}
