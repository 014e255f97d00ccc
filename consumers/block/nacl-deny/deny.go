// Package nacldeny denies addresses in network ACLs. Several commands, processes and people may write to one ACL: a command adds and removes
// its own entry and leaves the rest as it is.
package nacldeny

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/block/address"
	"github.com/riposte-security/riposte/consumers/block/batch"
	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/schemas"
)

const within = 30 * time.Second

// API is what the action needs of EC2.
type API interface {
	DescribeNetworkAcls(context.Context, *ec2.DescribeNetworkAclsInput, ...func(*ec2.Options)) (*ec2.DescribeNetworkAclsOutput, error)
	CreateNetworkAclEntry(context.Context, *ec2.CreateNetworkAclEntryInput, ...func(*ec2.Options)) (*ec2.CreateNetworkAclEntryOutput, error)
	DeleteNetworkAclEntry(context.Context, *ec2.DeleteNetworkAclEntryInput, ...func(*ec2.Options)) (*ec2.DeleteNetworkAclEntryOutput, error)
}

// Deps is what the action is made of.
type Deps struct {
	EC2    func(ctx context.Context, account, region string) (API, error)
	Region string // of ACLs for which none is given
	Now    func() time.Time
}

// state is which of the ACLs deny the address. What else is in there is none of the command's business.
type state struct {
	Address   string  `json:"address"`
	Direction string  `json:"direction"`
	ACLs      []place `json:"acls"` // sorted by id

	found []acl // while planning
}

// A place is one network ACL.
type place struct {
	ID     string `json:"id"`
	Denied bool   `json:"denied"`
	// Number is that of the entry that denies, or is to deny. Another will do if that one is taken meanwhile.
	Number int32 `json:"number,omitempty"`
}

// OnAWS makes the action with real clients.
func OnAWS(c *cloud.Clients, now func() time.Time) consumers.Action {
	return New(Deps{Now: now, Region: c.Region(), EC2: func(ctx context.Context, account, region string) (API, error) { return c.EC2(ctx, account, region) }})
}

// New makes the action. Commands that deny one address in one network ACL, subnet or VPC share their effect.
func New(d Deps) consumers.Action {
	x := &denier{Deps: d, turn: batch.NewTurn()}
	same := func(a, b state) bool {
		return slices.EqualFunc(a.ACLs, b.ACLs, func(p, q place) bool { return p.ID == q.ID && p.Denied == q.Denied })
	}
	x.Action = attribute.New(attribute.Row[state]{
		Noun:  func(cmd schemas.Command) string { return "address " + cmd.Target.ID },
		Read:  x.read,
		Want:  x.want,
		Write: x.write,
		Same:  same,
		// of the ACLs in question, each has the entry or has it not; others are none of them
		Between: func(current, before, _ state) bool {
			return slices.EqualFunc(current.ACLs, before.ACLs, func(p, q place) bool { return p.ID == q.ID })
		},
		Now:    d.Now,
		Within: within,
	})
	return x
}

type denier struct {
	*attribute.Action[state]
	Deps
	turn batch.Turn // of the one who writes
}

// Enforcer implements consumers.Sharer: it names the ACLs and the direction.
func (x *denier) Enforcer(cmd schemas.Command) string {
	s, err := settingsOf(cmd, x.Region)
	if err != nil {
		return ""
	}
	return s.enforcer()
}

// Touches implements consumers.Toucher: the network ACLs that get an entry.
func (x *denier) Touches(cmd schemas.Command, p schemas.Plan) ([]schemas.Target, error) {
	before, err := attribute.Before[state](p)
	if err != nil {
		return nil, err
	}
	s, err := settingsOf(cmd, x.Region)
	if err != nil {
		return nil, err
	}
	var all []schemas.Target
	for _, a := range before.ACLs {
		if !a.Denied {
			all = append(all, schemas.Target{Type: cloud.TypeNetworkACL, Account: s.Account, Region: s.Region, ID: a.ID})
		}
	}
	return all, nil
}

func (x *denier) read(ctx context.Context, cmd schemas.Command, like *state) (state, error) {
	p, err := address.Of(cmd)
	if err != nil {
		return state{}, err
	}
	s, err := settingsOf(cmd, x.Region)
	if err != nil {
		return state{}, err
	}
	if like == nil {
		if err := address.Refuse(p, s.Never); err != nil {
			return state{}, err
		}
	}
	api, err := x.EC2(ctx, s.Account, s.Region)
	if err != nil {
		return state{}, err
	}
	current := state{Address: p.String(), Direction: s.Direction, ACLs: []place{}}
	if like == nil {
		current.found, err = find(ctx, api, s)
	} else {
		current.found, err = planned(ctx, api, s, like.ACLs)
	}
	for _, a := range current.found {
		n := a.denies(p)
		current.ACLs = append(current.ACLs, place{ID: a.id, Denied: n != 0, Number: n})
	}
	if err != nil {
		return current, fmt.Errorf("network ACL of %s: %w", s.scope(), err)
	}
	return current, nil
}

func (x *denier) want(cmd schemas.Command, current state) (attribute.Change[state], error) {
	c := attribute.Change[state]{Before: current, After: current}
	s, err := settingsOf(cmd, x.Region)
	if err != nil {
		return c, err
	}
	p, err := address.Of(cmd)
	if err != nil {
		return c, err
	}
	c.After.ACLs = slices.Clone(current.ACLs)
	var where []string
	for i, a := range current.found {
		if current.ACLs[i].Denied {
			continue
		}
		n, err := a.free(p, s)
		if err != nil {
			return c, err
		}
		c.After.ACLs[i].Denied, c.After.ACLs[i].Number = true, n
		where = append(where, a.id)
		c.Calls = append(c.Calls, schemas.Call{Service: "ec2", Operation: "CreateNetworkAclEntry", Params: entryParams(a.id, p, n, s.egress())})
	}
	if len(where) == 0 {
		c.Summary = fmt.Sprintf("%s is denied %s by %s already", current.Address, s.Direction, s.scope())
		return c, nil
	}
	c.Summary = fmt.Sprintf("deny %s %s in network ACL %s%s", current.Address, s.Direction, strings.Join(where, ", "), attribute.Lasting(cmd))
	return c, nil
}

func entryParams(id string, p netip.Prefix, number int32, egress bool) map[string]any {
	params := map[string]any{"NetworkAclId": id, "RuleNumber": number, "Protocol": "-1", "RuleAction": "deny", "Egress": egress, "CidrBlock": p.String()}
	if p.Addr().Is6() {
		delete(params, "CidrBlock")
		params["Ipv6CidrBlock"] = p.String()
	}
	return params
}
