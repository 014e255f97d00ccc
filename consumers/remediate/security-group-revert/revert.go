// Package securitygrouprevert takes a security group back to the rules that it had before an event.
package securitygrouprevert

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/consumers/remediate/confighistory"
	"github.com/riposte-security/riposte/consumers/securitygroup"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const within = 30 * time.Second

// API is what the action needs of EC2.
type API interface {
	securitygroup.Reader
	securitygroup.Ingress
	securitygroup.Egress
}

// Deps is what the action is made of.
type Deps struct {
	EC2    func(ctx context.Context, account, region string) (API, error)
	Config func(ctx context.Context, account, region string) (confighistory.API, error)
	Now    func() time.Time
}

type rule = securitygroup.Rule

// state is those of the rules in question that the group has, sorted by key. What other rules there are is none of the command's business.
type state struct {
	Rules []rule `json:"rules"`
	// Keys are of the rules in question.
	Keys []string `json:"keys"`

	change change // while planning
}

// A change says what has to become of a group's rules.
type change struct {
	add, remove []rule
	from        string // where that is from, for people
	approval    string
}

// OnAWS makes the action with real clients.
func OnAWS(c *cloud.Clients, now func() time.Time) consumers.Action {
	return New(Deps{
		Now: now,
		EC2: func(ctx context.Context, account, region string) (API, error) { return c.EC2(ctx, account, region) },
		Config: func(ctx context.Context, account, region string) (confighistory.API, error) {
			return c.ConfigService(ctx, account, region)
		},
	})
}

// New makes the action.
func New(d Deps) consumers.Action {
	r := reverter{d}
	return attribute.New(attribute.Row[state]{
		Noun:  func(cmd schemas.Command) string { return "security group " + cmd.Target.ID },
		Read:  r.read,
		Want:  want,
		Write: r.write,
		Same:  func(a, b state) bool { return slices.EqualFunc(a.Rules, b.Rules, rule.Same) },
		Between: func(current, before, after state) bool {
			return len(securitygroup.Minus(securitygroup.Minus(current.Rules, before.Rules), after.Rules)) == 0
		},
		Now:    d.Now,
		Within: within,
	})
}

type reverter struct{ Deps }

func (r reverter) read(ctx context.Context, cmd schemas.Command, like *state) (state, error) {
	api, err := r.EC2(ctx, cmd.Target.Account, cmd.Target.Region)
	if err != nil {
		return state{}, err
	}
	if err := securitygroup.Exists(ctx, api, cmd.Target.ID); err != nil {
		return state{}, err
	}
	rules, err := securitygroup.Rules(ctx, api, cmd.Target.ID, true, true)
	if err != nil {
		return state{}, err
	}
	if like != nil {
		return state{Rules: ofKeys(rules, like.Keys), Keys: like.Keys}, nil
	}
	c, err := r.changeOf(ctx, cmd, rules)
	if err != nil {
		return state{}, err
	}
	s := state{change: c, Keys: []string{}}
	for _, x := range slices.Concat(c.add, c.remove) {
		s.Keys = append(s.Keys, x.Key())
	}
	slices.Sort(s.Keys)
	s.Keys = slices.Compact(s.Keys)
	s.Rules = ofKeys(rules, s.Keys)
	return s, nil
}

func ofKeys(rules []rule, keys []string) []rule {
	return slices.DeleteFunc(slices.Clone(rules), func(r rule) bool { return !slices.Contains(keys, r.Key()) })
}

// changeOf says what to change of the rules that the group has, by AWS Config's history or by the event's own record.
func (r reverter) changeOf(ctx context.Context, cmd schemas.Command, rules []rule) (change, error) {
	with := struct {
		By string `json:"by"`
	}{byConfig}
	if err := attribute.Settings(cmd, &with); err != nil {
		return change{}, err
	}
	said, err := eventOf(cmd)
	if err != nil {
		return change{}, err
	}
	if slices.ContainsFunc(said.added, func(a rule) bool { return !has(rules, a) }) && r.Now().Sub(cmd.EventTime) <= cloud.Settling {
		return change{}, errors.New("it does not have all the rules that the event added (they may not be visible yet)")
	}
	switch with.By {
	case byConfig:
		before, err := r.history(ctx, cmd)
		if errors.Is(err, confighistory.ErrUnreadable) {
			c, cerr := said.change(rules)
			c.from += fmt.Sprintf(" (%v)", err)
			return c, cerr
		}
		if err != nil {
			return change{}, err
		}
		if before != nil {
			return before.change(rules, said)
		}
	case byEvent:
	default:
		return change{}, fault.Permanent(fmt.Errorf("with.by: %q: %s or %s expected", with.By, byConfig, byEvent))
	}
	return said.change(rules)
}

func want(cmd schemas.Command, current state) (attribute.Change[state], error) {
	c := attribute.Change[state]{Before: current, After: state{Rules: []rule{}, Keys: current.Keys}}
	for _, r := range current.Rules {
		if !has(current.change.remove, r) {
			c.After.Rules = append(c.After.Rules, r)
		}
	}
	for _, r := range current.change.add {
		if !has(c.After.Rules, r) {
			c.After.Rules = append(c.After.Rules, r)
		}
	}
	securitygroup.Sort(c.After.Rules)
	gone, back := securitygroup.Minus(current.Rules, c.After.Rules), securitygroup.Minus(c.After.Rules, current.Rules)
	if len(gone)+len(back) == 0 {
		c.Summary = "security group " + cmd.Target.ID + " has the rules that it had before the event (again)" + current.change.from
		return c, nil
	}
	var what []string
	for _, x := range []struct {
		verb, call string
		rules      []rule
		egress     bool
	}{
		{"revoke", "RevokeSecurityGroupIngress", gone, false}, {"revoke", "RevokeSecurityGroupEgress", gone, true},
		{"restore", "AuthorizeSecurityGroupIngress", back, false}, {"restore", "AuthorizeSecurityGroupEgress", back, true},
	} {
		rules := directed(x.rules, x.egress)
		if len(rules) == 0 {
			continue
		}
		var texts []string
		for _, r := range rules {
			texts = append(texts, r.Text())
		}
		params := map[string]any{"GroupId": cmd.Target.ID, "Rules": texts}
		if x.verb == "revoke" {
			params = map[string]any{"GroupId": cmd.Target.ID, "SecurityGroupRuleIds": securitygroup.IDs(rules)}
		}
		what = append(what, x.verb+" "+strings.Join(texts, ", "))
		c.Calls = append(c.Calls, schemas.Call{Service: "ec2", Operation: x.call, Params: params})
	}
	c.Summary = "take security group " + cmd.Target.ID + " back to the rules before the event" + current.change.from + ": " + strings.Join(what, "; ")
	c.Approval = current.change.approval
	return c, nil
}

func has(rules []rule, r rule) bool {
	return slices.ContainsFunc(rules, func(x rule) bool { return x.Key() == r.Key() })
}

func directed(rules []rule, egress bool) []rule {
	return slices.DeleteFunc(slices.Clone(rules), func(r rule) bool { return r.Egress != egress })
}

// write revokes what should not be there and authorises what should.
func (r reverter) write(ctx context.Context, cmd schemas.Command, from, to state) error {
	api, err := r.EC2(ctx, cmd.Target.Account, cmd.Target.Region)
	if err != nil {
		return err
	}
	gone, back := securitygroup.Minus(from.Rules, to.Rules), securitygroup.Minus(to.Rules, from.Rules)
	if err := securitygroup.Revoke(ctx, api, cmd.Target.ID, directed(gone, false)); err != nil {
		return err
	}
	if err := securitygroup.RevokeEgress(ctx, api, cmd.Target.ID, directed(gone, true)); err != nil {
		return err
	}
	if err := securitygroup.Authorize(ctx, api, cmd.Target.ID, directed(back, false)); err != nil {
		return err
	}
	return securitygroup.AuthorizeEgress(ctx, api, cmd.Target.ID, directed(back, true))
}
