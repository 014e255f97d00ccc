package parse_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/riposte-security/riposte/router/lists/parse"
	"github.com/riposte-security/riposte/router/lists/set"
)

// read reads a list and writes down what is in it: an entry a line, and at the end what was passed over or went wrong.
func read(o parse.Options, text []byte) string {
	var b strings.Builder
	skipped, err := parse.Read(bytes.NewReader(text), o, func(e set.Entry) error {
		fmt.Fprintf(&b, "%s", e.Value)
		if e.Kind != set.Auto {
			fmt.Fprintf(&b, " (%s)", e.Kind)
		}
		if !e.From.IsZero() {
			fmt.Fprintf(&b, " from %s", e.From.Format(time.RFC3339))
		}
		if !e.Until.IsZero() {
			fmt.Fprintf(&b, " until %s", e.Until.Format(time.RFC3339))
		}
		b.WriteByte('\n')
		return nil
	})
	if len(skipped) > 0 {
		s, _ := json.Marshal(skipped)
		fmt.Fprintf(&b, "passed over: %s\n", s)
	}
	if err != nil {
		fmt.Fprintf(&b, "error: %v\n", err)
	}
	return b.String()
}

// TestGolden holds every case in testdata: options as JSON, the list, and the entries. UPDATE_GOLDEN=1 writes the last anew.
func TestGolden(t *testing.T) {
	t.Parallel()
	cases, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(cases) == 0 {
		t.Fatal("no cases", err)
	}
	for _, path := range cases {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			a, err := txtar.ParseFile(path)
			if err != nil || len(a.Files) != 3 {
				t.Fatal("options, list and entries expected", err)
			}
			var o parse.Options
			if err := json.Unmarshal(a.Files[0].Data, &o); err != nil {
				t.Fatal(err)
			}
			got := read(o, a.Files[1].Data)
			if want := string(a.Files[2].Data); got != want {
				if os.Getenv("UPDATE_GOLDEN") != "" {
					a.Files[2].Data = []byte(got)
					if err := os.WriteFile(path, txtar.Format(a), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

func TestPacked(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte("192.0.2.1\n192.0.2.2\n")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if got := read(parse.Options{Format: parse.Plain}, b.Bytes()); got != "192.0.2.1\n192.0.2.2\n" {
		t.Error(got)
	}
	if got := read(parse.Options{Format: parse.Plain}, b.Bytes()[:b.Len()-6]); !strings.Contains(got, "error: line 3: unexpected EOF") {
		t.Error("cut off: " + got)
	}
}

func TestHostile(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		o          parse.Options
		text, want string
	}{
		"long line":        {parse.Options{Format: parse.Plain}, strings.Repeat("x", 100<<10), "error: line 1: longer than 65536 bytes\n"},
		"deep JSON":        {parse.Options{Format: parse.JSON}, strings.Repeat("[", 200), "error: byte 100: nested deeper than 100\n"},
		"cut off JSON":     {parse.Options{Format: parse.JSON}, `["a","b`, "a\nerror: byte 5: unexpected EOF\n"},
		"deep pattern":     {parse.Options{Format: parse.STIX}, indicator("[" + strings.Repeat("(", 100) + "url:value = 'x'"), `passed over: {"pattern asks for more than one observable":1}` + "\n"},
		"unended pattern":  {parse.Options{Format: parse.STIX}, indicator("[url:value = 'x"), `passed over: {"pattern is malformed":1}` + "\n"},
		"empty pattern":    {parse.Options{Format: parse.STIX}, indicator(""), `passed over: {"pattern is malformed":1}` + "\n"},
		"large object":     {parse.Options{Format: parse.STIX}, `{"type":"bundle","x":"` + strings.Repeat("x", 2<<20) + `"}`, "error: byte 2097175: an object of more than 1048576 bytes\n"},
		"no STIX":          {parse.Options{Format: parse.STIX}, `[]`, "error: no STIX objects: a bundle expected\n"},
		"HTML for JSON":    {parse.Options{Format: parse.JSON}, `<html>`, "error: byte 0: invalid character '<' looking for beginning of value\n"},
		"nothing for JSON": {parse.Options{Format: parse.JSON}, ` `, "error: no JSON at all\n"},
		"nothing for STIX": {parse.Options{Format: parse.STIX}, ``, "error: no JSON at all\n"},
	} {
		if got := read(c.o, []byte(c.text)); got != c.want {
			t.Errorf("%s\n  gives %.200s\n  want  %s", name, got, c.want)
		}
	}
}

func indicator(pattern string) string {
	b, _ := json.Marshal(map[string]any{"type": "indicator", "id": "indicator--1", "pattern": pattern, "pattern_type": "stix"})
	return string(b)
}

func TestEmitEndsReading(t *testing.T) {
	t.Parallel()
	enough := errors.New("enough")
	for format, text := range map[string]string{
		parse.Plain: "a\nb\n", parse.CSV: "a\nb\n", parse.JSON: `["a","b"]`,
		parse.STIX: indicator("[url:value IN ('a', 'b')]"),
	} {
		n := 0
		_, err := parse.Read(strings.NewReader(text), parse.Options{Format: format}, func(set.Entry) error { n++; return enough })
		if !errors.Is(err, enough) || n != 1 {
			t.Errorf("%s: %d entries, %v", format, n, err)
		}
	}
}

// TestPatterns is what of STIX patterns is understood.
func TestPatterns(t *testing.T) {
	t.Parallel()
	const md5, sha1, other = "d41d8cd98f00b204e9800998ecf8427e", "da39a3ee5e6b4b0d3255bfef95601890afd80709", "00000000000000000000000000000000"
	malformed, beyond, operator, object := "pattern is malformed", "pattern asks for more than one observable",
		"pattern has an operator other than =, IN and ISSUBSET", "pattern asks for an object that no list holds"
	for pattern, want := range map[string]string{
		`[ipv4-addr:value = '192.0.2.1']`:                                                          "192.0.2.1 (ip)",
		`[ipv4-addr:value='192.0.2.0/24']`:                                                         "192.0.2.0/24 (ip)",
		`[ipv4-addr:value ISSUBSET '192.0.2.0/24']`:                                                "192.0.2.0/24 (ip)",
		`[ipv6-addr:value = '2001:db8::1']`:                                                        "2001:db8::1 (ip)",
		`[domain-name:value = 'bad.example']`:                                                      "bad.example (domain)",
		`[url:value = 'https://bad.example/a?b=[c] OR d']`:                                         "https://bad.example/a?b=[c] OR d (string)",
		`[url:value = 'it\'s \\ here']`:                                                            `it's \ here (string)`,
		`[file:hashes.MD5 = '` + md5 + `']`:                                                        md5 + " (hash)",
		`[file:hashes.'SHA-1' = '` + sha1 + `']`:                                                   sha1 + " (hash)",
		`[file:hashes."SHA-1" = '` + sha1 + `']`:                                                   sha1 + " (hash)",
		`[ipv4-addr:value IN ('192.0.2.1', '192.0.2.2')]`:                                          "192.0.2.1 (ip)|192.0.2.2 (ip)",
		`[ipv4-addr:value = '192.0.2.1' OR domain-name:value = 'a.example']`:                       "192.0.2.1 (ip)|a.example (domain)",
		`[ipv4-addr:value = '192.0.2.1'] OR [url:value = 'x']`:                                     "192.0.2.1 (ip)|x (string)",
		`([url:value = 'x'] OR ([url:value = 'y']))`:                                               "x (string)|y (string)",
		`[(url:value = 'x' or url:value = 'y')]`:                                                   "x (string)|y (string)",
		`[file:hashes.MD5 = '` + md5 + `' AND file:hashes.'SHA-1' = '` + sha1 + `']`:               md5 + " (hash)|" + sha1 + " (hash)",
		`[file:hashes.MD5 = '` + md5 + `' AND file:hashes.'MD5' = '` + other + `']`:                beyond,
		`[file:hashes.MD5 = '` + md5 + `' AND file:name = 'x.exe']`:                                object,
		`[file:hashes.MD5 IN ('` + md5 + `','` + other + `') AND file:hashes.MD5 = '` + md5 + `']`: beyond,
		`[ipv4-addr:value = '192.0.2.1' AND domain-name:value = 'a.example']`:                      beyond,
		`[url:value = 'x'] AND [url:value = 'y']`:                                                  beyond,
		`[url:value = 'x'] FOLLOWEDBY [url:value = 'y']`:                                           beyond,
		`[url:value = 'x'] WITHIN 5 SECONDS`:                                                       beyond,
		`([url:value = 'x'] OR [url:value = 'y']) REPEATS 5 TIMES`:                                 beyond,
		`[url:value LIKE 'x%']`:                                                                    operator,
		`[url:value MATCHES 'x.*']`:                                                                operator,
		`[url:value != 'x']`:                                                                       operator,
		`[url:value NOT = 'x']`:                                                                    operator,
		`[domain-name:value ISSUBSET 'x']`:                                                         operator,
		`[process:name = 'x']`:                                                                     object,
		`[file:hashes.SSDEEP = 'x']`:                                                               object,
		`[url:value = 5]`:                                                                          malformed,
		`[url:value = 'x'`:                                                                         malformed,
		`url:value = 'x'`:                                                                          malformed,
		`[url:value = 'x']]`:                                                                       malformed,
		`[url:value IN ('x' 'y')]`:                                                                 malformed,
		`[url:value IN ('x',)]`:                                                                    malformed,
		`[]`:                                                                                       malformed,
	} {
		got := strings.ReplaceAll(strings.TrimSuffix(read(parse.Options{Format: parse.STIX}, []byte(indicator(pattern))), "\n"), "\n", "|")
		got = strings.TrimSuffix(strings.TrimPrefix(got, `passed over: {"`), `":1}`)
		if got != want {
			t.Errorf("%s\n  gives %s\n  want  %s", pattern, got, want)
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]parse.Options{
		`format "xml": plain, csv, json, stix expected`:             {Format: "xml"},
		"column and expires go with csv and json, not with plain":   {Format: parse.Plain, Column: "1"},
		"column and expires go with csv and json, not with stix":    {Format: parse.STIX, Expires: "1"},
		"column and expires are both names, or both numbers from 1": {Format: parse.CSV, Column: "ip", Expires: "2"},
		"expires needs column: both are fields of one object":       {Format: parse.JSON, Expires: "until"},
		"delimiter goes with csv, not with json":                    {Format: parse.JSON, Delimiter: ';'},
		"path goes with json, not with csv":                         {Format: parse.CSV, Path: "a"},
	} {
		if err := o.Validate(); err == nil || err.Error() != want {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// fuzz reads whatever text as one of the ways that a format has, and builds a set of it. Reading never panics and never hangs, says the same
// twice, and gives nothing that is longer than the text.
func fuzz(f *testing.F, seeds []string, options ...parse.Options) {
	f.Helper()
	for _, seed := range seeds {
		for i := range options {
			f.Add(uint8(i), []byte(seed))
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, text []byte) {
		o := options[int(which)%len(options)]
		b := set.NewBuilder(set.Options{Kind: o.Kind, Most: 10_000})
		var first string
		skipped, err := parse.Read(bytes.NewReader(text), o, func(e set.Entry) error {
			if first == "" {
				first = e.Value
			}
			return b.Add(e)
		})
		if packed := len(text) > 1 && text[0] == 0x1f && text[1] == 0x8b; len(first) > 6*len(text) && !packed { // \u0000 of six bytes is three
			t.Errorf("an entry of %d bytes out of %d", len(first), len(text))
		}
		if len(skipped) > 0 && o.Format != parse.STIX {
			t.Errorf("%s passes over %v", o.Format, skipped)
		}
		if err != nil {
			return
		}
		if a, again := read(o, text), read(o, text); a != again {
			t.Errorf("read twice, it says\n%s\nand\n%s", a, again)
		}
		if s, err := b.Build(); err == nil && s.Stats().Entries > 0 {
			s.Contains(first, time.Time{})
		}
	})
}

func FuzzPlain(f *testing.F) {
	fuzz(f, []string{"# c\n192.0.2.1 ; x\n0.0.0.0 bad.example\n", "\ufeffa\r\nb\r\n", "\x1f\x8b\x08", "a\tb # c\n"},
		parse.Options{Format: parse.Plain}, parse.Options{Format: parse.Plain, Kind: set.Domain}, parse.Options{Format: parse.Plain, Kind: set.String})
}

func FuzzCSV(f *testing.F) {
	fuzz(f, []string{"ip,until\n\"192.0.2.1\",2026-03-01\n", "a;b\n1;2\n", "\"a\"\"b\",\"c\nd\"\n", "# x\nip\n1\n"},
		parse.Options{Format: parse.CSV}, parse.Options{Format: parse.CSV, Column: "2", Expires: "1"}, parse.Options{Format: parse.CSV, Column: "ip", Expires: "until"},
		parse.Options{Format: parse.CSV, Column: "1", Delimiter: ';'})
}

func FuzzJSON(f *testing.F) {
	fuzz(f, []string{`{"a":[{"ip":"x","until":5},{"ip":["y"]}]}`, `["a",1,null,{"b":[[]]}]`, "\"a\"\n\"b\"\n", `{"a":{"k":{"ip":"z","until":"2026-03-01"}}}`},
		parse.Options{Format: parse.JSON}, parse.Options{Format: parse.JSON, Path: "a.*", Column: "ip", Expires: "until"}, parse.Options{Format: parse.JSON, Path: "a"})
}

func FuzzSTIX(f *testing.F) {
	fuzz(f, []string{
		indicator("[ipv4-addr:value = '192.0.2.1' OR file:hashes.'SHA-1' = 'x']"), `{"type":"bundle","objects":[` + indicator("([url:value IN ('a')])") + `]}`,
		indicator("[domain-name:value = 'a' AND ipv4-addr:value = 'b'] FOLLOWEDBY [x:y = 'z'] WITHIN 5 SECONDS"),
	}, parse.Options{Format: parse.STIX})
}
