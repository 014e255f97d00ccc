package wafv2ipset

import (
	"fmt"

	"github.com/riposte-security/riposte/schemas"
)

const targetType = "ip"

// Spec describes the action.
func Spec() schemas.ActionSpec {
	return schemas.ActionSpec{
		Name: "wafv2-ipset",
		Lane: schemas.LaneBlock,
		Summary: "Puts an address, or a range up to /16 (IPv6: /32), into an IP set of AWS WAF, beside whatever else is in there; a web ACL has to refer to the set. " +
			"An address that was in the set before stays there afterwards. Addresses that are not public are refused. The target is an address or CIDR.",
		TargetType: targetType,
		Settings: []schemas.Setting{
			{Name: "ip_set", Type: "string", Help: "name of the IP set for IPv4 addresses"},
			{Name: "ip_set_v6", Type: "string", Help: "name of the IP set for IPv6 addresses: a set holds one kind of address"},
			{Name: "ip_set_id", Type: "string", Help: "id of ip_set; looked up by name if not given"},
			{Name: "ip_set_v6_id", Type: "string", Help: "id of ip_set_v6; looked up by name if not given"},
			{Name: "scope", Type: "string", Default: scopeRegional, Help: "REGIONAL or CLOUDFRONT"},
			{Name: "account", Type: "string", Help: "account that the sets belong to; default our own"},
			{Name: "region", Type: "string", Help: "region of the sets; default that of the configuration, and us-east-1 for CLOUDFRONT"},
			{Name: "never", Type: "list", Help: "addresses and CIDRs that are never blocked, nor any range that touches them"},
		},
		Undo:      true,
		Expires:   true,
		Policy:    []string{"wafv2:ListIPSets", "wafv2:GetIPSet", "wafv2:UpdateIPSet"},
		Canonical: canonical,
	}
}

// canonical takes an address or a CIDR in any spelling. It belongs to no account or region, whoever saw it.
func canonical(raw, _, _ string) (schemas.Target, error) {
	p, err := parsePrefix(raw)
	if err != nil {
		return schemas.Target{}, fmt.Errorf("address %q: %w", raw, err)
	}
	id := p.String()
	if p.IsSingleIP() {
		id = p.Addr().String()
	}
	return schemas.Target{Type: targetType, ID: id}, nil
}
