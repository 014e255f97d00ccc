package securitygroup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// TargetType is the type of these targets.
const TargetType = "ec2-security-group"

const mostPages = 20 // of a hundred rules each: a group has a thousand at most

// Reader is what reads a group.
type Reader interface {
	DescribeSecurityGroups(context.Context, *ec2.DescribeSecurityGroupsInput, ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupsOutput, error)
	DescribeSecurityGroupRules(context.Context, *ec2.DescribeSecurityGroupRulesInput, ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupRulesOutput, error)
}

// Ingress is what writes the rules that let in.
type Ingress interface {
	RevokeSecurityGroupIngress(context.Context, *ec2.RevokeSecurityGroupIngressInput, ...func(*ec2.Options)) (*ec2.RevokeSecurityGroupIngressOutput, error)
	AuthorizeSecurityGroupIngress(context.Context, *ec2.AuthorizeSecurityGroupIngressInput, ...func(*ec2.Options)) (*ec2.AuthorizeSecurityGroupIngressOutput, error)
}

// Egress is what writes the rules that let out.
type Egress interface {
	RevokeSecurityGroupEgress(context.Context, *ec2.RevokeSecurityGroupEgressInput, ...func(*ec2.Options)) (*ec2.RevokeSecurityGroupEgressOutput, error)
	AuthorizeSecurityGroupEgress(context.Context, *ec2.AuthorizeSecurityGroupEgressInput, ...func(*ec2.Options)) (*ec2.AuthorizeSecurityGroupEgressOutput, error)
}

// Canonical takes a group's id or ARN. An ARN's own account and region go before the event's.
func Canonical(raw, account, region string) (schemas.Target, error) {
	id := raw
	if strings.HasPrefix(raw, "arn:") {
		a, err := arn.Parse(raw)
		if err != nil {
			return schemas.Target{}, fmt.Errorf("security group %q: %w", raw, err)
		}
		rest, ok := strings.CutPrefix(a.Resource, "security-group/")
		if a.Service != "ec2" || !ok {
			return schemas.Target{}, fmt.Errorf("security group %q: not the ARN of a security group", raw)
		}
		id, account, region = rest, a.AccountID, a.Region
	}
	if !cloud.IsEC2ID(id, "sg-") {
		return schemas.Target{}, fmt.Errorf("security group %q: an id (sg-0123456789abcdef0) or ARN expected", raw)
	}
	return schemas.Target{Type: TargetType, Account: account, Region: region, ID: id}, nil
}

// Exists returns an error where the group is not there: a filter finds nothing in it then, and says nothing.
func Exists(ctx context.Context, api Reader, group string) error {
	_, err := api.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{group}})
	return cloud.Classify(err)
}

// Rules reads the rules that let in, out, or both, sorted by key.
func Rules(ctx context.Context, api Reader, group string, in, out bool) ([]Rule, error) {
	ask := &ec2.DescribeSecurityGroupRulesInput{Filters: []types.Filter{{Name: aws.String("group-id"), Values: []string{group}}}}
	rules := []Rule{}
	for range mostPages {
		page, err := api.DescribeSecurityGroupRules(ctx, ask)
		if err != nil {
			return nil, cloud.Classify(err)
		}
		for _, r := range page.SecurityGroupRules {
			if egress := aws.ToBool(r.IsEgress); aws.ToString(r.GroupId) == group && (egress && out || !egress && in) {
				rules = append(rules, Of(r))
			}
		}
		if ask.NextToken = page.NextToken; aws.ToString(page.NextToken) == "" {
			Sort(rules)
			return rules, nil
		}
	}
	return nil, fault.Permanent(errors.New("ec2 DescribeSecurityGroupRules: the pages do not end"))
}

// Sort brings rules into the order of their keys.
func Sort(rules []Rule) {
	slices.SortFunc(rules, func(a, b Rule) int { return strings.Compare(a.Key(), b.Key()) })
}

// Minus returns the rules of a that b does not have just so.
func Minus(a, b []Rule) []Rule {
	return slices.DeleteFunc(slices.Clone(a), func(r Rule) bool { return slices.ContainsFunc(b, r.Same) })
}

// Revoke takes rules that let in out of a group, by their ids.
func Revoke(ctx context.Context, api Ingress, group string, rules []Rule) error {
	if len(rules) == 0 {
		return nil
	}
	_, err := api.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: &group, SecurityGroupRuleIds: IDs(rules)})
	return raced(err)
}

// RevokeEgress takes rules that let out out of a group, by their ids.
func RevokeEgress(ctx context.Context, api Egress, group string, rules []Rule) error {
	if len(rules) == 0 {
		return nil
	}
	_, err := api.RevokeSecurityGroupEgress(ctx, &ec2.RevokeSecurityGroupEgressInput{GroupId: &group, SecurityGroupRuleIds: IDs(rules)})
	return raced(err)
}

// Authorize adds rules that let in.
func Authorize(ctx context.Context, api Ingress, group string, rules []Rule) error {
	return byTags(rules, func(permissions []types.IpPermission, tags []types.TagSpecification) error {
		_, err := api.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &group, IpPermissions: permissions, TagSpecifications: tags})
		return raced(err)
	})
}

// AuthorizeEgress adds rules that let out.
func AuthorizeEgress(ctx context.Context, api Egress, group string, rules []Rule) error {
	return byTags(rules, func(permissions []types.IpPermission, tags []types.TagSpecification) error {
		_, err := api.AuthorizeSecurityGroupEgress(ctx, &ec2.AuthorizeSecurityGroupEgressInput{GroupId: &group, IpPermissions: permissions, TagSpecifications: tags})
		return raced(err)
	})
}

// byTags calls for all rules that have the same tags together: tags go with a call.
func byTags(rules []Rule, call func([]types.IpPermission, []types.TagSpecification) error) error {
	for len(rules) > 0 {
		kind := fmt.Sprint(rules[0].Tags) // maps are printed in order
		var with []types.TagSpecification
		if tags := rules[0].TagList(); len(tags) > 0 {
			with = []types.TagSpecification{{ResourceType: types.ResourceTypeSecurityGroupRule, Tags: tags}}
		}
		var permissions []types.IpPermission
		var rest []Rule
		for _, r := range rules {
			if fmt.Sprint(r.Tags) == kind {
				permissions = append(permissions, r.permission())
			} else {
				rest = append(rest, r)
			}
		}
		if err := call(permissions, with); err != nil {
			return err
		}
		rules = rest
	}
	return nil
}

// IDs are the ids of rules.
func IDs(rules []Rule) []string {
	ids := []string{}
	for _, r := range rules {
		ids = append(ids, r.ID)
	}
	return ids
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
