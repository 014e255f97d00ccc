package predicate

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzDecode compares what is decoded in one walk with what encoding/json makes of it.
func FuzzDecode(f *testing.F) {
	for _, text := range []string{
		`{}`, ` {"a":1,"b":-2.5e3,"c":"x\u00e9\ud83d\ude00\ud800y\n","d":[],"e":{},"f":[1,null,true,false,"",{"g":[[]]}]} `,
		`{"a":1,"a":{"b":2},"a":{"c":3}}`, `{"n":9223372036854775807,"u":18446744073709551615,"f":18446744073709551616,"e":1e999,"z":-0,"d":0.1}`,
		`{"a":"é\t","\u0061b":2}`, `{"a":1}x`, `{"a":01}`, `{"a":"\x"}`, `[1]`, `null`, ``, `{"a":`, "{\"a\":\"\xff\"}", "{\"a\":\"\x01\"}", `{"a":tru}`,
		`{"a" : 1 , "b" : [ 1 , 2 ] }`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, ok := decodeText(data)
		want, err := decodeJSON(data)
		if !ok {
			return // encoding/json is asked in any case
		}
		if err != nil {
			t.Fatalf("%q was decoded: encoding/json says %v", data, err)
		}
		if d := cmp.Diff(any(got), want); d != "" {
			t.Errorf("%q: %s", data, d)
		}
	})
}

// TestDecodeText: what records of logs look like is decoded in one walk.
func TestDecodeText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`{"a":1,"b":[{"c":"\u00e9"}],"d":null}`, ` { "a" : "é" } `, `{}`} {
		if _, ok := decodeText([]byte(text)); !ok {
			t.Errorf("%s is left to encoding/json", text)
		}
	}
}
