package predicate_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/riposte-security/riposte/router/rule/predicate"
)

// TestAnyOfTexts holds containsAny and its like to what they stand for, on texts that nearly match.
func TestAnyOfTexts(t *testing.T) {
	t.Parallel()
	l := language(t)
	r := rand.New(rand.NewPCG(3, 4))
	word := func(most int) string {
		var b strings.Builder
		for range r.IntN(most + 1) {
			b.WriteString([]string{"a", "b", "ab", "é", "世", " "}[r.IntN(6)])
		}
		return b.String()
	}
	compile := func(text string) *predicate.Program {
		p, problems := l.Compile(text, nil, predicate.WantBool)
		if len(problems) > 0 {
			t.Fatalf("%s: %v", text, problems[0])
		}
		return p
	}
	held := 0
	for range 300 {
		operator := []string{"contains", "startsWith", "endsWith"}[r.IntN(3)]
		var quoted, parts []string
		shortest := r.IntN(3)
		for range r.IntN(8) {
			w := word(9)
			if len(w) < shortest {
				w += "aaa"
			}
			quoted = append(quoted, fmt.Sprintf("%q", w))
			parts = append(parts, fmt.Sprintf("unmapped.s %s %q", operator, w))
		}
		parts = append(parts, "false")
		once, each := compile(fmt.Sprintf("%sAny(unmapped.s, [%s])", operator, strings.Join(quoted, ", "))), compile(strings.Join(parts, " or "))
		for _, v := range []any{word(3), word(12), word(30), "", nil, int64(5), true, []any{"a"}} {
			event := map[string]any{"unmapped": map[string]any{"s": v}}
			got, err := once.Test(event)
			want, err2 := each.Test(event)
			if err != nil || err2 != nil {
				t.Fatal(err, err2)
			}
			if got != want {
				t.Fatalf("%s of %v in %q: %v", operator, quoted, v, got)
			}
			if got {
				held++
			}
		}
	}
	if held == 0 {
		t.Error("nothing ever held")
	}
}
