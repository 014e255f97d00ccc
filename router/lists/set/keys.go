package set

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// domainKey appends a name as it is looked up: lower case, no dot at the end, what is not ASCII in punycode. ok is false if it is no name.
func domainKey(to []byte, name string) (key []byte, ok bool) {
	name = strings.TrimSuffix(name, ".")
	if name == "" || len(name) > maxName {
		return nil, false
	}
	const longestLabel = 63
	label := 0
	for i := range len(name) {
		c := name[i]
		switch {
		case c >= 'A' && c <= 'Z':
			c += 'a' - 'A'
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
		case c == '.':
			if label == 0 {
				return nil, false
			}
			label = -1
		case c >= utf8.RuneSelf:
			ascii, err := idna.Lookup.ToASCII(name)
			if err != nil || strings.ContainsFunc(ascii, func(r rune) bool { return r >= utf8.RuneSelf }) {
				return nil, false
			}
			return domainKey(to[:0], ascii)
		default:
			return nil, false
		}
		if label++; label > longestLabel {
			return nil, false
		}
		to = append(to, c)
	}
	return to, true
}

// digestKey appends the bytes of a digest in hex. ok is false if it is none of the known lengths.
func digestKey(to []byte, text string) (key []byte, ok bool) {
	switch len(text) {
	case 32, 40, 56, 64, 96, 128: // MD5, SHA-1, SHA-224, SHA-256, SHA-384, SHA-512
	default:
		return nil, false
	}
	for i := 0; i < len(text); i += 2 {
		hi, lo := nibble(text[i]), nibble(text[i+1])
		if hi|lo > 15 {
			return nil, false
		}
		to = append(to, hi<<4|lo)
	}
	return to, true
}

// nibble is the value of a hex digit; above 15 if it is none.
func nibble(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10
	}
	return 0xff
}

var errAll = errors.New("would hold everything")

// parseNet reads an address or a network; what stands beyond its mask is cut off.
func parseNet(text string) (netip.Prefix, error) {
	if a, ok := parseAddr(text); ok {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, errors.New("no address and no network")
	}
	if p.Bits() == 0 {
		return p, errAll
	}
	if a := p.Addr(); a.Is4In6() {
		const mapped = 96 // bits before the IPv4 address
		if p.Bits() <= mapped {
			return p, errAll
		}
		p = netip.PrefixFrom(a.Unmap(), p.Bits()-mapped)
	}
	return p.Masked(), nil
}

// parseDomain reads an entry of a list of domains: a name, or with *. before it only what is below it. A single label is refused: a list that
// holds "com" would hold half of the world.
func parseDomain(text string) (key []byte, below bool, err error) {
	text = strings.TrimSpace(text)
	if rest, ok := strings.CutPrefix(text, "*."); ok {
		text, below = rest, true
	}
	text = strings.TrimPrefix(text, ".")
	key, ok := domainKey(nil, text)
	if !ok {
		return nil, false, errors.New("no domain name")
	}
	at := strings.LastIndexByte(string(key), '.')
	if at < 0 {
		return nil, false, errors.New("a name of one label, which would hold all below it")
	}
	if !strings.ContainsFunc(string(key[at+1:]), func(r rune) bool { return r < '0' || r > '9' }) {
		return nil, false, errors.New("no domain name, but perhaps an address")
	}
	return key, below, nil
}

func parseDigest(text string) ([]byte, error) {
	key, ok := digestKey(nil, text)
	if !ok {
		return nil, fmt.Errorf("no MD5, SHA-1 or SHA-2 in hex")
	}
	return key, nil
}
