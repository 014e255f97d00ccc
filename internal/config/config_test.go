package config

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

func env(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i+1 < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

type settings struct {
	Addr  string `yaml:"addr"`
	Port  int    `yaml:"port"`
	Quiet bool   `yaml:"quiet"`
}

func TestExpand(t *testing.T) {
	cases := []struct {
		name, text string
		env        []string
		want       settings
		err        string
	}{
		{name: "plain", text: "addr: a\nport: 1", want: settings{Addr: "a", Port: 1}},
		{name: "inside a value", text: "addr: http://${HOST}:80/", env: []string{"HOST", "h"}, want: settings{Addr: "http://h:80/"}},
		{name: "number", text: "port: ${PORT}", env: []string{"PORT", "42"}, want: settings{Port: 42}},
		{name: "boolean", text: "quiet: ${Q}", env: []string{"Q", "true"}, want: settings{Quiet: true}},
		{name: "quoted stays text", text: `addr: "${PORT}"`, env: []string{"PORT", "42"}, want: settings{Addr: "42"}},
		{name: "default", text: "port: ${PORT:-7}", want: settings{Port: 7}},
		{name: "default for empty", text: "addr: ${A:-x}", env: []string{"A", ""}, want: settings{Addr: "x"}},
		{name: "set but empty", text: "addr: a${A}", env: []string{"A", ""}, want: settings{Addr: "a"}},
		{name: "no structure from values", text: "addr: ${A}", env: []string{"A", "x\nport: 9"}, want: settings{Addr: "x\nport: 9"}},
		{name: "escape", text: "addr: $${A}", want: settings{Addr: "${A}"}},
		{name: "missing", text: "port: 1\naddr: ${NOPE}", err: "f.yaml:2:7: environment variable NOPE is not set"},
		{name: "unknown key", text: "port: 1\nadr: x", err: `f.yaml:2:1: unknown field "adr"`},
		{name: "wrong type", text: "port: x", err: "f.yaml:1:7:"},
		{name: "syntax", text: "a: [", err: "f.yaml:1:"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var got settings
			n, err := Parse("f.yaml", []byte(c.text))
			if err == nil {
				n, err = n.Expand(env(c.env...), nil)
			}
			if err == nil {
				err = n.Decode(&got)
			}
			switch {
			case c.err == "" && err != nil:
				t.Fatal(err)
			case c.err != "" && (err == nil || !strings.HasPrefix(err.Error(), c.err)):
				t.Fatalf("error %v, want %q", err, c.err)
			case c.err == "" && got != c.want:
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestReadKeepsSectionsWithTheirPlaces(t *testing.T) {
	text := "producers:\n  - name: web\n    source:\n      http:\n        listen: 1\n        bogus: true\n    format: json\n"
	cfg, err := Read("riposte.yaml", []byte(text), env(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Log.Level != "info" {
		t.Errorf("log level %q: a default was lost", cfg.Log.Level)
	}
	kind, node, err := cfg.Producers[0].Source.One()
	if err != nil || kind != "http" {
		t.Fatalf("source %q, %v", kind, err)
	}
	var s struct {
		Listen int `yaml:"listen"`
	}
	if err := node.Decode(&s); err == nil || !strings.HasPrefix(err.Error(), `riposte.yaml:6:9: unknown field "bogus"`) {
		t.Errorf("error %v: place of the unknown key expected", err)
	}
}

func TestReadRefuses(t *testing.T) {
	cases := map[string]struct{ text, err string }{
		"unknown section":   {"logs: {}", `riposte.yaml:1:1: unknown field "logs"`},
		"no source":         {"producers: [{name: a, format: json}]", `producer "a" has no source`},
		"no format":         {"producers: [{name: a, source: {http: {}}}]", `producer "a" has no format`},
		"bad name":          {"producers: [{name: a b, format: json, source: {http: {}}}]", `name "a b"`},
		"twice":             {"producers: [{name: a, format: json, source: {http: {}}}, {name: a, format: json, source: {http: {}}}]", `producer "a" stands twice`},
		"several documents": {"log: {}\n---\nlog: {}\n", "one YAML document expected"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := Read("riposte.yaml", []byte(c.text), env(), nil); err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("error %v, want %q", err, c.err)
			}
		})
	}
}

func TestFromSettings(t *testing.T) {
	n, err := FromSettings(map[string]string{"addr": "a: [b", "port": "5"})
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Addr string `yaml:"addr"`
		Port string `yaml:"port"`
	}
	if err := n.Decode(&got); err != nil || got.Addr != "a: [b" || got.Port != "5" {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestSecretsFromTheEnvironment: what stands in the variable is the secret, to the letter.
func TestSecretsFromTheEnvironment(t *testing.T) {
	for _, secret := range []string{"plain", "0123", "12e4", "true", "null", `with "quotes" and 'others'`, "#no comment", "a: b", "{x}", "  blanks ", "$5", "*a", "&b", "!c", "-", "ünïcode", "line\nbreak", ""} {
		for _, text := range []string{"http:\n  token: ${S}\n", `http: { token: "${S}" }`, "http:\n  token: '${S}'\n", "http:\n  token: ${S} # why\n"} {
			cfg, err := Read("x.yaml", []byte(text), func(string) (string, bool) { return secret, true }, nil)
			if err != nil {
				t.Errorf("%q in %q: %v", secret, text, err)
				continue
			}
			if string(cfg.HTTP.Token) != secret {
				t.Errorf("%q in %q is read as %q", secret, text, string(cfg.HTTP.Token))
			}
		}
		cfg, err := Read("x.yaml", []byte("http:\n  token: x${S}y\n"), func(string) (string, bool) { return secret, true }, nil)
		if err != nil || string(cfg.HTTP.Token) != "x"+secret+"y" {
			t.Errorf("x%sy is read as %q, %v", secret, string(cfg.HTTP.Token), err)
		}
	}
	for text, want := range map[string]string{"http: { token: 0123 }": "0123", "http: { token: 'a # b' }": "a # b", "http:\n  token: |\n    a\n    b\n": "a\nb\n"} {
		cfg, err := Read("x.yaml", []byte(text), func(string) (string, bool) { return "", false }, nil)
		if err != nil || string(cfg.HTTP.Token) != want {
			t.Errorf("%q is read as %q, %v", text, string(cfg.HTTP.Token), err)
		}
	}
	if s := fmt.Sprintf("%v %+v %#v %s", Secret("hush"), HTTP{Token: "hush"}, HTTP{Token: "hush"}, Secret("hush")); strings.Contains(s, "hush") {
		t.Error(s)
	}
}

// TestReferences: what files and stores have stands in the value, to the letter, and never in an error.
func TestReferences(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		path := dir + "/" + name
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	secret, large := put("secret", "hush: {\"#\n\n"), put("large", strings.Repeat("x", maxKept+1))
	stores := Stores{
		"vault":  func(name string) (string, error) { return "of " + name, nil },
		"closed": func(string) (string, error) { return "hush", errors.New("closed today") },
		"wide":   func(string) (string, error) { return strings.Repeat("x", maxKept+1), nil },
	}
	for text, want := range map[string]string{
		"${file:" + secret + "}":                "hush: {\"#\n",
		"a${file:" + secret + "}b":              "ahush: {\"#\nb",
		"${vault:arn:aws:x:1:secret/a#b}":       "of arn:aws:x:1:secret/a#b",
		"'${vault:a} ${vault:b} ${file:-none}'": "of a of b none",
		"$${file:" + secret + "}":               "${file:" + secret + "}",
	} {
		cfg, err := Read("x.yaml", []byte("http:\n  token: "+text+"\n"), env(), stores)
		if err != nil || string(cfg.HTTP.Token) != want {
			t.Errorf("%s is read as %q, %v", text, string(cfg.HTTP.Token), err)
		}
	}
	for text, want := range map[string]string{
		"${file:" + dir + "/none}": "no such file",
		"${file:" + large + "}":    "more than 65536 bytes",
		"${vaults:a}":              "no such store; there are file, closed, vault, wide",
		"${closed:a}":              "${closed:a}: closed today",
		"${wide:a}":                "65537 bytes; at most 65536",
		"${vault:a} ${closed:a}":   "closed today",
	} {
		_, err := Read("x.yaml", []byte("http:\n  token: "+text+"\n"), env(), stores)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "x.yaml:2:10: ") || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", text, err)
		}
	}
}
