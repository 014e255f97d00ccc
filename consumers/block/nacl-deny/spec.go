package nacldeny

import (
	"errors"
	"fmt"
	"strings"

	"github.com/riposte-security/riposte/consumers/block/address"
	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const (
	firstNumber  = 1
	lastNumber   = 99
	defaultQuota = 20
	highestQuota = 40
	highestRule  = 32766
	inbound      = "inbound"
	outbound     = "outbound"
)

// Spec describes the action.
func Spec() schemas.ActionSpec {
	return schemas.ActionSpec{
		Name: "nacl-deny",
		Lane: schemas.LaneBlock,
		Summary: "Denies an address, or a range up to /16 (IPv6: /32), in a network ACL, or in those of a VPC that subnets use, by an entry before all that would " +
			"let it through. Entries of others stay as they are, and count towards the few that AWS allows. Addresses that are not public are refused. All rules " +
			"should name an ACL in the same way: by itself, by subnet, or by VPC. The target is an address or CIDR.",
		TargetType: address.TargetType,
		Settings: []schemas.Setting{
			{Name: "network_acl", Type: "string", Help: "id of the network ACL (acl-…); or"},
			{Name: "subnet", Type: "string", Help: "id of a subnet, whose network ACL is meant; or"},
			{Name: "vpc", Type: "string", Help: "id of a VPC, of which all network ACLs are meant that a subnet uses"},
			{Name: "direction", Type: "string", Default: inbound, Help: "inbound or outbound; what should be denied both ways takes two steps"},
			{Name: "first", Type: "int", Default: fmt.Sprint(firstNumber), Help: "first rule number that may be used: give riposte a range to itself"},
			{Name: "last", Type: "int", Default: fmt.Sprint(lastNumber), Help: "last rule number that may be used"},
			{Name: "quota", Type: "int", Default: fmt.Sprint(defaultQuota), Help: "entries that AWS allows in one direction, the last one of its own included; at most 40"},
			{Name: "account", Type: "string", Help: "account that the ACL belongs to; default our own"},
			{Name: "region", Type: "string", Help: "region of the ACL; default that of the configuration"},
			address.Never(),
		},
		Undo:      true,
		Expires:   true,
		Policy:    []string{"ec2:DescribeNetworkAcls", "ec2:CreateNetworkAclEntry", "ec2:DeleteNetworkAclEntry"},
		Canonical: address.Canonical,
	}
}

type settings struct {
	NetworkACL string            `json:"network_acl"`
	Subnet     string            `json:"subnet"`
	VPC        string            `json:"vpc"`
	Direction  string            `json:"direction"`
	First      int32             `json:"first"`
	Last       int32             `json:"last"`
	Quota      int               `json:"quota"`
	Account    string            `json:"account"`
	Region     string            `json:"region"`
	Never      attribute.Strings `json:"never"`
}

// settingsOf reads the settings. region is where ACLs are for which they name none.
func settingsOf(cmd schemas.Command, region string) (settings, error) {
	s := settings{Direction: inbound, First: firstNumber, Last: lastNumber, Quota: defaultQuota, Region: region}
	if err := attribute.Settings(cmd, &s); err != nil {
		return s, err
	}
	bad := func(format string, args ...any) (settings, error) {
		return s, fault.Permanent(fmt.Errorf(format, args...))
	}
	given := 0
	for prefix, id := range map[string]string{"acl-": s.NetworkACL, "subnet-": s.Subnet, "vpc-": s.VPC} {
		if id == "" {
			continue
		}
		given++
		if !strings.HasPrefix(id, prefix) || strings.ContainsAny(id, "*?") {
			return bad("with: %q: an id (%s…) expected", id, prefix)
		}
	}
	switch {
	case given != 1:
		return s, fault.Permanent(errors.New("with: one of network_acl, subnet and vpc expected"))
	case s.Direction != inbound && s.Direction != outbound:
		return bad("with.direction %q: %s or %s expected", s.Direction, inbound, outbound)
	case s.First < 1 || s.Last > highestRule || s.First > s.Last:
		return bad("with.first and with.last: %d to %d: rule numbers from 1 to %d expected", s.First, s.Last, highestRule)
	case s.Quota < 1 || s.Quota > highestQuota:
		return bad("with.quota: %d: 1 to %d expected", s.Quota, highestQuota)
	}
	return s, nil
}

func (s settings) egress() bool { return s.Direction == outbound }

// scope names the ACLs, in messages and for who shares them.
func (s settings) scope() string { return s.NetworkACL + s.Subnet + s.VPC }

func (s settings) enforcer() string {
	return strings.Join([]string{s.Account, s.Region, s.scope(), s.Direction}, " ")
}
