package jsontext_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/riposte-security/riposte/schemas/jsontext"
)

const depth = 10_000 // of encoding/json

func whole(text []byte, depth int) bool { return wholeBy(nil, text, depth) }

func wholeBy(marks jsontext.Marks, text []byte, depth int) bool {
	i := marks.Skip(text, jsontext.Space(text, 0), depth)
	return i >= 0 && jsontext.Space(text, i) == len(text)
}

// FuzzSkip: what is walked over is what encoding/json takes for JSON.
func FuzzSkip(f *testing.F) {
	for _, text := range []string{
		`{"a":[1,-0,2.5e-3,{"b":"c\u00e9\\"}],"long name of a member":"a text of more than eight bytes \" and more","t":true,"f":false,"n":null}`,
		" { \"a\" : [ ] ,\n\t\"b\":{ } , \"c\" : [ [ 1 , 2 ] ] } ", `[]`, `{}`, `"x"`, `01`, `-`, `1.`, `{"a"}`, `{"a":}`, `{"a":1,}`, `[1,]`, `[1}`, `{"a":1]`, `[1 2]`, `{"a" 1}`, `"\x"`, "\"\x01\"",
		`{,}`, `[,]`, `nul`, `"abc`, `"abcdefgh`, `{"a":"b"`, `[[[[`, `]`, `{"a":1}}`, strings.Repeat("[", 70) + strings.Repeat("]", 70),
		strings.Repeat(`{"a":[`, 100) + strings.Repeat(`]}`, 100),
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if got := whole(text, depth); got != json.Valid(text) {
			t.Errorf("%q: JSON: %v, encoding/json says %v", text, got, !got)
		}
		if got := wholeBy(marksOf(text), text, depth); got != json.Valid(text) {
			t.Errorf("%q: JSON by its marks: %v, encoding/json says %v", text, got, !got)
		}
	})
}

func marksOf(text []byte) jsontext.Marks {
	marks, _ := jsontext.Mark(text, nil)
	return marks
}

// TestLongTexts: wherever a string ends, breaks or has an escape.
func TestLongTexts(t *testing.T) {
	t.Parallel()
	for n := range 150 {
		for _, at := range []int{0, 1, n / 3, n / 2, n - 1, n} {
			if at < 0 || at > n {
				continue
			}
			for what, c := range map[string]struct {
				end     int
				escaped bool
			}{`"`: {at, false}, "\x1f": {jsontext.Failed, false}, `\n`: {n + 2, true}, `\"`: {n + 2, true}, "é": {n + 2, false}} {
				text := strings.Repeat("a", at) + what + strings.Repeat("b", n-at) + `"`
				if end, escaped := jsontext.Text([]byte(text), 0); end != c.end || escaped != c.escaped {
					t.Fatalf("%q: end %d, %d expected; escaped %v", text, end, c.end, escaped)
				}
				if end, escaped := marksOf([]byte(text)).Text([]byte(text), 0); end != c.end || escaped != c.escaped {
					t.Fatalf("%q by its marks: end %d, %d expected; escaped %v", text, end, c.end, escaped)
				}
				if end, _ := jsontext.Text([]byte(strings.Repeat("a", n)+what[:1]), 0); (end < 0) == (what == `"`) {
					t.Fatalf("%d letters and %q: end %d", n, what[:1], end)
				}
			}
		}
	}
}

func TestDepth(t *testing.T) {
	t.Parallel()
	for _, levels := range []int{1, 2, 63, 64, 65, 128, 129, 200} {
		for name, text := range map[string]string{
			"arrays":  strings.Repeat("[", levels) + strings.Repeat("]", levels),
			"objects": strings.Repeat(`{"a":`, levels-1) + `{"b":1}` + strings.Repeat(`}`, levels-1),
			"later":   strings.Repeat(`[1,{},`, levels-1) + `[]` + strings.Repeat(`,"x",[]]`, levels-1),
		} {
			least := levels
			if name == "later" {
				least = max(levels, min(levels, 2))
			}
			if !whole([]byte(text), least) || whole([]byte(text), levels-1) {
				t.Errorf("%s, %d levels: allowed with %d: %v, with one less: %v", name, levels, least, whole([]byte(text), least), whole([]byte(text), levels-1))
			}
		}
	}
}

// TestMarks: of every byte, at every place of a word, it is told whether a string may end or break there; memory of marks before them does no harm.
func TestMarks(t *testing.T) {
	t.Parallel()
	marks := marksOf([]byte(strings.Repeat("\"", 300)))
	if marks == nil {
		t.Skip("no marks on this kind of processor")
	}
	for c := range 256 {
		special := c == '"' || c == '\\' || c < ' '
		for at := range 130 {
			text := []byte(strings.Repeat("a", 130))
			text[at] = byte(c)
			var ascii bool
			if marks, ascii = jsontext.Mark(text, marks); ascii != (c < utf8.RuneSelf) {
				t.Fatalf("byte %#x at %d: ASCII: %v", c, at, ascii)
			}
			for i := range text {
				if marked := marks[i/64]>>(i%64)&1 == 1; marked != (special && i == at) {
					t.Fatalf("byte %#x at %d: place %d marked: %v", c, at, i, marked)
				}
			}
		}
	}
}
