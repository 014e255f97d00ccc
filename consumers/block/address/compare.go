package address

import (
	"net/netip"
	"slices"

	"github.com/riposte-security/riposte/schemas"
)

// Holds tells whether a prefix is among addresses, however these are spelt.
func Holds(addresses []string, p netip.Prefix) bool {
	return slices.ContainsFunc(addresses, func(a string) bool { q, err := Parse(a); return err == nil && q == p })
}

// Compare tells what differs between the addresses that commands block and those that an enforcer holds, however these are spelt: the ids of the
// commands whose address is not held, in their order, and what is held for none of them, sorted. What is held and is no address at all is
// returned as it is.
func Compare(cmds []schemas.Command, held []string) (missing, others []string, err error) {
	wanted, found := map[netip.Prefix]bool{}, map[netip.Prefix]bool{}
	for _, cmd := range cmds {
		p, err := Of(cmd)
		if err != nil {
			return nil, nil, err
		}
		wanted[p] = true
	}
	for _, h := range held {
		p, err := Parse(h)
		switch {
		case err != nil:
			others = append(others, h)
		case wanted[p]:
			found[p] = true
		default:
			others = append(others, ID(p))
		}
	}
	for _, cmd := range cmds {
		if p, err := Of(cmd); err == nil && !found[p] {
			missing = append(missing, cmd.ID)
		}
	}
	slices.Sort(others)
	return missing, slices.Compact(others), nil
}
