package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestFinders holds the automaton and the affixes to asking for every string by itself.
func TestFinders(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		word := func(n int) string {
			var b strings.Builder
			for range rnd.IntN(n) {
				b.WriteString([]string{"a", "b", "c", "é", "ab"}[rnd.IntN(5)])
			}
			return b.String()
		}
		var words []string
		a := &automaton{byText: map[string]int32{}}
		var prefix, suffix affixes
		for len(words) < 1+rnd.IntN(30) {
			w := word(6)
			if w == "" || slices.Contains(words, w) {
				words = append(words, "never-"+fmt.Sprint(len(words)))
				continue
			}
			h := []hit{{rule: int32(len(words))}}
			a.add(w, h)
			prefix.add(w, h)
			suffix.add(w, h)
			words = append(words, w)
		}
		a.build()
		for range 20 {
			text := word(20)
			var contained, begins, ends []int32
			a.find([]byte(text), func(h []hit) { contained = append(contained, h[0].rule) })
			prefix.find([]byte(text), false, func(h []hit) { begins = append(begins, h[0].rule) })
			suffix.find([]byte(text), true, func(h []hit) { ends = append(ends, h[0].rule) })
			for i, w := range words {
				at := int32(i)
				if slices.Contains(contained, at) != strings.Contains(text, w) || slices.Contains(begins, at) != strings.HasPrefix(text, w) ||
					slices.Contains(ends, at) != strings.HasSuffix(text, w) {
					t.Fatalf("%q in %q: contained %v, at the beginning %v, at the end %v", w, text, contained, begins, ends)
				}
			}
		}
	}
}
