package securitygrouprevoke

import (
	"github.com/riposte-security/riposte/consumers/securitygroup"
	"github.com/riposte-security/riposte/schemas"
)

const targetType = securitygroup.TargetType

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
		Canonical: securitygroup.Canonical,
	}
}
