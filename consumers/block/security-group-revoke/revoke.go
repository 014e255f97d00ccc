// Package securitygrouprevoke revokes inbound rules of a security group, and gives them back.
package securitygrouprevoke

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/consumers/securitygroup"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/schemas"
)

const within = 30 * time.Second

// A rule is one of the group's that let something in.
type rule = securitygroup.Rule

// API is what the action needs of EC2.
type API interface {
	securitygroup.Reader
	securitygroup.Ingress
}

// Deps is what the action is made of.
type Deps struct {
	EC2 func(ctx context.Context, account, region string) (API, error)
	Now func() time.Time
}

// state is those of the rules in question that the group has, sorted by key. What other rules there are is none of the command's business.
type state struct {
	Rules []rule `json:"rules"`
}

// OnAWS makes the action with real clients.
func OnAWS(c *cloud.Clients, now func() time.Time) consumers.Action {
	return New(Deps{Now: now, EC2: func(ctx context.Context, account, region string) (API, error) { return c.EC2(ctx, account, region) }})
}

// New makes the action.
func New(d Deps) consumers.Action {
	r := revoker{d}
	return attribute.New(attribute.Row[state]{
		Noun:    func(cmd schemas.Command) string { return "security group " + cmd.Target.ID },
		Read:    r.read,
		Want:    want,
		Write:   r.write,
		Same:    func(a, b state) bool { return slices.EqualFunc(a.Rules, b.Rules, rule.Same) },
		Between: func(current, before, _ state) bool { return len(securitygroup.Minus(current.Rules, before.Rules)) == 0 },
		Now:     d.Now,
		Within:  within,
	})
}

type revoker struct{ Deps }

func (r revoker) read(ctx context.Context, cmd schemas.Command, like *state) (state, error) {
	api, err := r.EC2(ctx, cmd.Target.Account, cmd.Target.Region)
	if err != nil {
		return state{}, err
	}
	if like != nil {
		rules, err := securitygroup.Rules(ctx, api, cmd.Target.ID, true, false)
		if err == nil && len(rules) == 0 {
			err = securitygroup.Exists(ctx, api, cmd.Target.ID)
		}
		return state{slices.DeleteFunc(rules, func(r rule) bool {
			return !slices.ContainsFunc(like.Rules, func(l rule) bool { return l.Key() == r.Key() })
		})}, err
	}
	sel, err := selectionOf(cmd)
	if err != nil {
		return state{}, err
	}
	if err := securitygroup.Exists(ctx, api, cmd.Target.ID); err != nil {
		return state{}, err
	}
	rules, err := securitygroup.Rules(ctx, api, cmd.Target.ID, true, false)
	if err != nil {
		return state{}, err
	}
	rules = slices.DeleteFunc(rules, func(r rule) bool { return !sel.takes(r) })
	if len(rules) < len(sel.ids) && r.Now().Sub(cmd.EventTime) <= cloud.Settling {
		return state{}, errors.New("it does not have all the rules named (they may not be visible yet)")
	}
	return state{rules}, nil
}

func want(cmd schemas.Command, current state) (attribute.Change[state], error) {
	c := attribute.Change[state]{Before: current, After: state{[]rule{}}}
	if len(current.Rules) == 0 {
		c.Summary = "security group " + cmd.Target.ID + " has no such rule (any more)"
		return c, nil
	}
	var ids, texts []string
	for _, r := range current.Rules {
		ids, texts = append(ids, r.ID), append(texts, r.Text())
	}
	c.Summary = "revoke from security group " + cmd.Target.ID + ": " + strings.Join(texts, ", ") + attribute.Lasting(cmd)
	c.Calls = []schemas.Call{{Service: "ec2", Operation: "RevokeSecurityGroupIngress", Params: map[string]any{"GroupId": cmd.Target.ID, "SecurityGroupRuleIds": ids}}}
	return c, nil
}

// write revokes what should not be there and authorises what should.
func (r revoker) write(ctx context.Context, cmd schemas.Command, from, to state) error {
	api, err := r.EC2(ctx, cmd.Target.Account, cmd.Target.Region)
	if err != nil {
		return err
	}
	if err := securitygroup.Revoke(ctx, api, cmd.Target.ID, securitygroup.Minus(from.Rules, to.Rules)); err != nil {
		return err
	}
	return securitygroup.Authorize(ctx, api, cmd.Target.ID, securitygroup.Minus(to.Rules, from.Rules))
}
