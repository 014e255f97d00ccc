package app

import (
	"fmt"
	"testing"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/elb"
	"github.com/riposte-security/riposte/producers/format/suricata"
	"github.com/riposte-security/riposte/producers/format/vpcflow"
)

// forms are the ways in which a value may be asked for: as it was logged, and by the words that all events share.
func forms(values ...any) []any { return values }

// TestSigmaFirewall: what firewalls, flow logs and sensors say of connections, by the generic names that rules for firewalls use.
func TestSigmaFirewall(t *testing.T) {
	flows, err := vpcflow.New(config.Node{})
	if err != nil {
		t.Fatal(err)
	}
	sensor, err := suricata.New(config.Node{})
	if err != nil {
		t.Fatal(err)
	}
	const header = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
	var records []rawRecord
	for _, c := range []struct {
		format producers.Format
		header string
		line   string
		raw    map[string]any
	}{
		{flows, header, "2 123456789012 eni-0a1 203.0.113.9 10.0.1.5 51544 22 6 20 4249 1772000000 1772000060 ACCEPT OK", map[string]any{
			"src_ip": "203.0.113.9", "dst_ip": "10.0.1.5", "src_port": "51544", "dst_port": "22", "protocol": forms("6", "tcp"), "packets": "20", "bytes": "4249",
			"action": forms("ACCEPT", "Allowed"),
		}},
		{flows, header, "2 123456789012 eni-0a1 198.51.100.4 10.0.1.5 443 3389 17 1 40 1772000000 1772000060 REJECT OK", map[string]any{
			"src_ip": "198.51.100.4", "dst_ip": "10.0.1.5", "src_port": "443", "dst_port": "3389", "protocol": forms("17", "udp"), "packets": "1", "bytes": "40",
			"action": forms("REJECT", "Denied"),
		}},
		{flows, header, "2 123456789012 eni-0a1 2001:db8::7 2001:db8::1 0 0 58 3 312 1772000000 1772000060 ACCEPT OK", map[string]any{
			"src_ip": "2001:db8::7", "dst_ip": "2001:db8::1", "src_port": "0", "dst_port": "0", "protocol": forms("58", "ipv6-icmp"), "packets": "3", "bytes": "312",
			"action": forms("ACCEPT", "Allowed"),
		}},
		{sensor, "", `{"timestamp":"2026-02-25T06:13:20.123456+0000","flow_id":7,"event_type":"flow","src_ip":"10.20.1.15","src_port":50003,"dest_ip":"198.51.100.90",` +
			`"dest_port":443,"proto":"TCP","app_proto":"tls","flow":{"pkts_toserver":12,"pkts_toclient":10,"bytes_toserver":2100,"bytes_toclient":9000,"state":"closed"}}`,
			map[string]any{
				"src_ip": "10.20.1.15", "dst_ip": "198.51.100.90", "src_port": "50003", "dst_port": "443", "protocol": forms("TCP", "6"), "app": "tls",
				"src_bytes": "2100", "dst_bytes": "9000", "bytes": "11100", "packets": "22",
			}},
		{sensor, "", `{"timestamp":"2026-02-25T06:13:20.123456+0000","flow_id":8,"event_type":"drop","src_ip":"203.0.113.79","src_port":50011,"dest_ip":"10.20.1.15",` +
			`"dest_port":23,"proto":"TCP","drop":{"len":60,"ttl":64,"reason":"rules"}}`, map[string]any{
			"src_ip": "203.0.113.79", "dst_ip": "10.20.1.15", "src_port": "50011", "dst_port": "23", "protocol": forms("TCP", "6"), "action": "Denied",
		}},
	} {
		records = append(records, logLine(t, c.format, c.header, c.line, c.raw))
	}
	asked(t, "{category: firewall}", records)
}

// TestSigmaProxy: requests that went through something, by the W3C's names.
func TestSigmaProxy(t *testing.T) {
	sensor, err := suricata.New(config.Node{})
	if err != nil {
		t.Fatal(err)
	}
	balancer, err := elb.New(config.Node{})
	if err != nil {
		t.Fatal(err)
	}
	records := []rawRecord{
		logLine(t, sensor, "", `{"timestamp":"2026-02-25T06:13:20.123456+0000","flow_id":9,"event_type":"http","src_ip":"10.20.1.15","src_port":40001,"dest_ip":"10.20.0.9",`+
			`"dest_port":3128,"proto":"TCP","http":{"hostname":"files.example.org","url":"http://files.example.org/a.zip?v=2","http_user_agent":"curl/8.5.0",`+
			`"http_refer":"http://start.example.org/","http_method":"GET","status":503,"length":17}}`, map[string]any{
			"c-ip": "10.20.1.15", "c-port": "40001", "s-ip": "10.20.0.9", "s-port": "3128", "cs-method": "GET", "cs-host": "files.example.org",
			"c-uri": forms("http://files.example.org/a.zip?v=2", "/a.zip?v=2"), "cs-uri-stem": "/a.zip", "cs-uri-query": forms("v=2", "/a.zip?v=2"), "c-uri-extension": "zip",
			"cs-user-agent": "curl/8.5.0", "cs-referer": "http://start.example.org/", "sc-status": "503", "sc-bytes": "17",
		}),
		logLine(t, sensor, "", `{"timestamp":"2026-02-25T06:13:21.123456+0000","flow_id":10,"event_type":"http","src_ip":"10.20.1.16","src_port":40002,"dest_ip":"198.51.100.80",`+
			`"dest_port":80,"proto":"TCP","http":{"hostname":"updates.example.com","url":"/pkg/list","http_method":"PROPFIND","status":200,"length":5120}}`, map[string]any{
			"c-ip": "10.20.1.16", "c-port": "40002", "s-ip": "198.51.100.80", "s-port": "80", "cs-method": "PROPFIND", "cs-host": "updates.example.com",
			"c-uri": "/pkg/list", "cs-uri-stem": "/pkg/list", "cs-uri-query": "/pkg/list", "sc-status": "200", "sc-bytes": "5120",
		}),
		logLine(t, balancer, "", `https 2026-03-01T11:59:58.120345Z app/shop/50dc6c495c0c9188 203.0.113.9:51544 10.20.1.15:8080 0.001 0.024 0.000 200 200 512 10244 `+
			`"GET https://shop.example.com:443/cart.php?id=7&v=2 HTTP/2.0" "Mozilla/5.0 (X11; Linux x86_64)" TLS_AES_128_GCM_SHA256 TLSv1.3 `+
			`arn:aws:elasticloadbalancing:eu-west-1:210987654321:targetgroup/shop/6d0ecf831eec9f09 "Root=1-69a42c4e-1d84f3d73c47ec4e58577259" "shop.example.com" "-" 10 `+
			`2026-03-01T11:59:58.095000Z "forward" "-" "-" "10.20.1.15:8080" "200" "-" "-" TID_1234abcd5678ef90`, map[string]any{
			"c-ip": "203.0.113.9", "c-port": "51544", "s-port": "443", "cs-method": "GET", "cs-host": "shop.example.com",
			"c-uri":       forms("https://shop.example.com:443/cart.php?id=7&v=2", "/cart.php?id=7&v=2"),
			"cs-uri-stem": "/cart.php", "cs-uri-query": forms("id=7&v=2", "/cart.php?id=7&v=2"), "c-uri-extension": "php", "cs-user-agent": "Mozilla/5.0 (X11; Linux x86_64)",
			"sc-status": "200", "cs-bytes": "512", "sc-bytes": "10244",
		}),
	}
	asked(t, "{category: proxy}", records)

	// Long lists become one call, which must say the same.
	d := newDifferential(t, "{category: proxy}", records)
	long := func(values ...any) (out []any) {
		for i := range 40 {
			out = append(out, fmt.Sprintf("Nothing-%d", i))
		}
		return append(out, values...)
	}
	for item, values := range map[string][]any{
		"cs-user-agent|contains": long("CURL", "x11;"), "c-uri|endswith": long("V=2", "/pkg/list"), "cs-host|startswith": long("files."), "sc-status|startswith": long("5"),
		"cs-user-agent|contains|cased": long("Mozilla", "CURL"), "cs-method|contains": long(),
	} {
		d.check(map[string]any{"s": map[string]any{item: values}, "condition": "s"})
		d.check(map[string]any{"s": map[string]any{item: values}, "condition": "not s"})
	}
	if d.hits == 0 {
		t.Error("no long list matched")
	}
}
