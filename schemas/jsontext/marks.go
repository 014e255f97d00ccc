package jsontext

import "math/bits"

// markBits are as many places as a word has bits.
const markBits = 64

// Marks are the places in a text at which a string may end or break: the quotation marks, backslashes and control characters, a bit for each byte. To find
// them for the whole text at once, many bytes at a time, takes a tenth of the time of looking for them string by string, since strings are short and each has another length.
// Marks that are nil are not known: then strings are looked through as they come. Marks belong to the text that they were made of, as it was then.
type Marks []uint64

// near is how far the next marked place is from i on, or markBits where it is not as near as that, or not known.
func (m Marks) near(i int) int {
	if w := uint(i) / markBits; w < uint(len(m)) {
		return bits.TrailingZeros64(m[w] >> (uint(i) % markBits))
	}
	return markBits
}

// next is the first marked place at i or behind; Failed if there is none.
func (m Marks) next(i int) int {
	w := i / markBits
	if i < 0 || w >= len(m) {
		return Failed
	}
	if word := m[w] >> (i % markBits); word != 0 {
		return i + bits.TrailingZeros64(word)
	}
	for w++; w < len(m); w++ {
		if m[w] != 0 {
			return w*markBits + bits.TrailingZeros64(m[w])
		}
	}
	return Failed
}

// Text is Text of a text that has these marks.
func (m Marks) Text(data []byte, i int) (end int, escaped bool) {
	for {
		if m == nil {
			i = special(data, i)
		} else {
			i = m.next(i)
		}
		if i < 0 || i >= len(data) {
			return Failed, escaped
		}
		switch data[i] {
		case '"':
			return i, escaped
		case '\\':
			escaped = true
			if i = escape(data, i+1); i < 0 {
				return Failed, escaped
			}
		default:
			return Failed, escaped
		}
	}
}

// quoted walks over a string that begins behind its opening quotation mark, and over the closing one.
func (m Marks) quoted(data []byte, i int) int {
	end, _ := m.Text(data, i)
	if end < 0 {
		return Failed
	}
	return end + 1
}
