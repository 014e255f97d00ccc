package set

import (
	"bytes"
	"net/netip"
	"strings"
	"unicode/utf8"
)

const (
	maxName   = 253 // characters of a domain name
	maxDigest = 64  // bytes of a SHA-512
	shortest  = 2   // characters of an address: "::"
	longest   = 45  // and of the longest
)

// containsIP parses the address once. What cannot be one is turned away before, since the parser allocates an error.
func (s *Set) containsIP(value string, now uint32) bool {
	ip, ok := parseAddr(value)
	if !ok {
		return false
	}
	if ip.Is4() && s.hosts4.contains(host4(ip), now) || ip.Is6() && s.hosts6.contains(host6(ip), now) {
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
	if i := strings.IndexByte(s, '%'); i >= 0 {
		s = s[:i]
	}
	if len(s) < shortest || len(s) > longest || !addressLike(s) {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(s)
	return a.Unmap(), err == nil
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

// containsDomain asks for the name, and then for each name above it.
func (s *Set) containsDomain(value string, now uint32) bool {
	var buf [maxName]byte
	name, ok := domainKey(buf[:0], value)
	if !ok {
		return false
	}
	if r := s.domains.find(name); r != nil && !r.below() && r.holds(now) {
		return true
	}
	if s.opts.Exact {
		return false
	}
	last := bytes.LastIndexByte(name, '.') // what stands behind it is no entry
	for i, c := range name[:max(last, 0)] {
		if c != '.' {
			continue
		}
		if r := s.domains.find(name[i+1:]); r != nil && r.holds(now) {
			return true
		}
	}
	return false
}

// containsHash compares digests as bytes, so that their spelling does not matter.
func (s *Set) containsHash(value string, now uint32) bool {
	var buf [maxDigest]byte
	digest, ok := digestKey(buf[:0], value)
	if !ok {
		return false
	}
	r := s.hashes.find(digest)
	return r != nil && r.holds(now)
}

func (s *Set) containsString(value string, now uint32) bool {
	if !s.opts.IgnoreCase {
		r := s.strings.findString(value)
		return r != nil && r.holds(now)
	}
	var buf [256]byte
	r := s.strings.find(foldKey(buf[:0], value))
	return r != nil && r.holds(now)
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
