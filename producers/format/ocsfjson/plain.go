package ocsfjson

import (
	"encoding/binary"
	"slices"
	"unicode/utf8"
)

const (
	ones  = 0x0101010101010101
	highs = 0x80 * ones
)

// special tells whether one of eight bytes of text cannot stand between the quotes of a JSON string as it is. A byte of x below n makes the
// high bit of (x - n) & ^x, and a zero byte that of (x - 1) & ^x.
func special(x uint64) bool {
	quote, slash := x^(ones*'"'), x^(ones*'\\')
	return (x|(x-ones*' ')&^x|(quote-ones)&^quote|(slash-ones)&^slash)&highs != 0
}

func isSpecial(c byte) bool { return c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' }

// copyPlain copies s to b, which must have room for it, as long as nothing in it is to be escaped; else it tells false. It moves eight bytes
// at a time, the last of them together with some that went before.
func copyPlain(b []byte, s string) bool {
	if len(s) < 8 {
		for i := range len(s) {
			if isSpecial(s[i]) {
				return false
			}
			b[i] = s[i]
		}
		return true
	}
	i := 0
	for ; i+8 <= len(s); i += 8 {
		x := eight(s[i:])
		if special(x) {
			return false
		}
		binary.LittleEndian.PutUint64(b[i:], x)
	}
	if i < len(s) {
		i = len(s) - 8
		x := eight(s[i:])
		if special(x) {
			return false
		}
		binary.LittleEndian.PutUint64(b[i:], x)
	}
	return true
}

// eight is the first eight bytes of s as a number; the compiler makes one load of it.
func eight(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// Plain tells whether text can stand between the quotes of a JSON string as it is: ASCII without quotes, backslashes and control characters.
func Plain(text []byte) bool {
	for len(text) >= 8 {
		if special(binary.LittleEndian.Uint64(text)) {
			return false
		}
		text = text[8:]
	}
	return !slices.ContainsFunc(text, isSpecial)
}
