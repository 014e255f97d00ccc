package set

import (
	"bytes"
	"net/netip"
	"strings"
	"unicode/utf8"
)

const (
	maxName   = 253 // characters of a domain name
	maxDigest = 128 // hex digits of a SHA-512
	shortest  = 2   // characters of an address: "::"
	longest   = 45  // and of the longest
)

// containsIP parses the address once. What cannot be one is turned away before, since the parser allocates an error.
func (s *Set) containsIP(value string, now uint32) bool {
	ip, ok := parseAddr(value)
	if !ok {
		return false
	}
	if ip.Is4() && (s.hosts4.contains(host4(ip), now) || s.many4.contains(host4(ip), now)) || ip.Is6() && s.hosts6.contains(host6(ip), now) {
		return true
	}
	if s.nets != nil && s.nets.Contains(ip) {
		return true
	}
	if s.timed == nil {
		return false
	}
	w, ok := s.timed.Lookup(ip)
	if !ok || w.holds(now) {
		return ok
	}
	for _, w := range s.timed.Supernets(netip.PrefixFrom(ip, ip.BitLen())) { // the narrowest network does not hold now; a wider one may
		if w.holds(now) {
			return true
		}
	}
	return false
}

func parseAddr(s string) (netip.Addr, bool) {
	if a, ok := parseIPv4(s); ok {
		return a, true
	}
	if i := strings.IndexByte(s, '%'); i >= 0 {
		s = s[:i]
	}
	if len(s) < shortest || len(s) > longest || !addressLike(s) {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(s)
	return a.Unmap(), err == nil
}

// parseIPv4 reads what most addresses are, as netip does, in half the time.
func parseIPv4(s string) (netip.Addr, bool) {
	const most = len("255.255.255.255")
	if len(s) > most {
		return netip.Addr{}, false
	}
	var a [4]byte
	part, value, digits := 0, 0, 0
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			if digits > 2 || digits > 0 && value == 0 { // too many, or a zero in front
				return netip.Addr{}, false
			}
			value = 10*value + int(c-'0')
			digits++
		case c == '.' && digits > 0 && part < len(a)-1 && value <= 255:
			a[part] = byte(value) //nolint:gosec // up to 255
			part++
			value, digits = 0, 0
		default:
			return netip.Addr{}, false
		}
	}
	if digits == 0 || part < len(a)-1 || value > 255 {
		return netip.Addr{}, false
	}
	a[part] = byte(value)
	return netip.AddrFrom4(a), true
}

func addressLike(s string) bool {
	const dots = 3
	colons, points := 0, 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == ':':
			colons++
		case c == '.':
			points++
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f', c >= 'A' && c <= 'F':
		default:
			return false
		}
	}
	return colons >= 2 || colons == 0 && points == dots
}

// containsDomain asks for the name, and then for each name above it. A name that is written as it is kept is not copied.
func (s *Set) containsDomain(value string, now uint32) bool {
	name, dots := plainDomain(value)
	if dots < 0 {
		var buf [maxName]byte
		key, ok := domainKey(buf[:0], value)
		if !ok {
			return false
		}
		return containsName(s.domains, key, bytes.Count(key, []byte{'.'}), now, s.opts.Exact)
	}
	return containsName(s.domains, name, dots, now, s.opts.Exact)
}

func containsName[K text](p *prints, name K, dots int, now uint32, exact bool) bool {
	if p.labels&labelBit(dots) != 0 && contains(p, name, now, true) {
		return true
	}
	for i := 0; dots > 1 && !exact; i++ { // what stands behind the last dot is no entry
		if name[i] != '.' {
			continue
		}
		if dots--; p.labels&labelBit(dots) != 0 && contains(p, name[i+1:], now, false) {
			return true
		}
	}
	return false
}

// containsHash compares digests in lower case. What is no digest is not in the set.
func (s *Set) containsHash(value string, now uint32) bool {
	if !digestLength(len(value)) {
		return false
	}
	if lowerDigest(value) {
		return contains(s.hashes, value, now, true)
	}
	var buf [maxDigest]byte
	digest, ok := digestKey(buf[:0], value)
	return ok && contains(s.hashes, digest, now, true)
}

func (s *Set) containsString(value string, now uint32) bool {
	if !s.opts.IgnoreCase {
		return contains(s.strings, value, now, true)
	}
	var buf [256]byte
	return contains(s.strings, foldKey(buf[:0], value), now, true)
}

// foldKey appends the value in lower case.
func foldKey(to []byte, value string) []byte {
	for i := range len(value) {
		c := value[i]
		if c >= utf8.RuneSelf {
			return append(to[:0], strings.ToLower(value)...)
		}
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		to = append(to, c)
	}
	return to
}
