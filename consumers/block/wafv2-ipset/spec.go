package wafv2ipset

import (
	"github.com/riposte-security/riposte/consumers/block/address"
	"github.com/riposte-security/riposte/schemas"
)

// Spec describes the action.
func Spec() schemas.ActionSpec {
	return schemas.ActionSpec{
		Name: "wafv2-ipset",
		Lane: schemas.LaneBlock,
		Summary: "Puts an address, or a range up to /16 (IPv6: /32), into an IP set of AWS WAF, beside whatever else is in there; a web ACL has to refer to the set. " +
			"An address that was in the set before stays there afterwards. Addresses that are not public are refused. The target is an address or CIDR.",
		TargetType: address.TargetType,
		Settings: []schemas.Setting{
			{Name: "ip_set", Type: "string", Help: "name of the IP set for IPv4 addresses"},
			{Name: "ip_set_v6", Type: "string", Help: "name of the IP set for IPv6 addresses: a set holds one kind of address"},
			{Name: "ip_set_id", Type: "string", Help: "id of ip_set; looked up by name if not given"},
			{Name: "ip_set_v6_id", Type: "string", Help: "id of ip_set_v6; looked up by name if not given"},
			{Name: "scope", Type: "string", Default: scopeRegional, Help: "REGIONAL or CLOUDFRONT"},
			{Name: "account", Type: "string", Help: "account that the sets belong to; default our own"},
			{Name: "region", Type: "string", Help: "region of the sets; default that of the configuration, and us-east-1 for CLOUDFRONT"},
			address.Never(),
		},
		Undo:      true,
		Expires:   true,
		Policy:    []string{"wafv2:ListIPSets", "wafv2:GetIPSet", "wafv2:UpdateIPSet"},
		Canonical: address.Canonical,
	}
}
