package predicate

import (
	"errors"
	"fmt"
	"net/netip"
	"time"
	_ "time/tzdata" // hour and weekday must not depend on the machine's zone files
)

func netFunctions() map[string]*function {
	return map[string]*function{
		// cidr(ip, "10.0.0.0/8", …) tells whether the address lies in one of the networks.
		"cidr": {params: []kind{kString, kString}, variadic: true, result: kBool, check: checkNetwork, call: cidr},
		// private(ip) tells whether the address is not of the public internet: private, loopback, link-local, shared (100.64.0.0/10) or unspecified.
		"private": {params: []kind{kString}, result: kBool, call: private},
		// hour(time, zone) is the hour of the day, 0 to 23; weekday(time, zone) the day's English name. The time is one of OCSF (milliseconds) or
		// RFC 3339; the zone an IANA name, UTC if left out.
		"hour": {params: []kind{kAny, kString}, optional: 1, result: kInt, check: checkZone, call: func(a []any) any {
			t, ok := instant(a)
			if !ok {
				return nil
			}
			return int64(t.Hour())
		}},
		"weekday": {params: []kind{kAny, kString}, optional: 1, result: kString, check: checkZone, call: func(a []any) any {
			t, ok := instant(a)
			if !ok {
				return nil
			}
			return t.Weekday().String()
		}},
	}
}

func address(v any) (netip.Addr, bool) {
	s, ok := v.(string)
	if !ok {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(s)
	return a.Unmap().WithZone(""), err == nil
}

func checkNetwork(i int, v string) error {
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

func checkZone(i int, v string) error {
	if i == 0 {
		if _, err := time.Parse(time.RFC3339, v); err != nil {
			return fmt.Errorf("%q is no time in RFC 3339", v)
		}
		return nil
	}
	if _, err := zone(v); err != nil {
		return fmt.Errorf("%q is no time zone such as Europe/Zurich", v)
	}
	return nil
}

// zone loads a time zone by its IANA name; the machine's own zone is none.
func zone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return nil, errors.New("an IANA name is expected")
	}
	return time.LoadLocation(name)
}

// instant reads the arguments of hour and weekday.
func instant(args []any) (time.Time, bool) {
	loc := time.UTC
	if len(args) > 1 {
		name, _ := args[1].(string)
		l, err := zone(name)
		if err != nil {
			return time.Time{}, false
		}
		loc = l
	}
	if s, ok := args[0].(string); ok {
		t, err := time.Parse(time.RFC3339, s)
		return t.In(loc), err == nil
	}
	ms, ok := integer(args[0])
	return time.UnixMilli(ms).In(loc), ok
}
