package engine

import (
	"net/netip"
	"slices"

	"github.com/riposte-security/riposte/router/rule/predicate"
)

// networks finds which of many networks an address is in, with a look-up for each length of their masks.
type networks struct {
	bits   []int // of IPv4 networks, and of IPv6 networks plus 256
	byBits map[netip.Prefix][]hit
}

const ipv6 = 256

func (n *networks) add(p netip.Prefix, h []hit) {
	if n.byBits == nil {
		n.byBits = map[netip.Prefix][]hit{}
	}
	bits := p.Bits()
	if !p.Addr().Is4() {
		bits += ipv6
	}
	if at, ok := slices.BinarySearch(n.bits, bits); !ok {
		n.bits = slices.Insert(n.bits, at, bits)
	}
	n.byBits[p] = h
}

func (n *networks) find(text []byte, found func([]hit)) {
	a, ok := predicate.Address(textOf(text))
	if !ok {
		return
	}
	for _, bits := range n.bits {
		if a.Is4() != (bits < ipv6) {
			continue
		}
		if p, err := a.Prefix(bits % ipv6); err == nil {
			if h, ok := n.byBits[p]; ok {
				found(h)
			}
		}
	}
}
