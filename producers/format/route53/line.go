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
	uid   string

	resolver netip.Addr
}

func parseLine(e *ocsfjson.Event, in producers.Record) (schemas.Event, error) {
	if len(in.Data) > maxLine {
		return schemas.Event{}, fmt.Errorf("line of %d bytes, at most %d are read", len(in.Data), maxLine)
	}
	text := string(in.Data)
	if !utf8.ValidString(text) {
		return schemas.Event{}, fmt.Errorf("not UTF-8")
	}
	l := line{Event: e, in: in, uid: ocsfjson.UID(in)}
	if err := l.read(text); err != nil {
		return schemas.Event{}, err
	}
	l.write()
	return l.Finish(schemas.ClassDNSActivity, l.uid, l.time), nil
}

// fieldName is the name of a field under unmapped, and in errors.
func fieldName(f int) string {
	switch f {
	case version:
		return "version"
	case timestamp:
		return "query_timestamp"
	case zoneID:
		return "hosted_zone_id"
	case queryName:
		return "query_name"
	case queryType:
		return "query_type"
	case responseCode:
		return "rcode"
	case protocol:
		return "protocol"
	case edge:
		return "edge_location"
	case resolver:
		return "resolver_ip"
	}
	return "edns_client_subnet"
}

// read cuts the line, and checks what it must have.
func (l *line) read(text string) error {
	n := l.split(text)
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
	if text := l.value[resolver]; text != "" {
		if l.resolver, err = netip.ParseAddr(text); err != nil {
			return fmt.Errorf("%s: %w", fieldName(resolver), err)
		}
	}
	return nil
}

// split cuts the line at blanks, and tells how many words it has.
func (l *line) split(text string) (n int) {
	text = strings.Trim(text, " \t\r\n")
	for text != "" {
		word := text
		if i := strings.IndexByte(text, ' '); i >= 0 {
			word, text = text[:i], text[i+1:]
		} else {
			text = ""
		}
		if word == "" { // of two blanks
			continue
		}
		if n < fieldCount && word != "-" {
			l.value[n] = word
		}
		n++
	}
	return n
}

// move writes a field's text as a member, and notes that it needs no copy under unmapped.
func (l *line) move(name string, f int) {
	if l.value[f] != "" {
		l.Str(name, l.value[f])
		l.used[f] = true
	}
}

// zoneMetadata is the metadata up to the uid.
const zoneMetadata = `"metadata":{"version":"` + schemas.Version + `","log_name":"` + Name + `","profiles":["cloud"],"product":` +
	`{"name":"Amazon Route 53","vendor_name":"AWS","feature":{"name":"Public hosted zones"}},"uid":"`

func (l *line) write() {
	begin(l.Event, l.time, l.value[responseCode], false)
	l.Lit(zoneMetadata)
	l.B = append(append(l.B, l.uid...), '"') // hexadecimal: it needs no quoting
	l.move("log_version", version)
	l.B = append(l.B, '}')
	if !l.AttrCloud(l.in) {
		l.Lit(`"cloud":{"provider":"AWS"}`)
	}
	l.writeResolver()
	l.Lit(`"dst_endpoint":{"svc_name":"route53.amazonaws.com"`)
	l.move("zone", edge)
	l.B = append(l.B, '}')
	connection(l.Event, l.value[protocol])
	name := ocsfjson.DNSName(l.value[queryName])
	l.used[queryName] = name == l.value[queryName]
	l.Lit(`"query":{`)
	l.Str("hostname", name)
	l.move("type", queryType)
	l.B = append(l.B, '}')
	l.ObserveText(ocsfjson.Hostname, "query.hostname", name)
	l.Lit(`"unmapped":{`) // never empty: it has the time
	for f, text := range &l.value {
		if text != "" && !l.used[f] {
			l.Str(fieldName(f), text)
		}
	}
	l.B = append(l.B, '}')
}

// writeResolver writes who asked, in the form that addresses have everywhere.
func (l *line) writeResolver() {
	if !l.resolver.IsValid() || l.resolver.Zone() != "" {
		return
	}
	text := l.value[resolver]
	var buf [48]byte
	if form := l.resolver.Unmap().AppendTo(buf[:0]); string(form) == text {
		l.used[resolver] = true
	} else {
		text = string(form)
	}
	l.Lit(`"src_endpoint":{`)
	l.Str("ip", text)
	l.B = append(l.B, '}')
	l.ObserveText(ocsfjson.IPAddress, "src_endpoint.ip", text)
	l.KeyIP = text
}
