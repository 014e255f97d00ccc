// Package address is what the actions that block addresses have in common: the spellings of an address, and which ones are never blocked.
package address

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// TargetType is the type of these targets.
const TargetType = "ip"

// The widest ranges that are blocked. What is wider is more likely a mistake in a rule than an attacker.
const (
	widestV4 = 16
	widestV6 = 32
)

// Parse reads an address or a CIDR and returns the network it stands for: bits behind the mask are cleared, and an IPv4 address in IPv6's
// clothes (::ffff:192.0.2.1) is an IPv4 address.
func Parse(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return netip.Prefix{}, errors.New("not an IP address")
		}
		if a.Zone() != "" {
			return netip.Prefix{}, errors.New("an address with a zone has a meaning on one machine only")
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, errors.New("not a CIDR")
	}
	if a := p.Addr(); a.Is4In6() {
		if p.Bits() < 96 {
			return netip.Prefix{}, errors.New("a range that is wider than all of IPv4 in IPv6")
		}
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-96)
	}
	return p.Masked(), nil
}

// ID spells a prefix as the id of a target does: a single address goes without its length.
func ID(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// Canonical takes an address or a CIDR in any spelling. It belongs to no account or region, whoever saw it.
func Canonical(raw, _, _ string) (schemas.Target, error) {
	p, err := Parse(raw)
	if err != nil {
		return schemas.Target{}, fmt.Errorf("address %q: %w", raw, err)
	}
	return schemas.Target{Type: TargetType, ID: ID(p)}, nil
}

// Of reads the address that is a command's target. An error is permanent.
func Of(cmd schemas.Command) (netip.Prefix, error) {
	p, err := Parse(cmd.Target.ID)
	return p, fault.Permanent(err)
}

// Never is the setting that Refuse takes.
func Never() schemas.Setting {
	return schemas.Setting{Name: "never", Type: "list", Help: "addresses and CIDRs that are never blocked, nor any range that touches them"}
}

// notPublic lists what no attacker on the internet has as an address: blocking it can only hit ourselves. Ranges for documentation are not
// among it; they harm nobody.
func notPublic() []string {
	return []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16", "224.0.0.0/3",
		"::/127", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
	}
}

// Refuse says why a range must not be blocked, as a permanent error; nil if it may be. never lists addresses and CIDRs that must stay reachable, as
// with.never gives them.
func Refuse(p netip.Prefix, never []string) error {
	widest := widestV4
	if p.Addr().Is6() {
		widest = widestV6
	}
	if p.Bits() < widest {
		return fault.Permanent(fmt.Errorf("refused: %s is wider than /%d", p, widest))
	}
	for _, s := range notPublic() {
		if q, err := netip.ParsePrefix(s); err == nil && q.Overlaps(p) {
			return fault.Permanent(fmt.Errorf("refused: %s is not public (%s)", p, q))
		}
	}
	return RefuseListed(p, never)
}

// RefuseListed says why a range must not be blocked, as Refuse does, but by the list alone.
func RefuseListed(p netip.Prefix, never []string) error {
	for _, s := range never {
		q, err := Parse(s)
		if err != nil {
			return fault.Permanent(fmt.Errorf("with.never: %q: %w", s, err))
		}
		if q.Overlaps(p) {
			return fault.Permanent(fmt.Errorf("refused: %s is never to be blocked (%s)", p, q))
		}
	}
	return nil
}
