package vpcflow

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
)

var errEmpty = errors.New("an empty field")

// A line is one flow-log line while it becomes an event.
type line struct {
	*ocsfjson.Event
	layout          *layout
	texts           [maxColumns]string // by column; "" where the line has `-`
	value           [fields]string     // by field; value[unknown] is never read
	used            [fields]bool       // the text stands in the event verbatim
	number          [fields]int64
	src, dst        netip.Addr
	account, region string
	time            time.Time
	uid             string
}

// split cuts a line at its blanks and checks their number.
func (l *line) split(text string) error {
	n := 0
	for at := 0; ; n++ {
		i := strings.IndexByte(text[at:], ' ')
		word := text[at:]
		if i >= 0 {
			word = text[at : at+i]
		}
		if word == "" {
			return fmt.Errorf("field %d (offset %d): %w", n+1, at, errEmpty)
		}
		if n < len(l.layout.columns) {
			if word == "-" {
				word = ""
			}
			l.texts[n] = word
			l.value[l.layout.columns[n].field] = word
		}
		if i < 0 {
			break
		}
		at += i + 1
	}
	if n++; n != len(l.layout.columns) {
		return fmt.Errorf("line of %d fields, %d expected", n, len(l.layout.columns))
	}
	return nil
}

// bad is the error for a field that does not hold what it should.
func (l *line) bad(f field, want string) error {
	for i, c := range l.layout.columns {
		if c.field == f {
			return fmt.Errorf("field %d (%s): %s expected, %s found", i+1, c.name, want, strconv.QuoteToASCII(clip(l.value[f])))
		}
	}
	return fmt.Errorf("%s expected", want) // cannot be: an absent field is not read
}

// read checks the values and turns those that are numbers, times and addresses into such.
func (l *line) read(received time.Time) error {
	for _, limit := range [...]struct {
		field field
		most  int64
		want  string
	}{
		{srcPort, 65535, "a port"}, {dstPort, 65535, "a port"}, {protocol, 255, "a protocol number"}, {tcpFlags, 255, "TCP flags"},
		{packets, 1<<63 - 1, "a count"}, {bytesSent, 1<<63 - 1, "a count"}, {start, maxSeconds, "seconds since 1970"},
		{end, maxSeconds, "seconds since 1970"}, {trafficPath, 255, "a traffic path"}, {version, 1 << 30, "a version"},
	} {
		text := l.value[limit.field]
		if text == "" {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 || n > limit.most || text[0] == '+' {
			return l.bad(limit.field, limit.want)
		}
		l.number[limit.field] = n
	}
	if v := l.number[version]; l.value[version] != "" && (v < 2 || v > 11) {
		return l.bad(version, "a version from 2 to 11")
	}
	for _, a := range [...]struct {
		field field
		addr  *netip.Addr
	}{{srcAddr, &l.src}, {dstAddr, &l.dst}} {
		if text := l.value[a.field]; text != "" {
			addr, err := netip.ParseAddr(text)
			if err != nil || addr.Zone() != "" {
				return l.bad(a.field, "an IP address")
			}
			*a.addr = addr
		}
	}
	return l.words(received)
}

// maxSeconds is the end of the year 9999.
const maxSeconds = 253402300799

// words checks the fields that hold one of a few words, and finds the event's time.
func (l *line) words(received time.Time) error {
	switch l.value[action] {
	case "", "ACCEPT", "REJECT":
	default:
		return l.bad(action, "ACCEPT or REJECT")
	}
	switch l.value[logStatus] {
	case "", "OK", "NODATA", "SKIPDATA":
	default:
		return l.bad(logStatus, "OK, NODATA or SKIPDATA")
	}
	switch l.value[flowDirection] {
	case "", "ingress", "egress":
	default:
		return l.bad(flowDirection, "ingress or egress")
	}
	l.time = received.UTC()
	switch {
	case l.value[start] != "":
		l.time = time.Unix(l.number[start], 0).UTC()
	case l.value[end] != "":
		l.time = time.Unix(l.number[end], 0).UTC()
	}
	return nil
}
