package ocsfjson

import "encoding/binary"

// Plain tells whether text can stand between the quotes of a JSON string as it is: ASCII without quotes, backslashes and control characters.
func Plain(text []byte) bool {
	const (
		ones  = 0x0101010101010101
		highs = 0x80 * ones
	)
	for len(text) >= 8 { // eight at a time: a byte of odd has its highest bit set where that of text is special
		x := binary.LittleEndian.Uint64(text)
		quote, slash := x^('"'*ones), x^('\\'*ones)
		odd := x | (x - ' '*ones) | (quote - ones) | (slash - ones)
		if odd&highs != 0 {
			if !plain(text[:8]) { // a borrow between the bytes may cry wolf
				return false
			}
		}
		text = text[8:]
	}
	return plain(text)
}
