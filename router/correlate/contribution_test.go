package correlate

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDecode(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		``:                       "EOF",
		`{}`:                     "rule has 0 bytes",
		`{"rule":"r","uid":"u"}`: "group is no array",
		`{"rule":"r","uid":"u","group":["` + strings.Repeat("x", MaxGroup) + `"]}`: "group is no array",
		`{"rule":"r","uid":"u","group":[[1]]}`:                                     "neither text nor number",
		`{"rule":"r","uid":"u","group":[null]}`:                                    "neither text nor number",
		`{"rule":"r","uid":"u","group":null}`:                                      "group is no array",
		`{"rule":"r","uid":"u","group":["a"],"part":99}`:                           "part is 99",
		`{"rule":"r","uid":"u","group":["a"],"time":9e18}`:                         "cannot unmarshal",
		`{"rule":"r","uid":"u","group":["a"],"time":9000000000000000}`:             "of no year",
		`{"rule":"r","uid":"u","group":["a"],"place":{"lat":91,"lon":0}}`:          "the value is none",
		`{"rule":"r","uid":"u","group":["a"]} {}`:                                  "more than one",
		`{"rule":"r","uid":"u","group":["a",1,2.5,true],"time":1}`:                 "",
		strings.Repeat(" ", maxBytes+1):                                            "at most",
	} {
		_, err := Decode([]byte(text))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.60s: %v, want %q", text, err, want)
		}
	}
}

func TestArity(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{`[]`: 0, `[ ]`: 0, `[""]`: 1, `["a,b","\","]`: 2, `[1,2.5,true]`: 3, `["a]b"]`: 1} {
		if got := arity([]byte(text)); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}

// FuzzDecode: whatever stands in a message, it is refused, or taken by a state of every type without harm, and the same after another encoding.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"rule":"r","uid":"u","group":["a"],"time":1772800000000,"value":"v","number":1.5,"place":{"lat":1,"lon":2},"source":"s"}`))
	f.Add([]byte(`{"rule":"r","uid":"u","group":["a"],"time":-62135596800000,"seen":-9000000000000000000,"number":1e308}`))
	f.Add([]byte(`{"rule":"r","part":1,"uid":"u","group":["<>\u0000"],"time":253402300799999}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Decode(data)
		if err != nil {
			return
		}
		text, err := c.Encode()
		if err != nil {
			t.Fatalf("%s: %v", data, err)
		}
		again, err := Decode(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		a, _ := json.Marshal(c)
		b, _ := json.Marshal(again)
		if diff := cmp.Diff(string(a), string(b)); diff != "" {
			t.Fatal(diff)
		}
		c.Rule = "r"
		for _, typ := range Types() {
			sp := Spec{Type: typ, Within: time.Minute, Lateness: time.Minute, Speed: 1}
			if sp.Temporal() {
				sp.Rules = []string{"a", "b"}
			}
			if typ == EventCount {
				sp.Max = 2 * milli
			}
			s := NewState(spec(sp), &Budget{Limit: 1 << 20})
			fired, _ := s.Apply(&c, time.UnixMilli(epoch))
			for _, f := range append(fired, s.Seal(time.UnixMilli(epoch+86_400_000))...) {
				doc, err := f.Doc(Finding{Title: "t", Severity: "low", Now: time.UnixMilli(epoch)})
				if err != nil {
					t.Fatalf("%s: %v", data, err)
				}
				if _, err := f.Event(doc); err != nil {
					t.Fatalf("%s: %v", data, err)
				}
			}
			s.Close()
		}
	})
}
