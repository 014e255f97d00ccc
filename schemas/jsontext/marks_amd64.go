//go:build !purego

package jsontext

import "golang.org/x/sys/cpu"

// Mark finds the marks of a text, in the memory of old ones, which may be nil. ascii tells that the text is known to be nothing else.
func Mark(text []byte, old Marks) (m Marks, ascii bool) {
	n := (len(text) + markBits - 1) / markBits
	if cap(old) < n {
		old = make(Marks, n)
	}
	m = old[:n]
	whole, high := len(text)/markBits, 0
	switch {
	case whole > 0 && cpu.X86.HasAVX2:
		high = markWide(&m[0], &text[0], whole)
	case whole > 0:
		high = mark(&m[0], &text[0], whole)
	}
	if whole < n {
		var rest [markBits]byte
		copy(rest[:], text[whole*markBits:])
		high |= mark(&m[whole], &rest[0], 1)
	}
	return m, high == 0
}

// mark marks so many times 64 bytes; high is 0 if all of them are ASCII. It uses SSE2, which every processor of this kind has.
//
//go:noescape
func mark(marks *uint64, text *byte, words int) (high int)

// markWide is mark by AVX2.
//
//go:noescape
func markWide(marks *uint64, text *byte, words int) (high int)
