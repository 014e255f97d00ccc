package route53

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

// maxLine is the longest line that is read, in bytes. Real ones have some hundred.
const maxLine = 64 << 10

// The fields of a line of a public hosted zone's query log.
const (
	version = iota
	timestamp
	zoneID
	queryName
	queryType
	responseCode
	protocol
	edge
	resolver
	subnet
	fieldCount
)

// A line is one line, cut into its fields; an absent one is empty.
type line struct {
	*ocsfjson.Event
	in    producers.Record
	value [fieldCount]string
	used  [fieldCount]bool // stands in the event verbatim
	time  time.Time
}

func parseLine(e *ocsfjson.Event, in producers.Record) (schemas.Event, error) {
	if len(in.Data) > maxLine {
		return schemas.Event{}, fmt.Errorf("line of %d bytes, at most %d are read", len(in.Data), maxLine)
	}
	text := string(in.Data)
	if !utf8.ValidString(text) {
		return schemas.Event{}, fmt.Errorf("not UTF-8")
	}
	l := line{Event: e, in: in}
	if err := l.read(text); err != nil {
		return schemas.Event{}, err
	}
	l.write()
	return l.Finish(schemas.ClassDNSActivity, ocsfjson.UID(in), l.time), nil
}

// fieldName is the name of a field under unmapped, and in errors.
func fieldName(f int) string {
	return [...]string{
		"version", "query_timestamp", "hosted_zone_id", "query_name", "query_type", "rcode", "protocol", "edge_location", "resolver_ip",
		"edns_client_subnet",
	}[f]
}

// read cuts the line, and checks what it must have.
func (l *line) read(text string) error {
	n := 0
	for word := range strings.FieldsSeq(text) {
		if n < fieldCount && word != "-" {
			l.value[n] = word
		}
		n++
	}
	if n != fieldCount {
		return fmt.Errorf("%d fields, a query of a public hosted zone has %d; queries of Resolver are JSON", n, fieldCount)
	}
	if v := l.value[version]; !strings.HasPrefix(v, "1.") {
		return fmt.Errorf("version: %q, only 1.x is known", v)
	}
	t, err := time.Parse(time.RFC3339, l.value[timestamp])
	if err != nil {
		return fmt.Errorf("timestamp: %w", err)
	}
	l.time = t.UTC()
	if l.value[queryName] == "" {
		return fmt.Errorf("%s: absent", fieldName(queryName))
	}
	if _, err := netip.ParseAddr(l.value[resolver]); l.value[resolver] != "" && err != nil {
		return fmt.Errorf("%s: %w", fieldName(resolver), err)
	}
	return nil
}

// move writes a field's text as a member, and notes that it needs no copy under unmapped.
func (l *line) move(name string, f int) bool {
	if l.value[f] == "" {
		return false
	}
	l.Str(name, l.value[f])
	l.used[f] = true
	return true
}

func (l *line) write() {
	begin(l.Event, l.time, l.value[responseCode], false)
	at := l.Metadata(Name, "cloud")
	l.Str("uid", ocsfjson.UID(l.in))
	l.Lit(`"product":{"name":"Amazon Route 53","vendor_name":"AWS","feature":{"name":"Public hosted zones"}}`)
	l.move("log_version", version)
	l.Close(at)
	if !l.AttrCloud(l.in) {
		l.Lit(`"cloud":{"provider":"AWS"}`)
	}
	at = l.Open("src_endpoint")
	if text := l.value[resolver]; text != "" {
		l.KeyIP, l.used[resolver], _ = l.IP("ip", text, "src_endpoint.ip")
	}
	l.Close(at)
	at = l.Open("dst_endpoint")
	l.Lit(`"svc_name":"route53.amazonaws.com"`)
	l.move("zone", edge)
	l.Close(at)
	connection(l.Event, l.value[protocol])
	at = l.Open("query")
	name := ocsfjson.DNSName(l.value[queryName])
	l.Str("hostname", name)
	l.ObserveText(ocsfjson.Hostname, "query.hostname", name)
	l.used[queryName] = name == l.value[queryName]
	l.move("type", queryType)
	l.Close(at)
	l.ObserveText(ocsfjson.Subnet, "unmapped.edns_client_subnet", l.value[subnet])
	at = l.Open("unmapped")
	for f, text := range l.value {
		if text != "" && !l.used[f] {
			l.Str(fieldName(f), text)
		}
	}
	l.Close(at)
}
