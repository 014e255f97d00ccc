package own

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/gaissmai/bart"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
)

const (
	pageSize = 1000 // the most that EC2 gives
	maxPages = 500  // half a million interfaces
	maxName  = 256  // bytes of what AWS calls a thing
	elbOwner = "amazon-elb"
)

// read reads what an account has in a region: its networks with all their private addresses, and one by one what is reachable from outside. Load
// balancers, NAT gateways and instances all have theirs on network interfaces (of those of Elastic Load Balancing, requester and description
// tell), so neither the instances nor the balancers are asked for. A copy is whole or it is none.
func (s *scope) read(ctx context.Context) (*list, error) {
	account := s.account
	if account == "" {
		var err error
		if account, err = s.a.d.Account(ctx); err != nil {
			return nil, err
		}
	}
	api, err := s.a.d.EC2(ctx, s.account, s.region)
	if err != nil {
		return nil, err
	}
	r := reader{api: api, table: &bart.Table[string]{}}
	for _, step := range []func(context.Context) error{r.vpcs, r.addresses, r.customers, r.interfaces, r.nats} { // the later name wins
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return &list{place: place{account, s.region}, table: r.table}, nil
}

type reader struct {
	api   EC2
	table *bart.Table[string]
}

// ask makes one call, again and again while that makes sense and ctx allows.
func ask[O any](ctx context.Context, call func() (*O, error)) (out *O, err error) {
	err = fault.Retry(ctx, nil, func() error {
		var err error
		out, err = call()
		return cloud.Classify(err)
	})
	return out, err
}

// pages asks until there is no next token.
func pages(ctx context.Context, page func(ctx context.Context, token *string) (next *string, err error)) error {
	var token *string
	for range maxPages {
		next, err := page(ctx, token)
		if err != nil || aws.ToString(next) == "" {
			return err
		}
		token = next
	}
	return fmt.Errorf("more than %d pages of %d", maxPages, pageSize)
}

// add puts in what AWS says, a text that is an address or a network. Where that is missing, there is nothing to add; where it cannot be read, the
// list would not be whole.
func (r *reader) add(text *string, what ...string) error {
	if aws.ToString(text) == "" {
		return nil
	}
	p, err := netip.ParsePrefix(*text)
	if err != nil {
		var a netip.Addr
		if a, err = netip.ParseAddr(*text); err == nil {
			p = netip.PrefixFrom(a, a.BitLen())
		}
	}
	if err == nil {
		p, err = plain(p)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", strings.Join(what, " "), err)
	}
	name := strings.Join(what, " ")
	r.table.Insert(p, strings.ToValidUTF8(name[:min(len(name), maxName)], ""))
	return nil
}

func (r *reader) vpcs(ctx context.Context) error {
	return pages(ctx, func(ctx context.Context, token *string) (*string, error) {
		out, err := ask(ctx, func() (*ec2.DescribeVpcsOutput, error) {
			return r.api.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{NextToken: token, MaxResults: aws.Int32(pageSize)})
		})
		if err != nil {
			return nil, err
		}
		for _, v := range out.Vpcs {
			id := aws.ToString(v.VpcId)
			errs := []error{r.add(v.CidrBlock, "vpc", id)}
			for _, c := range v.CidrBlockAssociationSet {
				errs = append(errs, r.add(c.CidrBlock, "vpc", id))
			}
			for _, c := range v.Ipv6CidrBlockAssociationSet {
				errs = append(errs, r.add(c.Ipv6CidrBlock, "vpc", id))
			}
			if err := errors.Join(errs...); err != nil {
				return nil, err
			}
		}
		return out.NextToken, nil
	})
}

// addresses are the elastic ones, also those that nothing uses at present.
func (r *reader) addresses(ctx context.Context) error {
	out, err := ask(ctx, func() (*ec2.DescribeAddressesOutput, error) {
		return r.api.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{}) // it knows no pages
	})
	if err != nil {
		return err
	}
	for _, a := range out.Addresses {
		for _, text := range []*string{a.PublicIp, a.CarrierIp, a.CustomerOwnedIp} {
			if err := r.add(text, "elastic ip", aws.ToString(a.AllocationId)); err != nil {
				return err
			}
		}
	}
	return nil
}

// customers are the other ends of our VPNs: our own offices and data centres.
func (r *reader) customers(ctx context.Context) error {
	out, err := ask(ctx, func() (*ec2.DescribeCustomerGatewaysOutput, error) {
		return r.api.DescribeCustomerGateways(ctx, &ec2.DescribeCustomerGatewaysInput{})
	})
	if err != nil {
		return err
	}
	for _, g := range out.CustomerGateways {
		if aws.ToString(g.State) == "deleted" {
			continue
		}
		if err := r.add(g.IpAddress, "customer gateway", aws.ToString(g.CustomerGatewayId)); err != nil {
			return err
		}
	}
	return nil
}

func (r *reader) interfaces(ctx context.Context) error {
	return pages(ctx, func(ctx context.Context, token *string) (*string, error) {
		out, err := ask(ctx, func() (*ec2.DescribeNetworkInterfacesOutput, error) {
			return r.api.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{NextToken: token, MaxResults: aws.Int32(pageSize)})
		})
		if err != nil {
			return nil, err
		}
		for _, i := range out.NetworkInterfaces {
			if err := r.networkInterface(i); err != nil {
				return nil, err
			}
		}
		return out.NextToken, nil
	})
}

// networkInterface adds what of an interface is reachable from outside; its private addresses are in the networks of its VPC.
func (r *reader) networkInterface(i types.NetworkInterface) error {
	what := owner(i)
	public := func(a *types.NetworkInterfaceAssociation) error {
		if a == nil {
			return nil
		}
		return errors.Join(r.add(a.PublicIp, what...), r.add(a.CarrierIp, what...), r.add(a.CustomerOwnedIp, what...))
	}
	errs := []error{public(i.Association)}
	for _, a := range i.PrivateIpAddresses {
		errs = append(errs, public(a.Association))
	}
	for _, a := range i.Ipv6Addresses {
		errs = append(errs, r.add(a.Ipv6Address, what...))
	}
	for _, p := range i.Ipv6Prefixes {
		errs = append(errs, r.add(p.Ipv6Prefix, what...))
	}
	return errors.Join(errs...)
}

// owner says what an interface belongs to.
func owner(i types.NetworkInterface) []string {
	description := strings.Map(func(r rune) rune { // anybody in the account may have written it
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, aws.ToString(i.Description))
	switch {
	case i.InterfaceType == types.NetworkInterfaceTypeNatGateway:
		return []string{"nat gateway", description[strings.LastIndexByte(description, ' ')+1:]} // Interface for NAT Gateway nat-0abc
	case aws.ToString(i.RequesterId) == elbOwner, strings.HasPrefix(description, "ELB "):
		return []string{"load balancer", strings.TrimPrefix(description, "ELB ")} // ELB app/web/50dc6c495c0c9188, ELB classic
	case i.Attachment != nil && aws.ToString(i.Attachment.InstanceId) != "":
		return []string{"instance", *i.Attachment.InstanceId}
	}
	return []string{"network interface", aws.ToString(i.NetworkInterfaceId)}
}

// nats have interfaces like all others; here they say their names.
func (r *reader) nats(ctx context.Context) error {
	return pages(ctx, func(ctx context.Context, token *string) (*string, error) {
		out, err := ask(ctx, func() (*ec2.DescribeNatGatewaysOutput, error) {
			return r.api.DescribeNatGateways(ctx, &ec2.DescribeNatGatewaysInput{NextToken: token, MaxResults: aws.Int32(pageSize)})
		})
		if err != nil {
			return nil, err
		}
		for _, g := range out.NatGateways {
			if g.State == types.NatGatewayStateDeleted || g.State == types.NatGatewayStateFailed {
				continue // it is listed for an hour more
			}
			for _, a := range g.NatGatewayAddresses {
				if err := r.add(a.PublicIp, "nat gateway", aws.ToString(g.NatGatewayId)); err != nil {
					return nil, err
				}
			}
		}
		return out.NextToken, nil
	})
}
