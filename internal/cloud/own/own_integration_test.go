//go:build integration

package own_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/cloud/own"
	"github.com/riposte-security/riposte/internal/servers"
)

const (
	theirs = "210987654321"
	region = "eu-central-1"
)

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// TestOnAnAPI reads the addresses of two accounts of an AWS API. It makes no interfaces for load balancers, so those are tested with a fake.
func TestOnAnAPI(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL", servers.AWS(t))
	t.Setenv("AWS_REGION", region)
	t.Setenv("AWS_ACCESS_KEY_ID", "testing")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "testing")
	c := must(cloud.New(t.Context(), cloud.Config{AssumeRole: "arn:aws:iam::{account}:role/riposte", AllowAccounts: []string{theirs}}, zerolog.Nop()))(t)
	type expected struct{ address, entry string }
	want := map[string][]expected{}
	for _, account := range []string{"123456789012", theirs} {
		api := must(c.EC2(t.Context(), account, region))(t)
		cidr := map[string]string{"123456789012": "10.71", theirs: "10.72"}[account]
		vpc := *must(api.CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String(cidr + ".0.0/16"), AmazonProvidedIpv6CidrBlock: aws.Bool(true)}))(t).Vpc.VpcId
		subnet := must(api.CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: &vpc, CidrBlock: aws.String(cidr + ".1.0/24")}))(t).Subnet.SubnetId
		must(api.ModifySubnetAttribute(t.Context(), &ec2.ModifySubnetAttributeInput{SubnetId: subnet, MapPublicIpOnLaunch: &ec2types.AttributeBooleanValue{Value: aws.Bool(true)}}))(t)
		free := must(api.AllocateAddress(t.Context(), &ec2.AllocateAddressInput{Domain: ec2types.DomainTypeVpc}))(t)
		used := must(api.AllocateAddress(t.Context(), &ec2.AllocateAddressInput{Domain: ec2types.DomainTypeVpc}))(t)
		nat := *must(api.CreateNatGateway(t.Context(), &ec2.CreateNatGatewayInput{SubnetId: subnet, AllocationId: used.AllocationId}))(t).NatGateway.NatGatewayId
		office := must(api.CreateCustomerGateway(t.Context(), &ec2.CreateCustomerGatewayInput{Type: ec2types.GatewayTypeIpsec1, PublicIp: aws.String("192.0.2." + cidr[3:]), BgpAsn: aws.Int32(65000)}))(t)
		image := must(api.DescribeImages(t.Context(), &ec2.DescribeImagesInput{}))(t).Images[0].ImageId
		started := must(api.RunInstances(t.Context(), &ec2.RunInstancesInput{ImageId: image, MinCount: aws.Int32(1), MaxCount: aws.Int32(1), SubnetId: subnet}))(t)
		id := *started.Instances[0].InstanceId
		instance := must(api.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{id}}))(t).Reservations[0].Instances[0]
		t.Logf("%s: free %s, nat %s, instance %s", account, *free.PublicIp, *used.PublicIp, aws.ToString(instance.PublicIpAddress))
		where := " (" + account + " " + region + ")"
		want[account] = []expected{
			{*free.PublicIp, "elastic ip " + *free.AllocationId + ", " + *free.PublicIp + where},
			{*used.PublicIp, "nat gateway " + nat + ", " + *used.PublicIp + where},
			{cidr + ".1.9", "vpc " + vpc + ", " + cidr + ".0.0/16" + where},
			{"192.0.2." + cidr[3:], "customer gateway " + *office.CustomerGateway.CustomerGatewayId + ", 192.0.2." + cidr[3:] + where},
			{aws.ToString(instance.PublicIpAddress), "instance " + id + ", " + aws.ToString(instance.PublicIpAddress) + where},
		}
	}
	a := own.New(c, zerolog.Nop())
	for account, all := range want {
		for _, w := range all {
			addr, err := netip.ParseAddr(w.address)
			if err != nil {
				t.Errorf("%s: %v", w.entry, err)
				continue
			}
			entry, found, err := a.Lookup(t.Context(), account, region, netip.PrefixFrom(addr, addr.BitLen()))
			if err != nil || !found || entry != w.entry {
				t.Errorf("%s: %q, %v; %q expected", w.address, entry, err, w.entry)
			}
		}
	}
	if entry, found, err := a.Lookup(t.Context(), theirs, region, netip.MustParsePrefix("8.8.8.8/32")); err != nil || found {
		t.Errorf("somebody else's: %q, %v", entry, err)
	}
	if _, _, err := a.Lookup(t.Context(), "333344445555", region, netip.MustParsePrefix("8.8.8.8/32")); err == nil || !strings.Contains(err.Error(), "not allowed") {
		t.Errorf("an account that is not allowed: %v", err)
	}
	entry, found, err := own.NewPrincipals(c).Lookup(t.Context(), theirs, "role/riposte")
	if err != nil || !found || entry != "riposte's own role arn:aws:iam::"+theirs+":role/riposte" {
		t.Errorf("%q, %v", entry, err)
	}
}
