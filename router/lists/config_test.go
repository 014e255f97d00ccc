package lists

import (
	"strings"
	"testing"
	"time"

	"github.com/riposte-security/riposte/router/lists/parse"
	"github.com/riposte-security/riposte/router/lists/set"
)

func TestConfig(t *testing.T) {
	t.Parallel()
	c, err := read(t, `
lists:
  a: { from: { file: /x/list.csv.gz }, column: ip, delimiter: ";" }
  b: { kind: domain, subdomains: false, from: { http: { url: "https://example.org/l.json?x=y.csv" } }, path: data, ttl: 48h }
  c: { kind: string, ignore_case: true, from: { kafka: { topic: watch, mode: keys } }, expires: until, ttl: 1m }
geoip: { city: /x/city.mmdb }
`)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(c.Names(), " "); got != "a b c" || !c.NeedsKafka() || c.GeoIP.City != "/x/city.mmdb" {
		t.Errorf("%+v", c)
	}
	a, b, k := c.Lists[0], c.Lists[1], c.Lists[2]
	if a.Format != parse.CSV || a.Refresh != 30*time.Second || a.parseOptions().Delimiter != ';' {
		t.Errorf("%+v", a)
	}
	if b.Format != parse.JSON || b.Refresh != time.Hour || !b.setOptions(time.Time{}).Exact || b.http.Timeout != 2*time.Minute || b.http.MaxBytes != 256<<20 {
		t.Errorf("%+v", b)
	}
	if o := k.setOptions(time.Time{}); o.Kind != set.String || !o.IgnoreCase {
		t.Errorf("%+v", k)
	}
}

func TestConfigProblems(t *testing.T) {
	t.Parallel()
	const file, web = "from: { file: f }", `from: { http: { url: "https://example.org/l" } }`
	for text, want := range map[string]string{
		"kind: ips, " + file:                                  `:1:21: list "l": kind "ips": ip, domain, hash or string expected`,
		"kind: ip":                                            `: list "l": from: one of file, http and kafka expected`,
		"from: { file: f, http: {} }":                         `: list "l": from: one of file, http and kafka expected`,
		"from: { ftp: {} }":                                   `: list "l": from.ftp: file, http or kafka expected`,
		`from: { file: "" }`:                                  `: list "l": from.file: the path of a file expected`,
		"from: { file: [ f ] }":                               `: text expected`,
		"fromm: {}":                                           `unknown field "fromm"`,
		"refresh: 10, " + file:                                `a duration such as 24h or 90s expected`,
		"refresh: 10ms, " + file:                              `refresh 10ms: at least 1s expected`,
		"refresh: 1s, " + web:                                 `refresh 1s: at least 10s expected`,
		"ttl: 1s, " + file:                                    `ttl 1s: longer than refresh (30s) expected`,
		"max_entries: -1, " + file:                            `max_entries: -1 is negative`,
		"ignore_case: true, " + file:                          `ignore_case goes with kind: string`,
		"kind: ip, subdomains: true, " + file:                 `subdomains goes with kind: domain`,
		"format: xml, " + file:                                `format "xml": plain, csv, json, stix expected`,
		"format: csv, delimiter: ab, " + file:                 `delimiter "ab": one character expected`,
		"from: { http: {} }":                                  `:1:29: http.url: an address like https://host/path expected`,
		"from: { http: { uri: x } }":                          `unknown field "uri"`,
		`from: { http: { url: "ftp://x/y" } }`:                `http.url: https expected, not "ftp"`,
		`from: { http: { url: "http://x/y" } }`:               `http.url: https expected; plain_http: true allows http`,
		`from: { http: { url: "https://u:s3cret@x/y" } }`:     `http.url: no user and password in it; use headers`,
		`from: { http: { url: "https://x", timeout: 1ms } }`:  `http.timeout 1ms: 1s to 1h expected`,
		`from: { http: { url: "https://x", max_bytes: -1 } }`: `http.max_bytes: -1 is not positive`,
		`from: { http: { url: "https://x", headers: { "a b": s3cret } } }`:     `http.headers: "a b" is no header name`,
		`from: { http: { url: "https://x", headers: { A: "s3cret\nB: c" } } }`: `http.headers: the value of A holds control characters`,
		`from: { http: { url: "https://x", headers: { host: s3cret } } }`:      `http.headers: host cannot be set`,
		"from: { kafka: { mode: keys } }":                                      `kafka.topic: the name of a topic expected`,
		"from: { kafka: { topic: t } }":                                        `kafka.mode "": keys or lines expected`,
		"from: { kafka: { topic: t, mode: keys } }, format: csv":               `format, column, path and delimiter say nothing of mode: keys`,
		"from: { kafka: { topic: t, mode: lines } }, format: stix":             `stix is not read from a topic`,
	} {
		_, err := read(t, "lists: { l: { "+text+" } }")
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "riposte.yaml:1:") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s\n  gives %v\n  want  %s", text, err, want)
		}
	}
	for text, want := range map[string]string{
		"lists: { a b: { from: { file: f } } }": `list "a b": a name has letters`,
		"lists: [ a ]":                          `a mapping expected`,
		"geoip: { cty: x }":                     `unknown field "cty"`,
	} {
		if _, err := read(t, text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s gives %v", text, err)
		}
	}
	if conf, err := read(t, "lists: { l: { from: { kafka: { topic: t, mode: keys } } } }"); err != nil {
		t.Error(err)
	} else if _, err := New(conf, Deps{}); err == nil || !strings.Contains(err.Error(), "there is no Kafka here") {
		t.Error(err)
	}
}
