package yamltree_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/riposte-security/riposte/router/rule/yamltree"
)

// describe is a value with its kinds and places, in a line.
func describe(n *yamltree.Node) string {
	line, column := yamltree.Place(n)
	at := fmt.Sprintf("@%d:%d", line, column)
	if pairs, ok := yamltree.Pairs(n); ok {
		var out []string
		for _, p := range pairs {
			out = append(out, p.Key.Value+": "+describe(p.Value))
		}
		return "{" + strings.Join(out, ", ") + "}" + at
	}
	if items, ok := yamltree.Items(n); ok {
		var out []string
		for _, e := range items {
			out = append(out, describe(e))
		}
		return "[" + strings.Join(out, ", ") + "]" + at
	}
	if t, ok := yamltree.Text(n); ok {
		return fmt.Sprintf("%q%s", t, at)
	}
	if b, ok := yamltree.Bool(n); ok {
		return fmt.Sprintf("%v%s", b, at)
	}
	if v, ok := yamltree.Number(n); ok {
		return fmt.Sprintf("%T %v%s", v, v, at)
	}
	return yamltree.Kind(n) + at
}

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                        "",
		"# nothing\n---\n...\n---\n~\n":           "",
		"a: 1\n---\nb: 2\n":                       "{a: int64 1@1:4}@1:1 | {b: int64 2@3:4}@3:1",
		"a:\n  - x\n  - y: [1.5, -2]\n":           `{a: ["x"@2:5, {y: [float64 1.5@3:9, int64 -2@3:14]@3:8}@3:5]@2:3}@1:1`,
		"a: {b: yes, c: true, d: null, e: }\n":    `{a: {b: "yes"@1:8, c: true@1:16, d: nothing@1:25, e: nothing@1:34}@1:4}@1:1`,
		"é: >-\n  one\n  two\nb: 'x'\n":           `{é: "one two"@1:4, b: "x"@4:4}@1:1`,
		"a: 2026-01-01\nb: <<\n":                  `{a: "2026-01-01"@1:4, b: "<<"@2:4}@1:1`,
		"[0x1F, 0o17, 0777, 1_000, \"1\", 0b11]":  `[int64 31@1:2, int64 15@1:8, int64 511@1:14, int64 1000@1:20, "1"@1:27, int64 3@1:32]@1:1`,
		"[18446744073709551615, 1.5e3, -0, .inf]": `[uint64 18446744073709551615@1:2, float64 1500@1:24, int64 0@1:31, float64 +Inf@1:35]@1:1`,
		// Ids and digests that happen to look like numbers.
		"[12e03, 08, 012345678901, 123456789012345678901234]": `["12e03"@1:2, "08"@1:9, "012345678901"@1:13, "123456789012345678901234"@1:27]@1:1`,
	} {
		bodies, err := yamltree.Parse(text)
		var got []string
		for _, b := range bodies {
			got = append(got, describe(b))
		}
		if s := strings.Join(got, " | "); err != nil || s != want {
			t.Errorf("%q\n  gives %s (%v)\n  want  %s", text, s, err, want)
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a: [b, c\nd: e\n":        "2:2 did not find expected ',' or ']' while parsing a flow sequence that begins at [1:4]",
		"a: &x 1\nb: *x\n":        "1:4 anchors and aliases are not supported in rules",
		"a: *x\n":                 "1:4 unknown anchor 'x' referenced",
		"a: {<<: {b: 1}}\n":       "1:5 anchors and aliases are not supported in rules",
		"a: !!str 1\n":            "1:4 tags are not supported in rules",
		"a: !mine 1\n":            "1:4 tags are not supported in rules",
		"? [a]\n: b\n":            "1:3 complex keys are not supported in rules",
		"a: {b: 1, c: 2, b: 3}":   "1:17 mapping key \"b\" already defined at [1:5]",
		"a: x\n---\na: 1\na: 2\n": "4:1 mapping key \"a\" already defined at [3:1]",
		many(100) + "k7: x\n":     "101:1 mapping key \"k7\" already defined at [8:1]",
		"a: b\nc: \xffd\n":        "2:4 the text is not UTF-8",
		"a: \ufffd\nb: \xe4\n":    "2:4 the text is not UTF-8",
		"a: " + strings.Repeat("[", 65) + strings.Repeat("]", 65):      "1:68 nested too deeply",
		"a: " + strings.Repeat("[{b: ", 40) + strings.Repeat("}]", 40): "1:164 nested too deeply",
		"a:\n\tb: 1\n": "2:1 found character that cannot start any token while scanning for the next token",
	} {
		bodies, err := yamltree.Parse(text)
		if err == nil || len(bodies) > 0 {
			t.Errorf("%q: accepted", text)
			continue
		}
		if got := fmt.Sprintf("%d:%d %s", err.Line, err.Column, err.Message); got != want {
			t.Errorf("%q\n  gives %s\n  want  %s", text, got, want)
		}
	}
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "k%d: v\n", i)
	}
	return b.String()
}

// FuzzParse: whatever the text, the parser ends, and places are within it.
func FuzzParse(f *testing.F) {
	f.Add("a: [1, {b: \"c\"}]\n---\n- >\n  x\n")
	f.Add("? a\n: 'b'\n")
	f.Add("%YAML 1.2\n---\na: !!int 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		text, lines := yamltree.Lines(text)
		bodies, err := yamltree.Parse(text)
		if err != nil && (err.Line > len(lines)+1 || err.Line < 0 || err.Column < 0) {
			t.Fatalf("%+v is outside of the text", *err)
		}
		for _, b := range bodies {
			if line, _ := yamltree.Place(b); line < 1 || line > len(lines) {
				t.Fatalf("line %d of %d", line, len(lines))
			}
		}
	})
}
