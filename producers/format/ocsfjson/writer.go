package ocsfjson

import (
	"strconv"
	"unicode/utf8"
)

// A Writer appends JSON to B. It puts the commas; the caller closes what it opens. Names given to it need no escaping.
//
// Its methods make room once and then fill it, and shorten B by slicing B itself: so what is stored is a length, and no pointer that the
// garbage collector wants to hear of.
type Writer struct{ B []byte }

// grow makes room for n more bytes.
func (w *Writer) grow(n int) {
	if cap(w.B)-len(w.B) < n {
		b := make([]byte, len(w.B), max(2*cap(w.B), len(w.B)+n+64))
		copy(b, w.B)
		w.B = b
	}
}

// wantsComma tells whether a comma belongs between what was written last and what follows.
func (w *Writer) wantsComma() bool {
	n := len(w.B)
	return n > 0 && w.B[n-1] != '{' && w.B[n-1] != '[' && w.B[n-1] != ':'
}

func (w *Writer) comma() {
	if w.wantsComma() {
		w.B = append(w.B, ',')
	}
}

// Key writes a member name.
func (w *Writer) Key(name string) {
	n := w.key(name, 0)
	w.B = w.B[:n]
}

// key writes a member name behind B, makes room for more bytes behind it, and returns where they begin.
func (w *Writer) key(name string, more int) int {
	n := len(w.B)
	need := n + len(name) + 4 + more
	if cap(w.B) < need {
		w.grow(need - n)
	}
	b := w.B[:need]
	if w.wantsComma() {
		b[n] = ','
		n++
	}
	b[n] = '"'
	n++
	n += copy(b[n:], name)
	b[n], b[n+1] = '"', ':'
	return n + 2
}

// Raw writes a member whose value is JSON already.
func (w *Writer) Raw(name, value string) {
	n := w.key(name, len(value))
	n += copy(w.B[n:cap(w.B)], value)
	w.B = w.B[:n]
}

// Lit writes members that are given as JSON text, without a comma at either end: for what is the same in every event.
func (w *Writer) Lit(members string) {
	w.comma()
	w.B = append(w.B, members...)
}

// Str writes a member whose value is the string s.
func (w *Writer) Str(name, s string) {
	n := w.key(name, len(s)+2)
	b := w.B[:n+len(s)+2]
	if !copyPlain(b[n+1:], s) {
		w.B = w.B[:n]
		w.escape(s)
		return
	}
	b[n], b[n+1+len(s)] = '"', '"'
	w.B = w.B[:n+len(s)+2]
}

// Plain writes a member whose value is the string s, which is known to have nothing in it that would be escaped.
func (w *Writer) Plain(name, s string) {
	n := w.key(name, len(s)+2)
	b := w.B[:n+len(s)+2]
	b[n] = '"'
	copy(b[n+1:], s)
	b[n+1+len(s)] = '"'
	w.B = w.B[:len(b)]
}

// Int writes a member whose value is the integer i.
func (w *Writer) Int(name string, i int64) {
	const digits = 20 // of the smallest, with its sign
	n := w.key(name, digits)
	w.B = w.B[:n]
	w.B = w.B[:len(strconv.AppendInt(w.B, i, 10))]
}

// Bool writes a member whose value is v.
func (w *Writer) Bool(name string, v bool) {
	w.Key(name)
	w.B = strconv.AppendBool(w.B, v)
}

// Open begins an object: a member where name is not empty, else an element. Give Close what it returns.
func (w *Writer) Open(name string) int {
	at := len(w.B)
	if name == "" {
		w.comma()
		w.B = append(w.B, '{')
		return at
	}
	n := w.key(name, 1)
	w.B = w.B[:n+1]
	w.B[n] = '{'
	return at
}

// List begins an array, as Open begins an object.
func (w *Writer) List(name string) int {
	at := w.Open(name)
	w.B[len(w.B)-1] = '['
	return at
}

// Close ends what Open or List began at that place. Where nothing was written since, it takes the beginning back and tells false.
func (w *Writer) Close(at int) bool {
	switch w.B[len(w.B)-1] {
	case '{', '[':
		w.B = w.B[:at]
		return false
	}
	// The bracket to close stands behind the name: after an optional comma, either at once or behind `"name":`.
	i := at
	if w.B[i] == ',' {
		i++
	}
	if w.B[i] == '"' {
		for i++; w.B[i] != '"'; i++ {
			if w.B[i] == '\\' { // names out of a record may have escapes
				i++
			}
		}
		i += 2
	}
	w.B = append(w.B, w.B[i]+2) // '{'+2 is '}', '['+2 is ']'
	return true
}

// Quote appends s as a JSON string. Bytes that are not UTF-8 become U+FFFD.
func (w *Writer) Quote(s string) {
	n := len(w.B)
	w.grow(len(s) + 2)
	b := w.B[:n+len(s)+2]
	if !copyPlain(b[n+1:], s) {
		w.escape(s)
		return
	}
	b[n], b[n+1+len(s)] = '"', '"'
	w.B = w.B[:n+len(s)+2]
}

// escape is Quote for a text that has something to escape.
func (w *Writer) escape(s string) {
	const hex = "0123456789abcdef"
	b := append(w.B, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && n == 1 {
				b = append(append(b, s[from:i]...), "\ufffd"...)
				from = i + 1
			}
			i += n
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		b = append(b, s[from:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		from = i
	}
	w.B = append(append(b, s[from:]...), '"')
}
