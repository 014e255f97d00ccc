// Package securitygrouprevoke revokes inbound rules of a security group, and gives them back.
package securitygrouprevoke

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const (
	within    = 30 * time.Second
	mostPages = 20 // of a hundred rules each: a group has a thousand at most
)

// API is what the action needs of EC2.
type API interface {
	DescribeSecurityGroups(context.Context, *ec2.DescribeSecurityGroupsInput, ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupsOutput, error)
	DescribeSecurityGroupRules(context.Context, *ec2.DescribeSecurityGroupRulesInput, ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupRulesOutput, error)
	RevokeSecurityGroupIngress(context.Context, *ec2.RevokeSecurityGroupIngressInput, ...func(*ec2.Options)) (*ec2.RevokeSecurityGroupIngressOutput, error)
	AuthorizeSecurityGroupIngress(context.Context, *ec2.AuthorizeSecurityGroupIngressInput, ...func(*ec2.Options)) (*ec2.AuthorizeSecurityGroupIngressOutput, error)
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
		Same:    func(a, b state) bool { return slices.EqualFunc(a.Rules, b.Rules, rule.same) },
		Between: func(current, before, _ state) bool { return len(minus(current.Rules, before.Rules)) == 0 },
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
		rules, err := inbound(ctx, api, cmd.Target.ID)
		if err == nil && len(rules) == 0 {
			err = exists(ctx, api, cmd.Target.ID)
		}
		return state{slices.DeleteFunc(rules, func(r rule) bool {
			return !slices.ContainsFunc(like.Rules, func(l rule) bool { return l.key() == r.key() })
		})}, err
	}
	sel, err := selectionOf(cmd)
	if err != nil {
		return state{}, err
	}
	if err := exists(ctx, api, cmd.Target.ID); err != nil {
		return state{}, err
	}
	rules, err := inbound(ctx, api, cmd.Target.ID)
	if err != nil {
		return state{}, err
	}
	rules = slices.DeleteFunc(rules, func(r rule) bool { return !sel.takes(r) })
	if len(rules) < len(sel.ids) && r.Now().Sub(cmd.EventTime) <= cloud.Settling {
		return state{}, errors.New("it does not have all the rules named (they may not be visible yet)")
	}
	return state{rules}, nil
}

// exists returns an error where the group is not there: a filter finds nothing in it then, and says nothing.
func exists(ctx context.Context, api API, group string) error {
	_, err := api.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{group}})
	return cloud.Classify(err)
}

// inbound reads the rules that let something in, sorted by key.
func inbound(ctx context.Context, api API, group string) ([]rule, error) {
	in := &ec2.DescribeSecurityGroupRulesInput{Filters: []types.Filter{{Name: aws.String("group-id"), Values: []string{group}}}}
	rules := []rule{}
	for range mostPages {
		out, err := api.DescribeSecurityGroupRules(ctx, in)
		if err != nil {
			return nil, cloud.Classify(err)
		}
		for _, r := range out.SecurityGroupRules {
			if aws.ToString(r.GroupId) == group && !aws.ToBool(r.IsEgress) {
				rules = append(rules, ruleOf(r))
			}
		}
		if in.NextToken = out.NextToken; aws.ToString(out.NextToken) == "" {
			slices.SortFunc(rules, func(a, b rule) int { return strings.Compare(a.key(), b.key()) })
			return rules, nil
		}
	}
	return nil, fault.Permanent(errors.New("ec2 DescribeSecurityGroupRules: the pages do not end"))
}

func want(cmd schemas.Command, current state) (attribute.Change[state], error) {
	c := attribute.Change[state]{Before: current, After: state{[]rule{}}}
	if len(current.Rules) == 0 {
		c.Summary = "security group " + cmd.Target.ID + " has no such rule (any more)"
		return c, nil
	}
	var ids, texts []string
	for _, r := range current.Rules {
		ids, texts = append(ids, r.ID), append(texts, r.text())
	}
	c.Summary = "revoke from security group " + cmd.Target.ID + ": " + strings.Join(texts, ", ") + attribute.Lasting(cmd)
	c.Calls = []schemas.Call{{Service: "ec2", Operation: "RevokeSecurityGroupIngress", Params: map[string]any{"GroupId": cmd.Target.ID, "SecurityGroupRuleIds": ids}}}
	return c, nil
}

// minus returns the rules of a that b does not have just so.
func minus(a, b []rule) []rule {
	return slices.DeleteFunc(slices.Clone(a), func(r rule) bool { return slices.ContainsFunc(b, r.same) })
}

// write revokes what should not be there and authorises what should. Rules with the same tags are authorised together: tags go with a call.
func (r revoker) write(ctx context.Context, cmd schemas.Command, from, to state) error {
	api, err := r.EC2(ctx, cmd.Target.Account, cmd.Target.Region)
	if err != nil {
		return err
	}
	if gone := minus(from.Rules, to.Rules); len(gone) > 0 {
		in := &ec2.RevokeSecurityGroupIngressInput{GroupId: &cmd.Target.ID}
		for _, r := range gone {
			in.SecurityGroupRuleIds = append(in.SecurityGroupRuleIds, r.ID)
		}
		if _, err := api.RevokeSecurityGroupIngress(ctx, in); err != nil {
			return raced(err)
		}
	}
	back := minus(to.Rules, from.Rules)
	for len(back) > 0 {
		kind := fmt.Sprint(back[0].Tags) // maps are printed in order
		in := &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &cmd.Target.ID}
		if tags := back[0].tags(); len(tags) > 0 {
			in.TagSpecifications = []types.TagSpecification{{ResourceType: types.ResourceTypeSecurityGroupRule, Tags: tags}}
		}
		back = slices.DeleteFunc(back, func(r rule) bool {
			if fmt.Sprint(r.Tags) != kind {
				return false
			}
			in.IpPermissions = append(in.IpPermissions, r.permission())
			return true
		})
		if _, err := api.AuthorizeSecurityGroupIngress(ctx, in); err != nil {
			return raced(err)
		}
	}
	return nil
}

// raced judges an error of a write: where somebody else was quicker with one of the rules, another look will tell what is left to do.
func raced(err error) error {
	switch cloud.Code(err) {
	case "InvalidPermission.Duplicate", "InvalidPermission.NotFound", "InvalidSecurityGroupRuleId.NotFound":
		return racedError(err.Error())
	}
	return cloud.Classify(err)
}

// racedError hides, on purpose, what would mark it permanent.
type racedError string

func (e racedError) Error() string { return "changed by somebody else at the same time: " + string(e) }
