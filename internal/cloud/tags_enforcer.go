package cloud

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/networkfirewall"
	nfwtypes "github.com/aws/aws-sdk-go-v2/service/networkfirewall/types"
	"github.com/aws/aws-sdk-go-v2/service/wafv2"
	waftypes "github.com/aws/aws-sdk-go-v2/service/wafv2/types"

	"github.com/riposte-security/riposte/schemas"
)

// Types of what blocks are kept in, and of functions. The id of an IP set is what follows the account in its ARN (regional/ipset/NAME/ID), and so is that of
// a rule group (stateful-rulegroup/NAME).
const (
	TypeIPSet      = "wafv2-ip-set"
	TypeNetworkACL = "ec2-network-acl"
	TypeRuleGroup  = "network-firewall-rule-group"
	TypeLambda     = "lambda-function"
)

// IPSet is an IP set of AWS WAF as a target. scope is REGIONAL or CLOUDFRONT.
func IPSet(account, region, scope, name, id string) schemas.Target {
	where := "regional"
	if scope == string(waftypes.ScopeCloudfront) {
		where = "global"
	}
	return schemas.Target{Type: TypeIPSet, Account: account, Region: region, ID: strings.Join([]string{where, "ipset", name, id}, "/")}
}

func (c *Clients) ipSetTags(ctx context.Context, t schemas.Target) (map[string]string, error) {
	api, err := c.WAFV2(ctx, t.Account, t.Region)
	if err != nil {
		return nil, err
	}
	part := append(strings.Split(t.ID, "/"), "", "", "", "")
	in := &wafv2.GetIPSetInput{Name: &part[2], Id: &part[3], Scope: waftypes.ScopeRegional}
	if part[0] == "global" {
		in.Scope = waftypes.ScopeCloudfront
	}
	set, err := api.GetIPSet(ctx, in)
	if err != nil {
		return nil, err
	}
	tags := map[string]string{}
	ask := &wafv2.ListTagsForResourceInput{ResourceARN: set.IPSet.ARN, Limit: aws.Int32(100)} // 50 at most: one page
	out, err := api.ListTagsForResource(ctx, ask)
	if err != nil {
		return nil, err
	}
	if out.TagInfoForResource != nil {
		for _, tag := range out.TagInfoForResource.TagList {
			tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
	}
	return tags, nil
}

func (c *Clients) ruleGroupTags(ctx context.Context, t schemas.Target) (map[string]string, error) {
	api, err := c.NetworkFirewall(ctx, t.Account, t.Region)
	if err != nil {
		return nil, err
	}
	kind, name, _ := strings.Cut(t.ID, "/")
	in := &networkfirewall.DescribeRuleGroupInput{RuleGroupName: &name, Type: nfwtypes.RuleGroupTypeStateful}
	if strings.HasPrefix(kind, "stateless") {
		in.Type = nfwtypes.RuleGroupTypeStateless
	}
	out, err := api.DescribeRuleGroup(ctx, in)
	if err != nil {
		return nil, err
	}
	tags := map[string]string{}
	if out.RuleGroupResponse != nil {
		for _, tag := range out.RuleGroupResponse.Tags {
			tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
	}
	return tags, nil
}

func (c *Clients) lambdaTags(ctx context.Context, t schemas.Target) (map[string]string, error) {
	api, err := c.Lambda(ctx, t.Account, t.Region)
	if err != nil {
		return nil, err
	}
	f, err := api.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: &t.ID}) // its tags are asked for by ARN
	if err != nil {
		return nil, err
	}
	out, err := api.ListTags(ctx, &lambda.ListTagsInput{Resource: f.FunctionArn})
	if err != nil {
		return nil, err
	}
	return out.Tags, nil
}
