// Package own knows what belongs to ourselves: the addresses of our AWS accounts, which must never be blocked, and the principals that riposte acts
// as, which must never be touched.
package own

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
)

// Policy lists the least AWS IAM actions that reading addresses needs, in every account.
func Policy() []string {
	return []string{"ec2:DescribeAddresses", "ec2:DescribeCustomerGateways", "ec2:DescribeNatGateways", "ec2:DescribeNetworkInterfaces", "ec2:DescribeVpcs"}
}

const (
	patience = 10 * time.Second // that Lookup waits for a list that there is none of, or only one too old
	maxAsked = 256              // scopes that are kept because somebody asked about them
)

// EC2 are the calls that read the addresses of one account and region.
type EC2 interface {
	DescribeAddresses(ctx context.Context, in *ec2.DescribeAddressesInput, opts ...func(*ec2.Options)) (*ec2.DescribeAddressesOutput, error)
	DescribeCustomerGateways(ctx context.Context, in *ec2.DescribeCustomerGatewaysInput, opts ...func(*ec2.Options)) (*ec2.DescribeCustomerGatewaysOutput, error)
	DescribeNatGateways(ctx context.Context, in *ec2.DescribeNatGatewaysInput, opts ...func(*ec2.Options)) (*ec2.DescribeNatGatewaysOutput, error)
	DescribeNetworkInterfaces(ctx context.Context, in *ec2.DescribeNetworkInterfacesInput, opts ...func(*ec2.Options)) (*ec2.DescribeNetworkInterfacesOutput, error)
	DescribeVpcs(ctx context.Context, in *ec2.DescribeVpcsInput, opts ...func(*ec2.Options)) (*ec2.DescribeVpcsOutput, error)
}

// Deps are what Addresses are read with.
type Deps struct {
	EC2      func(ctx context.Context, account, region string) (EC2, error) // account "": our own
	Account  func(ctx context.Context) (string, error)                      // our own
	Accounts []string                                                       // to be kept from the start, beside our own
	Regions  []string                                                       // of each of them; none: there is no AWS here
	Off      bool
	Refresh  time.Duration
	MaxAge   time.Duration
	Log      zerolog.Logger
}

// Addresses are the public addresses, and the networks, of our accounts, by account and region. Each list is read whole, and keeps its last good copy
// while it cannot be read anew. It is safe for concurrent use; no account waits for another.
//
// A list is as old as OwnAddresses.Refresh, as long as Run is at work, or is read by Lookup when it has got older than that. A copy older than
// OwnAddresses.MaxAge is not believed any more: who asks gets an error that a retry may mend, since a block that comes late is better than one
// that cuts off ourselves.
type Addresses struct {
	d       Deps
	home    []*scope // those of our own account
	fixed   []*scope // all that are configured, home included
	asked   *lru.Cache[place, *scope]
	running atomic.Bool
}

type place struct{ account, region string } // account "": our own

// New keeps the addresses that the section own_addresses of c's settings names. It asks nobody.
func New(c *cloud.Clients, log zerolog.Logger) *Addresses {
	o := c.OwnAddresses()
	d := Deps{Account: c.Account, Accounts: o.Accounts, Regions: o.Regions, Off: o.Off, Refresh: o.Refresh, MaxAge: o.MaxAge, Log: log,
		EC2: func(ctx context.Context, account, region string) (EC2, error) { return c.EC2(ctx, account, region) }}
	if d.Accounts == nil {
		d.Accounts = c.Accounts()
	}
	if d.Regions == nil && c.Region() != "" {
		d.Regions = []string{c.Region()}
	}
	return NewWith(d)
}

// NewWith is New with other things to read from, for tests.
func NewWith(d Deps) *Addresses {
	asked, _ := lru.New[place, *scope](maxAsked) // fails for no size only
	a := &Addresses{d: d, asked: asked}
	for _, region := range d.Regions {
		a.home = append(a.home, newScope(a, place{"", region}))
	}
	a.fixed = slices.Clone(a.home)
	for _, account := range d.Accounts {
		for _, region := range d.Regions {
			a.fixed = append(a.fixed, newScope(a, place{account, region}))
		}
	}
	return a
}

// Lookup tells whether an address is ours, or a network has one that is in it, contains it or is the same, and says which: "nat gateway nat-0abc,
// 203.0.113.7 (123456789012 eu-west-1)".
//
// What has to be known for sure is the list of that account and region; where they are "" (what blocks is no AWS thing), those of our own account in
// all regions that are configured. Without a list that can be believed the answer is an error, which is not permanent. All other lists are asked
// too, as far as they are there.
func (a *Addresses) Lookup(ctx context.Context, account, region string, prefix netip.Prefix) (entry string, found bool, err error) {
	if a.d.Off {
		return "", false, nil
	}
	p, err := plain(prefix)
	if err != nil {
		return "", false, err
	}
	needed, err := a.needed(ctx, account, region)
	if err != nil {
		return "", false, err
	}
	for _, s := range needed {
		l, err := s.believable(ctx)
		if err != nil {
			return "", false, err
		}
		if entry, found = l.match(p); found {
			return entry, true, nil
		}
	}
	for _, s := range a.scopes() {
		if l := s.last.Load(); l != nil {
			if entry, found = l.match(p); found {
				return entry, true, nil
			}
		}
	}
	return "", false, nil
}

// needed are the scopes without which there is no answer.
func (a *Addresses) needed(ctx context.Context, account, region string) ([]*scope, error) {
	if account == "" && region == "" || len(a.d.Regions) == 0 {
		return a.home, nil
	}
	if region == "" {
		region = a.d.Regions[0]
	}
	if account != "" {
		own, err := a.d.Account(ctx)
		if err != nil {
			return nil, unread("our own account", err)
		}
		if account == own {
			account = ""
		}
	}
	return []*scope{a.scope(place{account, region})}, nil
}

// scope finds one, or begins to keep it.
func (a *Addresses) scope(p place) *scope {
	for _, s := range a.fixed {
		if s.place == p {
			return s
		}
	}
	if s, ok := a.asked.Get(p); ok {
		return s
	}
	s := newScope(a, p)
	if before, ok, _ := a.asked.PeekOrAdd(p, s); ok {
		return before
	}
	return s
}

// scopes are all there are.
func (a *Addresses) scopes() []*scope {
	return slices.Concat(a.fixed, a.asked.Values())
}

// plain is the network in the form that lists have: without host bits, IPv4 as such.
func plain(p netip.Prefix) (netip.Prefix, error) {
	if !p.IsValid() {
		return p, fault.Permanent(fmt.Errorf("own addresses: %s is no network", p))
	}
	if p.Addr().Is4In6() && p.Bits() >= 96 {
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return netip.PrefixFrom(p.Addr().WithZone(""), p.Bits()).Masked(), nil
}
