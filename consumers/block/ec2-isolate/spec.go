package ec2isolate

import (
	"errors"
	"strings"

	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/consumers/remediate/instance"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// ownGroup is the name of the group that is made where none is given.
const ownGroup = "riposte-quarantine"

// Spec describes the action.
func Spec() schemas.ActionSpec {
	return schemas.ActionSpec{
		Name: "ec2-isolate",
		Lane: schemas.LaneBlock,
		Summary: "Isolates an instance: every network interface of it goes into a quarantine group and out of all others, which are kept and restored by undo. " +
			"Without group, one named " + ownGroup + " that lets nothing in or out is made in the VPC, and stays there. Connections that stand already may last until " +
			"they are idle. The target is the instance's id or ARN.",
		TargetType: instance.TargetType,
		Settings: []schemas.Setting{
			{Name: "group", Type: "string", Default: ownGroup, Help: "id or name of a quarantine group of the instance's VPC, used as it is"},
			{Name: "snapshots", Type: "bool", Default: "false", Help: "take snapshots of all volumes first"},
		},
		Undo:         true,
		Irreversible: "snapshots are kept, and so is the quarantine group",
		Expires:      true,
		Policy: []string{
			"ec2:DescribeInstances", "ec2:DescribeSecurityGroups", "ec2:ModifyNetworkInterfaceAttribute", "ec2:CreateSecurityGroup", "ec2:RevokeSecurityGroupEgress",
			"ec2:RevokeSecurityGroupIngress", "ec2:CreateTags", "ec2:CreateSnapshots", "ec2:DescribeSnapshots",
		},
		Canonical: instance.Canonical,
	}
}

type settings struct {
	Group     string `json:"group"`
	Snapshots bool   `json:"snapshots"`
}

func settingsOf(cmd schemas.Command) (settings, error) {
	s := settings{Group: ownGroup}
	if err := attribute.Settings(cmd, &s); err != nil {
		return s, err
	}
	if s.Group == "" || len(s.Group) > 255 || strings.ContainsAny(s.Group, "*?") { // a filter would take these as wildcards
		return s, fault.Permanent(errors.New("with.group: the name or id of a security group expected"))
	}
	return s, nil
}
