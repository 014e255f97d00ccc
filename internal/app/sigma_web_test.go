package app

import (
	"net/url"
	"strings"
	"testing"

	"github.com/riposte-security/riposte/internal/config"
	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/cloudfront"
	"github.com/riposte-security/riposte/producers/format/route53"
	"github.com/riposte-security/riposte/producers/format/vpcflow"
)

// logLine is a line of a log, its columns by Sigma's names, and the header that names them in the log.
func logLine(t *testing.T, f producers.Format, header, line string, raw map[string]any) rawRecord {
	t.Helper()
	events, err := f.Parse(producers.Record{Data: []byte(line), Origin: "o", Position: "p", Attrs: map[string]string{"header": header}})
	if err != nil {
		t.Fatal(err)
	}
	return rawRecord{name: line, raws: []map[string]any{raw}, event: decoded(t, events[0].Data)}
}

// asked asks everything of the fields of lines.
func asked(t *testing.T, logsource string, records []rawRecord) {
	t.Helper()
	d := newDifferential(t, logsource, records)
	d.whole, d.noKeywords = true, true
	for field, values := range d.fields() {
		d.single(field, values)
	}
	d.t.Logf("%s: %d rules on %d records, %d pairs, %d of them matches", logsource, d.rules, len(records), d.pairs, d.hits)
}

func TestSigmaWebServer(t *testing.T) {
	f, err := cloudfront.New(config.Node{})
	if err != nil {
		t.Fatal(err)
	}
	const header = "#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query"
	var records []rawRecord
	for _, line := range []string{
		"2026-02-25\t06:13:20\tZRH50-C1\t512\t203.0.113.9\tGET\td111.cloudfront.net\t/index.php\t200\t-\tcurl/8.5.0\tid=1",
		"2026-02-25\t06:13:21\tZRH50-C1\t512\t2001:db8::7\tPOST\td111.cloudfront.net\t/up%20load/a.jsp\t404\t-\tMozilla/5.0%20(X11)\tq=%27%20or%201=1",
		"2026-02-25\t06:13:22\tZRH50-C1\t512\t198.51.100.4\tPROPFIND\td111.cloudfront.net\t/\t501\t-\tprobe\t-",
	} {
		columns := strings.Split(line, "\t")
		raw := map[string]any{}
		for i, name := range map[int]string{5: "cs-method", 7: "cs-uri-stem", 8: "sc-status", 4: "c-ip", 10: "cs-user-agent", 11: "cs-uri-query"} {
			if columns[i] == "-" {
				continue
			}
			// As it was logged, or decoded: a rule need not know.
			forms := []any{columns[i]}
			if plain, err := url.PathUnescape(columns[i]); err == nil && plain != columns[i] {
				forms = append(forms, plain)
			}
			raw[name] = forms
		}
		// The query is also asked for with its path in front, as many rules have it.
		query, _ := raw["cs-uri-query"].([]any)
		stem := raw["cs-uri-stem"].([]any)
		whole := stem[len(stem)-1].(string)
		if len(query) > 0 {
			whole += "?" + query[len(query)-1].(string)
		}
		raw["cs-uri-query"] = append(query, whole)
		records = append(records, logLine(t, f, header, line, raw))
	}
	asked(t, "{category: webserver}", records)
}

func TestSigmaFlowLogs(t *testing.T) {
	f, err := vpcflow.New(config.Node{})
	if err != nil {
		t.Fatal(err)
	}
	const header = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
	var records []rawRecord
	for _, line := range []string{
		"2 123456789012 eni-0a1 203.0.113.9 10.0.1.5 51544 22 6 20 4249 1772000000 1772000060 ACCEPT OK",
		"2 123456789012 eni-0a1 198.51.100.4 10.0.1.5 443 3389 17 1 40 1772000000 1772000060 REJECT OK",
		"2 123456789012 eni-0a1 - - - - - - - 1772000000 1772000060 - NODATA",
	} {
		raw := map[string]any{}
		names, columns := strings.Fields(header), strings.Fields(line)
		for i, name := range names {
			if columns[i] != "-" {
				raw[name] = columns[i]
			}
		}
		records = append(records, logLine(t, f, header, line, raw))
	}
	asked(t, "{product: aws, service: vpcflow}", records)
}

func TestSigmaDNS(t *testing.T) {
	f, err := route53.New(config.Node{})
	if err != nil {
		t.Fatal(err)
	}
	line := `{"version":"1.100000","account_id":"123456789012","region":"eu-central-1","vpc_id":"vpc-1","query_timestamp":"2026-02-25T06:13:20Z",` +
		`"query_name":"C2.Example.COM.","query_type":"TXT","query_class":"IN","rcode":"NOERROR","answers":[{"Rdata":"cmd","Type":"TXT","Class":"IN"}],` +
		`"srcaddr":"10.0.1.5","srcport":"53124","transport":"UDP","srcids":{"instance":"i-0a1"}}`
	events, err := f.Parse(producers.Record{Data: []byte(line), Origin: "o", Position: "p"})
	if err != nil {
		t.Fatal(err)
	}
	raw := map[string]any{
		"query": []any{"C2.Example.COM.", "c2.example.com"}, "record_type": "TXT", "src_ip": "10.0.1.5", "src_port": "53124", "answer": "cmd",
	}
	asked(t, "{category: dns}", []rawRecord{{name: "dns", raws: []map[string]any{raw}, event: decoded(t, events[0].Data)}})
}
