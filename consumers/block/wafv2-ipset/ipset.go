// Package wafv2ipset blocks addresses in an IP set of AWS WAF. Several commands, processes and people may write to one set: a command adds
// and removes its own address and leaves the rest as it is.
package wafv2ipset

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/wafv2"
	"github.com/aws/aws-sdk-go-v2/service/wafv2/types"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/block/address"
	"github.com/riposte-security/riposte/consumers/block/batch"
	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const (
	within    = 30 * time.Second
	mostPages = 100 // of a hundred sets each
)

// API is what the action needs of WAFv2.
type API interface {
	ListIPSets(context.Context, *wafv2.ListIPSetsInput, ...func(*wafv2.Options)) (*wafv2.ListIPSetsOutput, error)
	GetIPSet(context.Context, *wafv2.GetIPSetInput, ...func(*wafv2.Options)) (*wafv2.GetIPSetOutput, error)
	UpdateIPSet(context.Context, *wafv2.UpdateIPSetInput, ...func(*wafv2.Options)) (*wafv2.UpdateIPSetOutput, error)
}

// Deps is what the action is made of.
type Deps struct {
	WAF    func(ctx context.Context, account, region string) (API, error)
	Region string // of sets for which none is given
	Now    func() time.Time
}

// state is whether an address is in a set. What else is in there is none of the command's business.
type state struct {
	Set     setRef `json:"set"`
	Address string `json:"address"`
	Present bool   `json:"present"`
}

// OnAWS makes the action with real clients.
func OnAWS(c *cloud.Clients, now func() time.Time) consumers.Action {
	return New(Deps{Now: now, Region: c.Region(), WAF: func(ctx context.Context, account, region string) (API, error) { return c.WAFV2(ctx, account, region) }})
}

// New makes the action. Commands that block one address in one set share their effect.
func New(d Deps) consumers.Action {
	b := &blocker{Deps: d, ids: map[setRef]string{}}
	b.Action = attribute.New(attribute.Row[state]{
		Noun:   func(cmd schemas.Command) string { return "address " + cmd.Target.ID },
		Read:   b.read,
		Want:   want,
		Write:  b.write,
		Same:   func(x, y state) bool { return x.Present == y.Present },
		Now:    d.Now,
		Within: within,
	})
	return b
}

type blocker struct {
	*attribute.Action[state]
	Deps
	writers batch.Writers[setRef]

	mu  sync.Mutex
	ids map[setRef]string // of sets named without one
}

func (b *blocker) read(ctx context.Context, cmd schemas.Command, like *state) (state, error) {
	p, err := address.Of(cmd)
	if err != nil {
		return state{}, err
	}
	s := state{Address: p.String()}
	if like != nil {
		s.Set = like.Set
	} else if s.Set, err = b.plannedSet(ctx, cmd, p); err != nil {
		return s, err
	}
	api, err := b.WAF(ctx, s.Set.Account, s.Set.Region)
	if err != nil {
		return s, err
	}
	out, err := get(ctx, api, s.Set)
	if cloud.Missing(err) {
		b.forget(s.Set)
		if like != nil { // a set that is gone blocks nothing
			return s, nil
		}
	}
	if err != nil {
		return s, fmt.Errorf("%s: %w", s.Set, err)
	}
	if family := familyOf(p); out.IPSet.IPAddressVersion != family {
		return s, fault.Permanent(fmt.Errorf("%s holds %s addresses, and %s is %s", s.Set, out.IPSet.IPAddressVersion, p, family))
	}
	s.Present = address.Holds(out.IPSet.Addresses, p)
	return s, nil
}

func familyOf(p netip.Prefix) types.IPAddressVersion {
	if p.Addr().Is6() {
		return types.IPAddressVersionIpv6
	}
	return types.IPAddressVersionIpv4
}

// get reads a set whole.
func get(ctx context.Context, api API, r setRef) (*wafv2.GetIPSetOutput, error) {
	out, err := api.GetIPSet(ctx, &wafv2.GetIPSetInput{Name: &r.Name, Id: &r.ID, Scope: types.Scope(r.Scope)})
	if err != nil {
		return nil, cloud.Classify(err)
	}
	if out.IPSet == nil || out.LockToken == nil {
		return nil, fmt.Errorf("wafv2 GetIPSet: the answer does not hold the set")
	}
	return out, nil
}

// plannedSet settles whether the address may be blocked, and where.
func (b *blocker) plannedSet(ctx context.Context, cmd schemas.Command, p netip.Prefix) (setRef, error) {
	s, err := settingsOf(cmd, b.Region)
	if err != nil {
		return setRef{}, err
	}
	if err := address.Refuse(p, s.Never); err != nil {
		return setRef{}, err
	}
	r, err := s.set(p)
	if err != nil {
		return r, err
	}
	if r, err = b.identify(ctx, r); err != nil {
		return r, fmt.Errorf("%s: %w", r, err)
	}
	return r, nil
}

// identify finds a set's id, unless it has one. What was found is kept.
func (b *blocker) identify(ctx context.Context, named setRef) (setRef, error) {
	r := named
	if r.ID != "" {
		return r, nil
	}
	b.mu.Lock()
	r.ID = b.ids[named]
	b.mu.Unlock()
	if r.ID != "" {
		return r, nil
	}
	var err error
	if r.ID, err = b.lookup(ctx, r); err != nil {
		return r, err
	}
	b.mu.Lock()
	b.ids[named] = r.ID
	b.mu.Unlock()
	return r, nil
}

// Enforcer implements consumers.Sharer: it names the set that a command's address goes into, whatever else its settings say.
func (b *blocker) Enforcer(cmd schemas.Command) string {
	r, err := b.refOf(cmd)
	if err != nil {
		return ""
	}
	return strings.Join([]string{r.Account, r.Region, r.Scope, r.Name}, " ")
}

// Touches implements consumers.Toucher: the set.
func (b *blocker) Touches(_ schemas.Command, p schemas.Plan) ([]schemas.Target, error) {
	s, err := attribute.Before[state](p)
	return []schemas.Target{cloud.IPSet(s.Set.Account, s.Set.Region, s.Set.Scope, s.Set.Name, s.Set.ID)}, err
}

// forget drops a looked-up id: a set made anew under the old name has another.
func (b *blocker) forget(r setRef) {
	r.ID = ""
	b.mu.Lock()
	delete(b.ids, r)
	b.mu.Unlock()
}

// lookup finds a set's id by its name.
func (b *blocker) lookup(ctx context.Context, r setRef) (string, error) {
	api, err := b.WAF(ctx, r.Account, r.Region)
	if err != nil {
		return "", err
	}
	in := &wafv2.ListIPSetsInput{Scope: types.Scope(r.Scope), Limit: aws.Int32(100)}
	for range mostPages {
		out, err := api.ListIPSets(ctx, in)
		if err != nil {
			return "", cloud.Classify(err)
		}
		for _, s := range out.IPSets {
			if aws.ToString(s.Name) == r.Name {
				return aws.ToString(s.Id), nil
			}
		}
		if in.NextMarker = out.NextMarker; aws.ToString(out.NextMarker) == "" {
			break
		}
	}
	return "", fault.Permanent(fmt.Errorf("no such IP set"))
}

func want(cmd schemas.Command, current state) (attribute.Change[state], error) {
	c := attribute.Change[state]{Before: current, After: current}
	c.After.Present = true
	if current.Present {
		c.Summary = current.Address + " is in " + current.Set.String() + " already"
		return c, nil
	}
	c.Summary = "add " + current.Address + " to " + current.Set.String() + attribute.Lasting(cmd)
	c.Calls = []schemas.Call{{Service: "wafv2", Operation: "UpdateIPSet", Params: map[string]any{
		"Scope": current.Set.Scope, "Name": current.Set.Name, "Id": current.Set.ID, "Addresses": map[string]any{"add": current.Address},
	}}}
	return c, nil
}

func (b *blocker) write(ctx context.Context, _ schemas.Command, from, to state) error {
	p, err := address.Parse(to.Address)
	if err != nil {
		return fault.Permanent(err)
	}
	api, err := b.WAF(ctx, from.Set.Account, from.Set.Region)
	if err != nil {
		return err
	}
	if err := b.writers.Of(from.Set).Write(ctx, p, to.Present, func(ctx context.Context, changes []*batch.Change) error { return commit(ctx, api, from.Set, changes) }); err != nil {
		return fmt.Errorf("%s: %w", from.Set, err)
	}
	return nil
}
