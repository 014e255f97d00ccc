package predicate

import (
	"fmt"
	"net/netip"
)

func netFunctions() map[string]*function {
	return map[string]*function{
		// cidr(ip, "10.0.0.0/8", …) tells whether the address lies in one of the networks.
		"cidr": {params: []kind{kString, kString}, variadic: true, result: kBool, check: checkNetwork, call: cidr},
		// private(ip) tells whether the address is not of the public internet: private, loopback, link-local, shared (100.64.0.0/10) or unspecified.
		"private": {params: []kind{kString}, result: kBool, call: private},
	}
}

func address(v any) (netip.Addr, bool) {
	s, ok := v.(string)
	if !ok {
		return netip.Addr{}, false
	}
	return Address(s)
}

// Address reads an IP address as cidr and private do: one of IPv4 that is written as IPv6 is of IPv4, and a zone does not count.
func Address(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(s)
	return a.Unmap().WithZone(""), err == nil
}

func checkNetwork(i int, v string, _ int) error {
	if i == 0 {
		return nil
	}
	if p, err := netip.ParsePrefix(v); err != nil {
		return fmt.Errorf("%q is no network such as 10.0.0.0/8", v)
	} else if p != p.Masked() {
		return fmt.Errorf("%q has bits set below its mask; %s is meant, or another mask", v, p.Masked())
	}
	return nil
}

func cidr(args []any) any {
	if args[0] == nil {
		return nil
	}
	a, ok := address(args[0])
	if !ok {
		return false
	}
	for _, n := range args[1:] {
		s, _ := n.(string)
		if p, err := netip.ParsePrefix(s); err == nil && p.Contains(a) {
			return true
		}
	}
	return false
}

func private(args []any) any {
	if args[0] == nil {
		return nil
	}
	a, ok := address(args[0])
	if !ok {
		return false
	}
	shared := netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10)
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsUnspecified() || shared.Contains(a)
}
