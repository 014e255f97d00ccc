package jsontext

// Mark finds the marks of a text, in the memory of old ones, which may be nil.
func Mark(text []byte, old Marks) Marks {
	n := (len(text) + markBits - 1) / markBits
	if cap(old) < n {
		old = make(Marks, n)
	}
	m := old[:n]
	whole := len(text) / markBits
	if whole > 0 {
		mark(&m[0], &text[0], whole)
	}
	if whole < n {
		var rest [markBits]byte
		copy(rest[:], text[whole*markBits:])
		mark(&m[whole], &rest[0], 1)
	}
	return m
}

// mark marks so many times 64 bytes. It uses SSE2, which every processor of this kind has.
//
//go:noescape
func mark(marks *uint64, text *byte, words int)
