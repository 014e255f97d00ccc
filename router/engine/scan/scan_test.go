package scan_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/riposte-security/riposte/router/engine/scan"
	"github.com/riposte-security/riposte/router/rule/predicate"
	"github.com/riposte-security/riposte/schemas/jsontext"
)

// path reads a.b[]~c: [] is each element of a list, ~ goes through lists.
func path(text string) []predicate.Step {
	var out []predicate.Step
	for part := range strings.SplitSeq(text, ".") {
		name := strings.TrimRight(part, "[]~")
		if name != "" {
			out = append(out, predicate.Step{Kind: predicate.Field, Name: name})
		}
		for rest := part[len(name):]; rest != ""; {
			switch {
			case strings.HasPrefix(rest, "[]"):
				out, rest = append(out, predicate.Step{Kind: predicate.Each}), rest[2:]
			default:
				out, rest = append(out, predicate.Step{Kind: predicate.Through}), rest[1:]
			}
		}
	}
	return out
}

func paths(texts ...string) *scan.Paths {
	var all [][]predicate.Step
	for _, p := range texts {
		all = append(all, path(p))
	}
	return scan.NewPaths(all)
}

func TestValues(t *testing.T) {
	t.Parallel()
	names := []string{"a", "a.b", "a.b.c", "l[]", "l[].x", "m~", "m~.x~", "long_name_of_a_member", "long_name_of_a_membex", "é", "l[][]", "m~.z"}
	p := paths(names...)
	for _, c := range []struct{ doc, want string }{
		{`{"a":1}`, `a=1`},
		{` { "a" : { "b" : { "c" : "x" , "d" : [ {} , [ ] ] } } } `, `a={ a.b={ a.b.c=x`},
		{`{"l":[1,"é",null,true,false,[2],{"x":-0.5e+3}]}`, `l[]=1 l[]=é l[]=null l[]=true l[]=false l[]=[ l[][]=2 l[]={ l[].x=-0.5e+3`},
		{`{"l":{"x":1}}`, ``},
		{`{"m":[1,[2,[null]],{"x":[3,[4]]},{"x":5}]}`, `m~=1 m~=2 m~={ m~.x~=3 m~.x~=4 m~={ m~.x~=5`},
		{`{"m":{"x":"y","z":[1]}}`, `m~={ m~.x~=y m~.z=[`},
		{`{"m":null,"a":null}`, `a=null`},
		{`{"long_name_of_a_member":1,"long_name_of_a_membex":2,"long_name_of_a_membey":3,"é":4,"":5,"a\u0000":6}`, `long_name_of_a_member=1 long_name_of_a_membex=2 é=4 twice`},
		{`{"a":"q\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\ud800x"}`, "a=q\"\\/\b\f\n\r\té😀\uFFFDx"},
		{`{"a":1,"a":2}`, `a=1 a=2 twice`},
		{`{"x":1,"x":2}`, ``},
		{`{"a":{"b":1},"l":[{"x":1},{"x":2}]}`, `a={ a.b=1 l[]={ l[].x=1 l[]={ l[].x=2`},
		{`[{"a":1}]`, ``}, {`"a"`, ``}, {`{"\u0061":1}`, `twice`},
	} {
		var s scan.Scan
		if err := s.Read(p, []byte(c.doc)); err != nil {
			t.Errorf("%s: %v", c.doc, err)
			continue
		}
		var got []string
		for _, v := range s.Values {
			text := c.doc[v.Start:v.End]
			switch v.Kind { //nolint:exhaustive // the others are as they stand
			case scan.Escaped:
				b, ok := jsontext.Unescape(nil, []byte(text))
				if !ok {
					t.Errorf("%s: not UTF-8", text)
				}
				text = string(b)
			case scan.Object:
				text = "{"
			case scan.Array:
				text = "["
			}
			got = append(got, names[v.Path]+"="+text)
		}
		if s.Twice {
			got = append(got, "twice")
		}
		want := strings.Fields(c.want)
		if strings.ContainsAny(c.want, "\n") {
			want = []string{c.want}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s\n  gives %q\n  want  %q", c.doc, got, want)
		}
	}
}

// valid is whether encoding/json reads the document.
func valid(doc []byte) bool {
	d := json.NewDecoder(bytes.NewReader(doc))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return false
	}
	_, err := d.Token()
	return errors.Is(err, io.EOF)
}

func documents() []string {
	out := []string{
		``, ` `, `{`, `}`, `{}`, `{]`, `[}`, `[]`, `[1,]`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{"a" 1}`, `nul`, `null`, `nullx`, `tru`, `true`, `fals`, `false`, `-`, `-1`, `01`, `1.`, `1.0`,
		`.5`, `1e`, `1e+`, `1E-9`, `1e5x`, `"`, `"a`, `"a"`, "\"\x1f\"", "\"\x00\"", "\"\x7f\"", "\"\xff\"", `"\"`, `"\x"`, `"\u12"`, `"\u12g4"`, `"\u12aF"`, `{"a":1}{`, `{} {}`, `[1 2]`, `{"a":1 "b":2}`,
		`{1:2}`, `{"a":[{"b":[[[]]]}]}`, `{"a":"` + strings.Repeat("x", 100) + `"}`, `{"a":"1234567` + "\n" + `"}`, `{"a":"1234567\n8"}`, `{"a":"1234567"`, "\ufeff{}", "{}\x00", `{"a":-}`, `{"a":--1}`,
	}
	for _, n := range []int{9_998, 9_999, 10_000, 10_001, 10_002} {
		out = append(out, strings.Repeat("[", n)+strings.Repeat("]", n), strings.Repeat(`{"a":`, n)+"1"+strings.Repeat("}", n), strings.Repeat(`{"x":`, n)+"1"+strings.Repeat("}", n))
	}
	return out
}

func TestSyntax(t *testing.T) {
	t.Parallel()
	ps := []*scan.Paths{paths("a", "a.b", "l[]"), paths(), paths("zzz"), paths("~x")}
	for _, doc := range documents() {
		for _, p := range ps {
			var s scan.Scan
			err := s.Read(p, []byte(doc))
			if want := valid([]byte(doc)); (err == nil) != want {
				t.Errorf("%.60q (%d bytes): %v, encoding/json reads it: %v", doc, len(doc), err, want)
			}
		}
	}
}

// byMembers: of an object whose members are known, the same is found.
func byMembers(t *testing.T, p *scan.Paths, whole *scan.Scan, doc []byte, err error) {
	t.Helper()
	if len(doc) == 0 || doc[0] != '{' {
		return
	}
	marks, _ := jsontext.Mark(doc, nil)
	members, end := marks.Members(doc, 1, scan.MaxDepth-1, nil)
	if err != nil && end == len(doc) {
		t.Fatalf("%q: %v, but it has members", doc, err)
	}
	if err != nil || end < 0 {
		return
	}
	var s scan.Scan
	if err := s.ReadMembers(p, doc, marks, members); err != nil {
		t.Fatalf("%q by its members: %v", doc, err)
	}
	if s.Twice != whole.Twice || !slices.Equal(s.Values, whole.Values) {
		t.Fatalf("%q by its members: %v %v, as a whole %v %v", doc, s.Values, s.Twice, whole.Values, whole.Twice)
	}
}

// FuzzRead: a document is read if and only if encoding/json reads it, and every value is the one that is at its path.
func FuzzRead(f *testing.F) {
	for _, d := range documents() {
		if len(d) < 1000 {
			f.Add([]byte(d))
		}
	}
	f.Add([]byte(`{"a":{"b":"x\u00e9"},"l":[1,[2],{"x":null}],"m":[[{"x":[1]}]]}`))
	p := paths("a", "a.b", "l[]")
	names := []string{"a", "a.b"}
	f.Fuzz(func(t *testing.T, doc []byte) {
		var s scan.Scan
		err := s.Read(p, doc)
		if (err == nil) != valid(doc) {
			t.Fatalf("%v, encoding/json reads it: %v", err, valid(doc))
		}
		byMembers(t, p, &s, doc, err)
		if err != nil || s.Twice {
			return
		}
		env, err := predicate.Decode(doc)
		if err != nil {
			return // no object
		}
		want := map[string]any{"a": env["a"]}
		if m, ok := env["a"].(map[string]any); ok {
			want["a.b"] = m["b"]
		}
		for _, v := range s.Values {
			if int(v.Path) >= len(names) {
				continue
			}
			check(t, names[v.Path], want[names[v.Path]], v, doc)
			delete(want, names[v.Path])
		}
		for n, v := range want {
			if v != nil {
				t.Fatalf("%s is not there, but %v", n, v)
			}
		}
	})
}

func check(t *testing.T, name string, want any, v scan.Value, doc []byte) {
	t.Helper()
	got := ""
	switch v.Kind {
	case scan.Object:
		got = "map"
	case scan.Array:
		got = "array"
	case scan.Escaped, scan.String:
		b, ok := jsontext.Unescape(nil, doc[v.Start:v.End])
		if !ok {
			return
		}
		got = string(b)
	default:
		got = string(doc[v.Start:v.End])
	}
	switch w := want.(type) {
	case map[string]any:
		want = "map"
	case []any:
		want = "array"
	case nil:
		want = "null"
	case int64, uint64, float64:
		if v.Kind != scan.Number {
			t.Fatalf("%s is %v, not a number", name, v)
		}
		return
	default:
		want = fmt.Sprint(w)
	}
	if got != want {
		t.Fatalf("%s is %q, want %q", name, got, want)
	}
}
