// Package jsontext walks over JSON text and checks it on the way, without decoding or allocating anything. Every function is given the text and the place
// at which something begins, and gives the place behind it, or Failed where the text is not what JSON (RFC 8259) allows there.
package jsontext

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
	wordBytes = 8
	hexDigits = 4
)

// Failed is the place that is given where the text is not JSON.
const Failed = -1

// Text walks over a string that begins behind its opening quotation mark at i, and gives the place of the closing one, or Failed. escaped
// tells that there are escapes in between.
func Text(data []byte, i int) (end int, escaped bool) { return Marks(nil).Text(data, i) }

// special is the first place from i on at which a string may end or break, or Failed. Eight bytes at a time are looked through, and four times as many in what has
// turned out to be long: the lowest of the bits that are set marks the first such byte.
func special(data []byte, i int) int {
	const block = 4 * wordBytes
	long := i + 2*wordBytes
	for i+wordBytes <= len(data) {
		if i >= long && i+block <= len(data) {
			if plain(data[i : i+block]) {
				i += block
				continue
			}
			long = i + block // it is in there
		}
		if m := ends(binary.LittleEndian.Uint64(data[i:])); m != 0 {
			return i + bits.TrailingZeros64(m)>>3
		}
		i += wordBytes
	}
	for ; i < len(data); i++ {
		if data[i] == '"' || data[i] == '\\' || data[i] < ' ' {
			return i
		}
	}
	return Failed
}

// plain tells of four words that nothing in them may end or break a string.
func plain(block []byte) bool {
	_ = block[4*wordBytes-1] // one check for all
	a, b := binary.LittleEndian.Uint64(block), binary.LittleEndian.Uint64(block[wordBytes:])
	c, d := binary.LittleEndian.Uint64(block[2*wordBytes:]), binary.LittleEndian.Uint64(block[3*wordBytes:])
	return ends(a)|ends(b)|ends(c)|ends(d) == 0
}

// ends marks bytes of a word that may end or break a string: the lowest bit that is set marks the first of them.
func ends(w uint64) uint64 {
	q, s := w^quotes, w^slashes
	return ((q-ones)&^q | (s-ones)&^s | (w-controls)&^w) & highs
}

// escape walks over what follows a backslash.
func escape(data []byte, i int) int {
	if i >= len(data) {
		return Failed
	}
	switch data[i] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 1
	case 'u':
		for n := 1; n <= hexDigits; n++ {
			if i+n >= len(data) || !hexDigit(data[i+n]) {
				return Failed
			}
		}
		return i + 1 + hexDigits
	}
	return Failed
}

func hexDigit(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f' }

// Number walks over a number.
func Number(data []byte, i int) int {
	if i < len(data) && data[i] == '-' {
		i++
	}
	if i >= len(data) {
		return Failed
	}
	switch c := data[i]; {
	case c == '0':
		i++
	case '1' <= c && c <= '9':
		i = digits(data, i+1)
	default:
		return Failed
	}
	if i < len(data) && data[i] == '.' {
		at := i + 1
		if i = digits(data, at); i == at {
			return Failed
		}
	}
	if i < len(data) && data[i]|0x20 == 'e' {
		i++
		if i < len(data) && (data[i] == '+' || data[i] == '-') {
			i++
		}
		at := i
		if i = digits(data, at); i == at {
			return Failed
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

// Space walks over white space.
func Space(data []byte, i int) int {
	for i < len(data) && (data[i] == ' ' || data[i] == '\n' || data[i] == '\t' || data[i] == '\r') {
		i++
	}
	return i
}

// Word walks over a word: null, true or false.
func Word(data []byte, i int, w string) int {
	if len(data)-i >= len(w) && string(data[i:i+len(w)]) == w {
		return i + len(w)
	}
	return Failed
}

// Colon finds the value behind the name that ends at i.
func Colon(data []byte, i int) int {
	if i = Space(data, i); i >= len(data) || data[i] != ':' {
		return Failed
	}
	return Space(data, i+1)
}
