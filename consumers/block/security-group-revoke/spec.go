package securitygrouprevoke

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/schemas"
)

const targetType = "ec2-security-group"

// Spec describes the action.
func Spec() schemas.ActionSpec {
	return schemas.ActionSpec{
		Name: "security-group-revoke",
		Lane: schemas.LaneBlock,
		Summary: "Revokes inbound rules of a security group: those named by id, or those from a CIDR, where a port and a protocol may narrow it to the rules that " +
			"let these in. Other rules stay as they are. Whole rules are revoked, whatever else they let in; undo restores them with descriptions and tags, under " +
			"new ids. Connections that stand already may last. The target is the group's id or ARN.",
		TargetType: targetType,
		Settings: []schemas.Setting{
			{Name: "rules", Type: "list", Help: "ids of the rules (sgr-…)"},
			{Name: "cidr", Type: "list", Help: "the rules from exactly this CIDR, or one of these"},
			{Name: "port", Type: "int", Help: "of them, those that let this port in"},
			{Name: "protocol", Type: "string", Help: "of them, those for tcp, udp, icmp, icmpv6 or a number, or for all protocols"},
		},
		Undo:      true,
		Expires:   true,
		Policy:    []string{"ec2:DescribeSecurityGroups", "ec2:DescribeSecurityGroupRules", "ec2:RevokeSecurityGroupIngress", "ec2:AuthorizeSecurityGroupIngress", "ec2:CreateTags"},
		Canonical: canonical,
	}
}

// canonical takes a group's id or ARN. An ARN's own account and region go before the event's.
func canonical(raw, account, region string) (schemas.Target, error) {
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
	return schemas.Target{Type: targetType, Account: account, Region: region, ID: id}, nil
}
