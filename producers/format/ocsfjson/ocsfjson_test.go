package ocsfjson_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
)

// value rebuilds what the document says, as encoding/json would decode it with UseNumber.
func value(d *ocsfjson.Doc, n ocsfjson.Node) any {
	switch d.Kind(n) {
	case ocsfjson.Object:
		m := map[string]any{}
		for c := d.First(n); c >= 0; c = d.Next(c) {
			m[d.Key(c)] = value(d, c)
		}
		return m
	case ocsfjson.Array:
		list := []any{}
		for c := d.First(n); c >= 0; c = d.Next(c) {
			list = append(list, value(d, c))
		}
		return list
	case ocsfjson.String:
		return d.Str(n)
	case ocsfjson.Number:
		return json.Number(d.Raw(n))
	case ocsfjson.Bool:
		return d.Raw(n) == "true"
	case ocsfjson.Null, ocsfjson.Missing:
	}
	return nil
}

// FuzzDoc holds the reader against encoding/json: what one reads the other reads, to the same values, but for what is refused on purpose.
func FuzzDoc(f *testing.F) {
	for _, s := range []string{
		`{"a":[1,-2.5e3,"x\n\u00e9\ud83d\ude00",true,false,null,{}],"b":{"c":[]}}`, ` { "a" : 1 } `, `"\ud800"`, `[0,-0,1e5]`, `01`, `{"a":1,"a":2}`,
		`{"\u0061":1,"a":2}`, `[1,]`, `nul`, `"`, `{"a"`, `-`, `1.`, "\"\x00\"", "\xff", strings.Repeat("[", 200),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var d ocsfjson.Doc
		err := d.Parse(data)
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.UseNumber()
		var want any
		wantErr := dec.Decode(&want)
		if wantErr == nil && dec.More() {
			return // something behind the value
		}
		if err != nil {
			refused := strings.Contains(err.Error(), "twice") || strings.Contains(err.Error(), "deeper") ||
				strings.Contains(err.Error(), "range") || !utf8.Valid(data) || strings.Contains(err.Error(), "the end of the record")
			if wantErr == nil && !refused {
				t.Fatalf("%q: %v", data, err)
			}
			return
		}
		if wantErr != nil {
			t.Fatalf("%q is read, but %v", data, wantErr)
		}
		if diff := cmp.Diff(want, value(&d, d.Root())); diff != "" {
			t.Fatalf("%q (-want +got)\n%s", data, diff)
		}
	})
}

func TestManyMembers(t *testing.T) {
	var b strings.Builder
	for i := range 5000 {
		b.WriteString(`,"k` + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + strings.Repeat("y", i/26) + `":1`)
	}
	var d ocsfjson.Doc
	if err := d.Parse([]byte("{" + b.String()[1:] + "}")); err != nil {
		t.Fatal(err)
	}
	err := d.Parse([]byte("{" + b.String()[1:] + `,"kxb":2,"last":1,"last":2}`))
	if err == nil || !strings.Contains(err.Error(), "stands there twice") {
		t.Errorf("a member that stands twice among thousands: %v", err)
	}
}

func TestTooLarge(t *testing.T) {
	var d ocsfjson.Doc
	if err := d.Parse(bytes.Repeat([]byte(" "), ocsfjson.MaxRecord+1)); err == nil {
		t.Error("no bound")
	}
}

func TestQuote(t *testing.T) {
	for _, s := range []string{"", "plain", "q\"b\\s/", "\x00\x1f\x7f\n\t", "\u2028é😀", "bad\xffbyte\xc3", "\ufffd"} {
		var w ocsfjson.Writer
		w.Quote(s)
		var back string
		if err := json.Unmarshal(w.B, &back); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		if want := strings.ToValidUTF8(s, "\ufffd"); back != want {
			t.Errorf("%q became %q", want, back)
		}
	}
}

// Every byte at every place of a text longer than what is looked at at once.
func TestQuoteEveryByte(t *testing.T) {
	for c := range 256 {
		for at := range 19 {
			s := []byte("abcdefghij~ !#[]xyz")
			s[at] = byte(c)
			var w ocsfjson.Writer
			w.Quote(string(s))
			var back string
			if err := json.Unmarshal(w.B, &back); err != nil || back != strings.ToValidUTF8(string(s), "\ufffd") {
				t.Fatalf("%q became %q: %v", s, w.B, err)
			}
		}
	}
}

func TestWriterDropsWhatIsEmpty(t *testing.T) {
	var w ocsfjson.Writer
	at := w.Open("")
	a := w.Open(`with \" and \\`)
	w.Close(w.List("list"))
	w.Close(a)
	b := w.Open("b")
	list := w.List("list")
	for range 2 {
		in := w.Open("")
		w.Int("n", 1)
		w.Close(in)
	}
	w.Close(list)
	c := w.Open(`x\"y`)
	w.Bool("t", true)
	w.Close(c)
	w.Close(b)
	w.Close(at)
	if got, want := string(w.B), `{"b":{"list":[{"n":1},{"n":1}],"x\"y":{"t":true}}}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
