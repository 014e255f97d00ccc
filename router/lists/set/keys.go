package set

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

const longestLabel = 63 // characters between the dots of a name

// domainKey appends a name as it is looked up: lower case, no dot at the end, what is not ASCII in punycode. ok is false if it is no name.
func domainKey(to []byte, name string) (key []byte, ok bool) {
	name = strings.TrimSuffix(name, ".")
	if name == "" || len(name) > maxName {
		return nil, false
	}
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

// digestLength tells whether a digest has so many hex digits.
func digestLength(n int) bool {
	switch n {
	case 32, 40, 56, 64, 96, 128: // MD5, SHA-1, SHA-224, SHA-256, SHA-384, SHA-512
		return true
	}
	return false
}

// lowerDigest tells whether a text is a digest in lower case, if it is one: all of its characters have the bit that digits and small letters have.
// Its length is a multiple of eight.
func lowerDigest(text string) bool {
	const bit = 0x2020202020202020
	for ; text != ""; text = text[8:] {
		x := uint64(text[0]) | uint64(text[1])<<8 | uint64(text[2])<<16 | uint64(text[3])<<24 |
			uint64(text[4])<<32 | uint64(text[5])<<40 | uint64(text[6])<<48 | uint64(text[7])<<56
		if x&bit != bit {
			return false
		}
	}
	return true
}

// digestKey appends a digest in lower case. ok is false if it is none.
func digestKey(to []byte, text string) (key []byte, ok bool) {
	if !digestLength(len(text)) {
		return nil, false
	}
	for i := range len(text) {
		c := text[i]
		switch {
		case c >= 'A' && c <= 'F':
			c += 'a' - 'A'
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f':
		default:
			return nil, false
		}
		to = append(to, c)
	}
	return to, true
}

// The characters of a label in lower case: those up to 63, and those above.
const (
	lowerOrdinary = 1<<'-' | (1<<10-1)<<'0'
	upperOrdinary = 1<<('_'-64) | (1<<26-1)<<('a'-64)
)

// plainDomain is a name that is written as domainKey would write it, perhaps with a dot at the end, and how many dots are within; -1 if it is not
// written so, or is none.
func plainDomain(text string) (name string, dots int) {
	name = strings.TrimSuffix(text, ".")
	if len(name) > maxName {
		return "", -1
	}
	label, odd := 0, uint64(0)
	for i := range len(name) {
		c := name[i]
		if c == '.' {
			if label == 0 || label > longestLabel {
				return "", -1
			}
			dots++
			label = 0
			continue
		}
		ordinary := uint64(lowerOrdinary) // without a branch on what is as good as random
		if c&64 != 0 {
			ordinary = upperOrdinary
		}
		odd |= ^(ordinary >> (c & 63)) | uint64(c>>7)
		label++
	}
	if odd&1 != 0 {
		return "", -1
	}
	if label == 0 || label > longestLabel {
		return "", -1
	}
	return name, dots
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
