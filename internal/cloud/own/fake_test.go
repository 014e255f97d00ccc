package own

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/rs/zerolog"
)

const (
	ours   = "123456789012"
	theirs = "210987654321"
	region = "eu-west-1"
)

// A fake is EC2 in one account. Interfaces come in pages of three.
type fake struct {
	mu         sync.Mutex
	reads      int
	err        error         // of every call
	hang       bool          // every call waits until its context ends
	lingers    time.Duration // and then so long
	inside     int           // calls that have not returned
	vpcs       []types.Vpc
	addresses  []types.Address
	customers  []types.CustomerGateway
	interfaces []types.NetworkInterface
	nats       []types.NatGateway
	endless    bool // there is always one page more
}

func (f *fake) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fake) call(ctx context.Context) error {
	f.mu.Lock()
	hang, err := f.hang, f.err
	f.inside++
	f.mu.Unlock()
	defer f.set(func() { f.inside-- })
	if hang {
		<-ctx.Done()
		time.Sleep(f.lingers) //nolint:forbidigo // in a bubble, where time costs none
		return ctx.Err()
	}
	return err
}

func (f *fake) DescribeVpcs(ctx context.Context, _ *ec2.DescribeVpcsInput, _ ...func(*ec2.Options)) (*ec2.DescribeVpcsOutput, error) {
	f.set(func() { f.reads++ })
	return &ec2.DescribeVpcsOutput{Vpcs: f.vpcs}, f.call(ctx)
}

func (f *fake) DescribeAddresses(ctx context.Context, _ *ec2.DescribeAddressesInput, _ ...func(*ec2.Options)) (*ec2.DescribeAddressesOutput, error) {
	return &ec2.DescribeAddressesOutput{Addresses: f.addresses}, f.call(ctx)
}

func (f *fake) DescribeCustomerGateways(ctx context.Context, _ *ec2.DescribeCustomerGatewaysInput, _ ...func(*ec2.Options)) (*ec2.DescribeCustomerGatewaysOutput, error) {
	return &ec2.DescribeCustomerGatewaysOutput{CustomerGateways: f.customers}, f.call(ctx)
}

func (f *fake) DescribeNatGateways(ctx context.Context, _ *ec2.DescribeNatGatewaysInput, _ ...func(*ec2.Options)) (*ec2.DescribeNatGatewaysOutput, error) {
	return &ec2.DescribeNatGatewaysOutput{NatGateways: f.nats}, f.call(ctx)
}

func (f *fake) DescribeNetworkInterfaces(ctx context.Context, in *ec2.DescribeNetworkInterfacesInput, _ ...func(*ec2.Options)) (*ec2.DescribeNetworkInterfacesOutput, error) {
	from := 0
	if in.NextToken != nil {
		if _, err := fmt.Sscan(*in.NextToken, &from); err != nil {
			return nil, err
		}
	}
	size := 3
	if len(f.interfaces) > 1000 {
		size = int(aws.ToInt32(in.MaxResults))
	}
	to := min(from+size, len(f.interfaces))
	out := &ec2.DescribeNetworkInterfacesOutput{NetworkInterfaces: f.interfaces[from:to]}
	switch {
	case f.endless:
		out.NextToken = aws.String("0")
	case to < len(f.interfaces):
		out.NextToken = aws.String(fmt.Sprint(to))
	}
	return out, f.call(ctx)
}

// settled is an account with something of everything.
func settled() *fake {
	public := func(ip string) *types.NetworkInterfaceAssociation {
		return &types.NetworkInterfaceAssociation{PublicIp: &ip}
	}
	s := aws.String
	return &fake{
		vpcs: []types.Vpc{{VpcId: s("vpc-1"), CidrBlock: s("10.0.0.0/16"), CidrBlockAssociationSet: []types.VpcCidrBlockAssociation{{CidrBlock: s("10.0.0.0/16")}, {CidrBlock: s("100.64.0.0/20")}},
			Ipv6CidrBlockAssociationSet: []types.VpcIpv6CidrBlockAssociation{{Ipv6CidrBlock: s("2001:db8:1::/56")}}}},
		addresses: []types.Address{{PublicIp: s("198.51.100.1"), AllocationId: s("eipalloc-1")}, {PublicIp: s("198.51.100.2"), AllocationId: s("eipalloc-2")}},
		customers: []types.CustomerGateway{{CustomerGatewayId: s("cgw-1"), IpAddress: s("192.0.2.77")}, {CustomerGatewayId: s("cgw-0"), IpAddress: s("192.0.2.99"), State: s("deleted")}},
		interfaces: []types.NetworkInterface{
			{NetworkInterfaceId: s("eni-1"), Attachment: &types.NetworkInterfaceAttachment{InstanceId: s("i-1")}, Association: public("203.0.113.10"),
				PrivateIpAddresses: []types.NetworkInterfacePrivateIpAddress{{PrivateIpAddress: s("10.0.0.5"), Association: public("203.0.113.10")}, {PrivateIpAddress: s("10.0.0.6"), Association: public("203.0.113.11")}},
				Ipv6Addresses:      []types.NetworkInterfaceIpv6Address{{Ipv6Address: s("2001:db8:1::5")}}},
			{NetworkInterfaceId: s("eni-2"), RequesterId: s("amazon-elb"), Description: s("ELB app/web/50dc6c495c0c9188"), Association: public("203.0.113.20")},
			{NetworkInterfaceId: s("eni-3"), RequesterId: s("999999999999"), Description: s("ELB net/tcp/1"), InterfaceType: types.NetworkInterfaceTypeNetworkLoadBalancer, Association: public("203.0.113.21")},
			{NetworkInterfaceId: s("eni-4"), InterfaceType: types.NetworkInterfaceTypeNatGateway, Description: s("Interface for NAT Gateway nat-2"), Association: public("203.0.113.31")},
			{NetworkInterfaceId: s("eni-5"), Description: s("my\x1b[31m thing"), Association: public("203.0.113.40"), Ipv6Prefixes: []types.Ipv6PrefixSpecification{{Ipv6Prefix: s("2001:db8:2::/80")}}},
			{NetworkInterfaceId: s("eni-6"), PrivateIpAddresses: []types.NetworkInterfacePrivateIpAddress{{PrivateIpAddress: s("10.0.0.7")}}},
		},
		nats: []types.NatGateway{
			{NatGatewayId: s("nat-1"), State: types.NatGatewayStateAvailable, NatGatewayAddresses: []types.NatGatewayAddress{{PublicIp: s("198.51.100.2"), PrivateIp: s("10.0.0.9")}}},
			{NatGatewayId: s("nat-0"), State: types.NatGatewayStateDeleted, NatGatewayAddresses: []types.NatGatewayAddress{{PublicIp: s("198.51.100.9")}}},
		},
	}
}

// made are Addresses of accounts ("": our own) with their fakes; those in kept are kept from the start.
func made(t *testing.T, accounts map[string]*fake, kept ...string) *Addresses {
	t.Helper()
	return NewWith(Deps{Accounts: kept, Regions: []string{region}, Refresh: 10 * time.Minute, MaxAge: 2 * time.Hour, Log: zerolog.Nop(),
		Account: func(context.Context) (string, error) { return ours, nil },
		EC2: func(_ context.Context, account, _ string) (EC2, error) {
			f, ok := accounts[account]
			if !ok {
				return nil, fmt.Errorf("account %q is not expected", account)
			}
			return f, nil
		}})
}
