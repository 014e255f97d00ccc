//go:build integration

package catalog_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

func networkACL(t *testing.T, endpoint string) {
	c := clients(t, endpoint, cloud.Config{})
	api := must(c.EC2(t.Context(), "", ""))(t)
	vpc := *must(api.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.9.0.0/16")}))(t).Vpc.VpcId
	subnet := *must(api.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: &vpc, CidrBlock: aws.String("10.9.1.0/24")}))(t).Subnet.SubnetId
	acl := func() ec2types.NetworkAcl {
		return must(api.DescribeNetworkAcls(t.Context(), &ec2.DescribeNetworkAclsInput{Filters: []ec2types.Filter{{Name: aws.String("vpc-id"), Values: []string{vpc}}}}))(t).NetworkAcls[0]
	}
	entries := func() string {
		var s []string
		for _, e := range acl().Entries {
			s = append(s, fmt.Sprintf("%v %05d %s %s%s %s", *e.Egress, *e.RuleNumber, e.RuleAction, aws.ToString(e.CidrBlock), aws.ToString(e.Ipv6CidrBlock), *e.Protocol))
		}
		slices.Sort(s)
		return strings.Join(s, "\n")
	}
	before := entries()
	for name, with := range map[string]map[string]any{
		"ACL":    {"network_acl": *acl().NetworkAclId},
		"subnet": {"subnet": subnet, "direction": "outbound"},
		"VPC":    {"vpc": vpc, "first": 10},
	} {
		t.Run(name, func(t *testing.T) {
			four, six := start(t, c, "nacl-deny", "203.0.113.7", "", with), start(t, c, "nacl-deny", "2001:db8::/64", "", with)
			p4, p6 := four.carryOut(), six.carryOut()
			if got := entries(); !strings.Contains(got, "deny 203.0.113.7/32 -1") || !strings.Contains(got, "deny 2001:db8::/64 -1") {
				t.Errorf("entries:\n%s", got)
			}
			absent := four.cmd
			absent.ID, absent.Target.ID = "absent", "203.0.113.8"
			missing, others, err := four.action.(consumers.Inspector).Inspect(t.Context(), []schemas.Command{four.cmd, absent})
			if err != nil || !slices.Equal(missing, []string{"absent"}) || !slices.Equal(others, []string{"2001:db8::/64"}) {
				t.Errorf("inspected: %v, %v, %v", missing, others, err)
			}
			if err := errors.Join(four.undo(p4, false), six.undo(p6, false)); err != nil {
				t.Fatal(err)
			}
			if got := entries(); got != before {
				t.Errorf("entries after undo:\n%s", got)
			}
		})
	}
	// two actions, as in two processes, that choose the same numbers
	one, two := start(t, c, "nacl-deny", "203.0.113.1", "", map[string]any{"vpc": vpc}), start(t, c, "nacl-deny", "203.0.113.1", "", map[string]any{"vpc": vpc})
	const n = 16
	atOnce(t, n, one, two)
	if got := strings.Count(entries(), "deny 203.0.113."); got != n {
		t.Errorf("%d entries, not %d", got, n)
	}
	r := start(t, c, "nacl-deny", "203.0.113.99", "", map[string]any{"vpc": vpc, "quota": n})
	if _, err := r.action.Plan(t.Context(), r.cmd); !fault.IsPermanent(err) || !strings.Contains(err.Error(), "is full") {
		t.Errorf("a full ACL: %v", err)
	}
}

func denyBucket(t *testing.T, endpoint string) {
	c := clients(t, endpoint, cloud.Config{})
	api := must(c.S3(t.Context(), "", region))(t)
	name := unique("logs")
	must(api.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: region}}))(t)
	policy := func() string {
		out, err := api.GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: &name})
		if cloud.Code(err) == "NoSuchBucketPolicy" {
			return ""
		}
		return *must(out, err)(t).Policy
	}
	own := `{ "Version":"2012-10-17", "Statement": {"Sid":"Own","Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::` + name + `/*"} }`
	for _, before := range []string{"", own} {
		t.Run(fmt.Sprint("with a policy: ", before != ""), func(t *testing.T) {
			if before != "" {
				must(api.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &name, Policy: &before}))(t)
			}
			r := start(t, c, "s3-deny-principal", "arn:aws:s3:::"+name, ownAccount, map[string]any{"principal": "arn:aws:iam::" + otherAccount + ":user/mallory"})
			p := r.carryOut()
			if got := policy(); !strings.Contains(got, "user/mallory") || strings.Contains(got, `"Own"`) != (before != "") {
				t.Errorf("%s", got)
			}
			if err := r.undo(p, false); err != nil || policy() != before {
				t.Errorf("undo: %v: %s", err, policy())
			}
		})
	}
	r := start(t, c, "s3-deny-principal", unique("nobody"), ownAccount, map[string]any{"principal": otherAccount})
	if _, err := r.action.Plan(t.Context(), r.cmd); !fault.IsPermanent(err) || !cloud.Missing(err) {
		t.Errorf("a bucket that does not exist: %v", err)
	}
}

func throttle(t *testing.T, endpoint string) {
	c := clients(t, endpoint, cloud.Config{})
	api, roles := must(c.Lambda(t.Context(), "", ""))(t), must(c.IAM(t.Context(), "", ""))(t)
	name := unique("resize")
	role := must(roles.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: &name, AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[]}`)}))(t).Role.Arn
	var code bytes.Buffer
	z := zip.NewWriter(&code)
	if _, err := z.Create("f.py"); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	arn := *must(api.CreateFunction(t.Context(), &lambda.CreateFunctionInput{FunctionName: &name, Role: role, Handler: aws.String("f.f"), Runtime: lambdatypes.RuntimePython313,
		Code: &lambdatypes.FunctionCode{ZipFile: code.Bytes()}}))(t).FunctionArn
	reserved := func() string {
		if n := must(api.GetFunctionConcurrency(t.Context(), &lambda.GetFunctionConcurrencyInput{FunctionName: &name}))(t).ReservedConcurrentExecutions; n != nil {
			return fmt.Sprint(*n)
		}
		return "none"
	}
	for _, before := range []string{"none", "5"} {
		if before != "none" {
			must(api.PutFunctionConcurrency(t.Context(), &lambda.PutFunctionConcurrencyInput{FunctionName: &name, ReservedConcurrentExecutions: aws.Int32(5)}))(t)
		}
		r := start(t, c, "lambda-throttle", arn+":prod", "", nil)
		p := r.carryOut()
		if got := reserved(); got != "0" {
			t.Errorf("reserved: %s", got)
		}
		if err := r.undo(p, false); err != nil || reserved() != before {
			t.Errorf("undo: %v, reserved: %s, before %s", err, reserved(), before)
		}
	}
	r := start(t, c, "lambda-throttle", unique("nobody"), ownAccount, nil)
	if _, err := r.action.Plan(t.Context(), r.cmd); !fault.IsPermanent(err) || !cloud.Missing(err) {
		t.Errorf("a function that does not exist: %v", err)
	}
}
