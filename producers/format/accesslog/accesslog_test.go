package accesslog

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/riposte-security/riposte/producers"
)

func TestWords(t *testing.T) {
	for _, c := range []struct {
		text  string
		want  []string
		plain bool
		err   string
	}{
		{text: "a - c", want: []string{"a", "", "c"}, plain: true},
		{text: `a "b c" "-" ""`, want: []string{"a", "b c", "", ""}, plain: true},
		{text: `a "b "c" d" e`, want: []string{"a", `b "c`, `d"`, "e"}},
		{text: `[1/Mar 12:00] [2001:db8::1]:443 [x`, want: []string{"1/Mar 12:00", "[2001:db8::1]:443", "[x"}, plain: true},
		{text: "a\tb \"c\td\"", want: []string{"a\tb", "c\td"}},
		{text: `\x22 é`, want: []string{`\x22`, "é"}},
		{text: "a  b", err: "field 2 (offset 2): an empty field"},
		{text: `a "b`, err: "field 2 (offset 2): the quote that begins here has no end"},
		{text: strings.Repeat("a ", MaxColumns) + "a", err: "more than 160 fields"},
	} {
		var r Row
		if err := r.Words(c.text, nil); err != nil {
			if err.Error() != c.err {
				t.Errorf("%q: %v", c.text, err)
			}
			continue
		}
		var got []string
		for i := range r.Columns() {
			got = append(got, r.Column(i))
		}
		if diff := cmp.Diff(c.want, got); diff != "" || r.plain != c.plain {
			t.Errorf("%q: plain %v (-want +got)\n%s", c.text, r.plain, diff)
		}
	}
}

func TestMillis(t *testing.T) {
	for text, want := range map[string]int64{"0": 0, "0.0015": 2, "0.0014999": 1, "12.5": 12500, "7.": 7000, "1.999999": 2000, "0.000": 0} {
		if got, ok := millis(text); !ok || got != want {
			t.Errorf("%s: %d %v, want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "-1", "1e3", ".5", "1.2.3", "9999999999", "x"} {
		if got, ok := millis(text); ok {
			t.Errorf("%s: %d", text, got)
		}
	}
}

func TestParseURL(t *testing.T) {
	for text, want := range map[string]URL{
		"https://h:443/a?b=c":     {Scheme: "https", Host: "h", Port: "443", Path: "/a", Query: "b=c"},
		"https://[2001:db8::1]/":  {Scheme: "https", Host: "2001:db8::1", Path: "/"},
		"http://h?x":              {Scheme: "http", Host: "h", Query: "x"},
		"/a?u=http://x/":          {Path: "/a", Query: "u=http://x/"},
		"":                        {},
		"http://h:80-":            {Scheme: "http", Host: "h", Port: "80-"},
		"https://2001:db8::1/a":   {Scheme: "https", Host: "2001:db8::1", Path: "/a"},
		"https://[2001:db8::1]:8": {Scheme: "https", Host: "2001:db8::1", Port: "8"},
	} {
		want.Text = text
		if diff := cmp.Diff(want, ParseURL(text)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", text, diff)
		}
	}
}

func TestAddress(t *testing.T) {
	for text, want := range map[string][2]string{
		"10.0.0.1:80": {"10.0.0.1", "80"}, "10.0.0.1": {"10.0.0.1", ""}, "[2001:db8::1]:443": {"2001:db8::1", "443"}, "2001:db8::1": {"2001:db8::1", ""},
		"[2001:db8::1]": {"2001:db8::1", ""},
	} {
		if ip, port, ok := Address(text); !ok || ip != want[0] || port != want[1] {
			t.Errorf("%s: %s %s %v", text, ip, port, ok)
		}
	}
	for _, text := range []string{"", "x", "10.0.0.1:99999", "10.0.0.1:x", "h:80", ":80"} {
		if ip, port, ok := Address(text); ok {
			t.Errorf("%s: %s %s", text, ip, port)
		}
	}
}

func TestDecode(t *testing.T) {
	for text, want := range map[string]string{"a%20b": "a b", "%2520": "%20", "100%": "100%", "%zz%41": "%zzA", "%ff": "%ff", "a": "a", "%4": "%4"} {
		if got, changed := Unescape(text); got != want || changed != (got != text) {
			t.Errorf("%s: %s %v", text, got, changed)
		}
	}
	if got, _ := UnescapeHex(`\x22a\x5Cx22 \x`); got != `"a\x22 \x` {
		t.Error(got)
	}
}

func FuzzWords(f *testing.F) {
	f.Add(`a "b c" [d e] "f"g" -`)
	f.Fuzz(func(_ *testing.T, text string) {
		var r Row
		if r.Words(text, nil) == nil {
			for i := range r.Columns() {
				_ = r.Column(i)
			}
		}
		ParseURL(text)
		Address(text)
	})
}

func TestPoolKeepsKindsApart(t *testing.T) {
	var p Pool
	r := p.Get(producers.Record{Data: []byte(`{"a":"left"}`)})
	if err := r.JSON([]byte(`{"a":"left"}`), func(string) Field { return 1 }); err != nil || r.Value(1) != "left" {
		t.Fatal(err, r.Value(1))
	}
	p.Put(r)
	r = p.Get(producers.Record{Data: []byte("x")})
	defer p.Put(r)
	if err := r.Words("x", nil); err != nil {
		t.Fatal(err)
	}
	r.Assign(NewLayout([]Column{{Name: "n"}}))
	r.Begin(4002, 3, "Get", r.Time)
	if e := string(r.End(4002).Data); !strings.Contains(e, `"unmapped":{"n":"x"}`) || strings.Contains(e, "left") {
		t.Error(e)
	}
}
