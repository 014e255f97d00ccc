package securitygrouprevert

import (
	"github.com/riposte-security/riposte/consumers/remediate/confighistory"
	"github.com/riposte-security/riposte/consumers/securitygroup"
	"github.com/riposte-security/riposte/schemas"
)

// The values of by.
const (
	byConfig = "config"
	byEvent  = "event"
)

// Spec describes the action.
func Spec() schemas.ActionSpec {
	return schemas.ActionSpec{
		Name: "security-group-revert",
		Lane: schemas.LaneRemediate,
		Summary: "Takes a security group back to the rules that it had before the event, in and out: as AWS Config recorded them, or, where it has no record, by reversing " +
			"what the event's own CloudTrail record says (AuthorizeSecurityGroup…, RevokeSecurityGroup…, ModifySecurityGroupRules). It asks for approval where AWS Config's " +
			"record differs from the present in more than the event did, and where a record does not say what a modified rule was before. Descriptions and tags of rules that " +
			"are otherwise the same are left as they are; rules come back under new ids. The target is the group's id or ARN.",
		TargetType:   securitygroup.TargetType,
		Settings:     []schemas.Setting{{Name: "by", Type: "string", Default: byConfig, OneOf: []string{byConfig, byEvent}, Help: "what says how it was before: AWS Config first, or the event alone"}},
		Undo:         true,
		Irreversible: "the tags of a rule that the event revoked: no record has them; ids of rules",
		Policy: append([]string{
			"ec2:DescribeSecurityGroups", "ec2:DescribeSecurityGroupRules", "ec2:RevokeSecurityGroupIngress", "ec2:RevokeSecurityGroupEgress",
			"ec2:AuthorizeSecurityGroupIngress", "ec2:AuthorizeSecurityGroupEgress", "ec2:CreateTags",
		}, confighistory.Policy()...),
		Canonical: securitygroup.Canonical,
		Code:      &schemas.Code{Attribute: "rules, which were other before the event", Resources: []string{"aws_security_group", "aws_security_group_rule", "aws_vpc_security_group_ingress_rule", "aws_vpc_security_group_egress_rule"}},
	}
}
