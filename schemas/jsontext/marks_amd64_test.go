//go:build !purego

package jsontext

import (
	"math/rand/v2"
	"testing"

	"golang.org/x/sys/cpu"
)

// TestWide: both ways to find marks find the same.
func TestWide(t *testing.T) {
	t.Parallel()
	if !cpu.X86.HasAVX2 {
		t.Skip("this processor has no AVX2")
	}
	some := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		const words = 5
		var text [words * markBits]byte
		for i := range text {
			text[i] = "\"\\\x00\x1f\x20!az"[some.IntN(8)]
		}
		if some.IntN(2) == 0 {
			text[some.IntN(len(text))] = 0x80
		}
		var narrow, wide [words]uint64
		high, highWide := mark(&narrow[0], &text[0], words), markWide(&wide[0], &text[0], words)
		if narrow != wide || (high == 0) != (highWide == 0) {
			t.Fatalf("%q:\n%x %x\n%x %x", text, narrow, high, wide, highWide)
		}
	}
}
