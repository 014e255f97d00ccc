package scan

import (
	"encoding/binary"
	"math/bits"
)

const (
	ones      = 0x0101010101010101
	highs     = 0x8080808080808080
	quotes    = ones * '"'
	slashes   = ones * '\\'
	controls  = ones * ' '
	failed    = -1
	hexDigits = 4
)

// text walks over a string that begins behind its opening quotation mark at i, and gives the place of the closing one, or failed. escaped
// tells that there are escapes in between. Eight bytes at a time are looked through for what may end or break it: the lowest of the bits that
// are set marks the first such byte.
func text(data []byte, i int) (end int, escaped bool) {
	for {
		for i+wordBytes <= len(data) {
			w := binary.LittleEndian.Uint64(data[i:])
			q, s := w^quotes, w^slashes
			if m := ((q-ones)&^q | (s-ones)&^s | (w-controls)&^w) & highs; m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				goto special
			}
			i += wordBytes
		}
		for i < len(data) && data[i] != '"' && data[i] != '\\' && data[i] >= ' ' {
			i++
		}
		if i >= len(data) {
			return failed, escaped
		}
	special:
		switch data[i] {
		case '"':
			return i, escaped
		case '\\':
			escaped = true
			if i = escape(data, i+1); i < 0 {
				return failed, escaped
			}
		default:
			return failed, escaped
		}
	}
}

// escape walks over what follows a backslash.
func escape(data []byte, i int) int {
	if i >= len(data) {
		return failed
	}
	switch data[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		for n := 1; n <= hexDigits; n++ {
			if i+n >= len(data) || !hexDigit(data[i+n]) {
				return failed
			}
		}
		return i + 1 + hexDigits
	}
	return failed
}

func hexDigit(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f' }

// number walks over a number.
func number(data []byte, i int) int {
	if i < len(data) && data[i] == '-' {
		i++
	}
	if i >= len(data) {
		return failed
	}
	switch c := data[i]; {
	case c == '0':
		i++
	case '1' <= c && c <= '9':
		i = digits(data, i+1)
	default:
		return failed
	}
	if i < len(data) && data[i] == '.' {
		at := i + 1
		if i = digits(data, at); i == at {
			return failed
		}
	}
	if i < len(data) && data[i]|0x20 == 'e' {
		i++
		if i < len(data) && (data[i] == '+' || data[i] == '-') {
			i++
		}
		at := i
		if i = digits(data, at); i == at {
			return failed
		}
	}
	return i
}

func digits(data []byte, i int) int {
	for i < len(data) && '0' <= data[i] && data[i] <= '9' {
		i++
	}
	return i
}
