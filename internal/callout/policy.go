package callout

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/riposte-security/riposte/internal/fault"
)

// A Policy says to which addresses riposte connects on somebody's word: a configuration's, a rule's, a redirect's. It is asked about the address that is
// dialled, after names were resolved, so that no name leads past it. Metadata services of clouds are never called. The zero Policy refuses this machine
// and its surroundings.
type Policy struct {
	// AllowLoopback allows addresses of this machine to be called under any name. What is configured as 127.0.0.1, [::1] or localhost itself may be called
	// without it, by a client that Named was said to.
	AllowLoopback bool `yaml:"allow_loopback"`
	// AllowLinkLocal allows link-local addresses, but for those of metadata services.
	AllowLinkLocal bool `yaml:"allow_link_local"`
	named          bool
	resolver       *net.Resolver // of tests; nil: the system's
}

// Named returns the policy for addresses that stand in the configuration as they are: who writes 127.0.0.1 there means it.
func (p Policy) Named() Policy { p.named = true; return p }

const dialTimeout = 10 * time.Second

// Dial connects as net.Dialer.DialContext does, where the policy allows it. Its refusals are permanent errors.
func (p Policy) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if host, _, err := net.SplitHostPort(address); err == nil && p.named && Local(host) {
		p.AllowLoopback = true
	}
	d := net.Dialer{Timeout: dialTimeout, Resolver: p.resolver, Control: func(_, address string, _ syscall.RawConn) error { return p.Permit(address) }}
	return d.DialContext(ctx, network, address)
}

// Permit refuses an address, host:port, that is not to be dialled.
func (p Policy) Permit(address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fault.Permanent(fmt.Errorf("address %s: %w", address, err))
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return fault.Permanent(fmt.Errorf("address %s: %w", address, err))
	}
	ip = plain(ip)
	switch {
	case ip.IsUnspecified() || ip.IsMulticast() || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return refused(ip, "none of a server")
	case metadata(ip):
		return refused(ip, "that of a metadata service, which is never called")
	case ip.IsLinkLocalUnicast() && !p.AllowLinkLocal:
		return refused(ip, "link-local; allow_link_local permits it")
	case ip.IsLoopback() && !p.AllowLoopback:
		return refused(ip, "of this machine; allow_loopback permits it")
	}
	return nil
}

func refused(ip netip.Addr, why string) error {
	return fault.Permanent(fmt.Errorf("address %s is %s", ip, why))
}

// plain is the address behind the forms in which IPv6 carries one of IPv4: mapped, compatible, NAT64, 6to4.
func plain(ip netip.Addr) netip.Addr {
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip
	}
	b := ip.As16()
	four := func(at int) netip.Addr { return netip.AddrFrom4([4]byte(b[at : at+4])) }
	switch {
	case netip.MustParsePrefix("64:ff9b::/96").Contains(ip), netip.MustParsePrefix("64:ff9b:1::/48").Contains(ip):
		return four(12)
	case netip.MustParsePrefix("2002::/16").Contains(ip):
		return four(2)
	case netip.MustParsePrefix("::/96").Contains(ip) && !ip.IsLoopback() && !ip.IsUnspecified():
		return four(12)
	}
	return ip
}

// metadata tells whether an address is that of a service that hands out the credentials of machines, containers or pods.
func metadata(ip netip.Addr) bool {
	switch ip.String() {
	case "169.254.169.254", "fd00:ec2::254", // EC2, Google, Azure, and others
		"169.254.170.2", "169.254.170.23", "fd00:ec2::23", // ECS, EKS
		"169.254.169.253", "100.100.100.200", "fd20:ce::254", "192.0.0.192", "168.63.129.16": // DNS of EC2, Alibaba, Google, Oracle, Azure
		return true
	}
	return false
}
