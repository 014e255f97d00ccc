package jsontext

import (
	"unicode/utf16"
	"unicode/utf8"
)

// Unescape appends the string that the characters between two quotation marks stand for, as encoding/json reads them. ok is false where there
// are bytes that are not UTF-8. The string must have passed Text.
func Unescape(buf, raw []byte) (out []byte, ok bool) {
	if !utf8.Valid(raw) {
		return buf, false
	}
	for i := 0; i < len(raw); {
		c := raw[i]
		if c != '\\' {
			buf = append(buf, c)
			i++
			continue
		}
		i++
		if raw[i] != 'u' {
			buf = append(buf, short(raw[i]))
			i++
			continue
		}
		r := hex(raw[i+1:])
		i += 1 + hexDigits
		if utf16.IsSurrogate(r) {
			const pair = 2 + hexDigits
			second := rune(-1)
			if i+pair <= len(raw) && raw[i] == '\\' && raw[i+1] == 'u' {
				second = hex(raw[i+2:])
			}
			if r = utf16.DecodeRune(r, second); r != utf8.RuneError {
				i += pair
			}
		}
		buf = utf8.AppendRune(buf, r)
	}
	return buf, true
}

// String gives the string whose opening quotation mark is at i, as encoding/json reads it, and the place behind it, or Failed.
func String(data []byte, i int) (s string, end int) {
	end, escaped := Text(data, i+1)
	if end < 0 {
		return "", Failed
	}
	raw := data[i+1 : end]
	if escaped {
		raw, _ = Unescape(nil, raw)
	}
	return string(raw), end + 1
}

// short is the character that a letter behind a backslash stands for.
func short(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

func hex(digits []byte) rune {
	var r rune
	for _, c := range digits[:hexDigits] {
		r <<= 4
		switch {
		case c <= '9':
			r |= rune(c - '0')
		default:
			r |= rune(c|0x20-'a') + 10
		}
	}
	return r
}
