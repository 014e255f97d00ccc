package securitygrouprevoke

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const most = 100 // rules that one command may name

// A selection says which rules are meant.
type selection struct {
	ids      []string
	cidrs    []netip.Prefix
	port     *int32
	protocol string // "" for any
}

func selectionOf(cmd schemas.Command) (selection, error) {
	var s struct {
		Rules    attribute.Strings `json:"rules"`
		CIDR     attribute.Strings `json:"cidr"`
		Port     *int32            `json:"port"`
		Protocol any               `json:"protocol"`
	}
	if err := attribute.Settings(cmd, &s); err != nil {
		return selection{}, err
	}
	bad := func(format string, args ...any) (selection, error) {
		return selection{}, fault.Permanent(fmt.Errorf(format, args...))
	}
	out := selection{ids: s.Rules, port: s.Port}
	if (len(s.Rules) == 0) == (len(s.CIDR) == 0) {
		return selection{}, fault.Permanent(errors.New("with: either rules (their ids) or cidr expected"))
	}
	if len(s.Rules) > most || len(s.CIDR) > most {
		return bad("with: at most %d rules at a time", most)
	}
	for _, id := range s.Rules {
		if !cloud.IsEC2ID(id, "sgr-") {
			return bad("with.rules: %q: the id of a rule (sgr-0123456789abcdef0) expected", id)
		}
	}
	for _, c := range s.CIDR {
		p, err := netip.ParsePrefix(c)
		if err != nil {
			return bad("with.cidr: %q: not a CIDR", c)
		}
		out.cidrs = append(out.cidrs, p.Masked())
	}
	if s.Port != nil && (*s.Port < 0 || *s.Port > 65535) {
		return bad("with.port: %d: 0 to 65535 expected", *s.Port)
	}
	switch p := s.Protocol.(type) {
	case nil:
	case string:
		out.protocol = protocol(p)
	case float64: // a number of a protocol
		out.protocol = protocol(fmt.Sprint(p))
	default:
		return bad("with.protocol: a name or a number expected")
	}
	if len(s.Rules) > 0 && (s.Port != nil || out.protocol != "") {
		return bad("with: port and protocol narrow cidr, and have no meaning for rules named by id")
	}
	return out, nil
}

// protocol gives a protocol the name that EC2 has for it.
func protocol(s string) string {
	switch s = strings.ToLower(s); s {
	case "6":
		return "tcp"
	case "17":
		return "udp"
	case "1":
		return "icmp"
	case "58":
		return "icmpv6"
	case "all", "any":
		return "-1"
	}
	return s
}

// takes tells whether a rule is meant.
func (s selection) takes(r rule) bool {
	if len(s.ids) > 0 {
		return slices.Contains(s.ids, r.ID)
	}
	from, err := netip.ParsePrefix(r.CIDR + r.CIDRv6) // it has one of them, or none
	if err != nil || !slices.Contains(s.cidrs, from.Masked()) {
		return false
	}
	if s.protocol != "" && r.Protocol != s.protocol && r.Protocol != "-1" {
		return false
	}
	if s.port == nil || r.Protocol == "-1" {
		return true
	}
	hasPorts := r.Protocol == "tcp" || r.Protocol == "udp"
	return hasPorts && (r.From < 0 || r.From <= *s.port && *s.port <= r.To)
}
