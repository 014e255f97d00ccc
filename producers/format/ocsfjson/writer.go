package ocsfjson

import (
	"strconv"
	"unicode/utf8"
)

// A Writer appends JSON to B. It puts the commas; the caller closes what it opens. Names given to it need no escaping.
type Writer struct{ B []byte }

func (w *Writer) comma() {
	if n := len(w.B); n > 0 {
		switch w.B[n-1] {
		case '{', '[', ':':
		default:
			w.B = append(w.B, ',')
		}
	}
}

// Key writes a member name.
func (w *Writer) Key(name string) {
	b := w.B
	if n := len(b); n > 0 && b[n-1] != '{' && b[n-1] != '[' && b[n-1] != ':' {
		b = append(b, ',', '"')
	} else {
		b = append(b, '"')
	}
	w.B = append(append(b, name...), '"', ':')
}

// Raw writes a member whose value is JSON already.
func (w *Writer) Raw(name, value string) {
	w.Key(name)
	w.B = append(w.B, value...)
}

// Lit writes members that are given as JSON text, without a comma at either end: for what is the same in every event.
func (w *Writer) Lit(members string) {
	w.comma()
	w.B = append(w.B, members...)
}

// Str writes a member whose value is the string s.
func (w *Writer) Str(name, s string) {
	w.Key(name)
	w.Quote(s)
}

// Int writes a member whose value is the integer i.
func (w *Writer) Int(name string, i int64) {
	w.Key(name)
	w.B = strconv.AppendInt(w.B, i, 10)
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
	} else {
		w.Key(name)
	}
	w.B = append(w.B, '{')
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
	if plain(s) {
		w.B = append(append(append(w.B, '"'), s...), '"')
		return
	}
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

// plain tells whether s is ASCII that needs no escaping. It looks at eight bytes at a time.
func plain[T string | []byte](s T) bool {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	i := 0
	for ; i+8 <= len(s); i += 8 {
		x := uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
			uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
		quote, slash := x^(ones*'"'), x^(ones*'\\')
		// A byte below n makes the high bit of (x - n) & ^x, and a zero byte that of (x - 1) & ^x.
		if (x|(x-ones*' ')&^x|(quote-ones)&^quote|(slash-ones)&^slash)&highs != 0 {
			return false
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
