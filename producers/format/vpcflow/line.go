package vpcflow

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
)

var errEmpty = errors.New("an empty field")

// A span is a part of the line; an empty one stands for no value.
type span struct{ from, to int32 }

// A line is one flow-log line while it becomes an event. It holds places in the line, not texts: so it can be used again without having the
// garbage collector look at it.
type line struct {
	*ocsfjson.Event
	format          *format
	layout          *layout
	data            []byte
	columns         [maxColumns]span
	value           [fields]span // by field; value[unknown] is never read
	used            uint64       // a bit a field: the text stands in the event verbatim
	number          [fields]int64
	plain           [fields]bool // number stands in the line as it is written in JSON
	src, dst        address
	account, region string // what the source knows
	time            int64  // in ms
	uid             string
	seen            []seen
}

func (l *line) text(f field) []byte { return l.data[l.value[f].from:l.value[f].to] }

func (l *line) has(f field) bool { return l.value[f].to > l.value[f].from }

// is tells whether the text of f is word.
func (l *line) is(f field, word string) bool { return string(l.text(f)) == word }

func (l *line) use(f field) { l.used |= 1 << f }

func (l *line) isUsed(f field) bool { return l.used&(1<<f) != 0 }

// reset makes the line ready for another.
func (l *line) reset() {
	l.value = [fields]span{}
	l.used = 0
	l.src, l.dst = address{}, address{}
	l.seen = l.seen[:0]
}

// split cuts a line at its blanks and checks their number.
func (l *line) split() error {
	n, columns, data := 0, l.layout.columns, l.data
	for at := 0; ; n++ {
		end := at
		for end < len(data) && data[end] != ' ' {
			end++
		}
		if end == at {
			return fmt.Errorf("field %d (offset %d): %w", n+1, at, errEmpty)
		}
		if n < len(columns) {
			s := span{int32(at), int32(end)}
			if end == at+1 && data[at] == '-' {
				s.to = s.from
			}
			l.columns[n] = s
			l.value[columns[n].field] = s
		}
		if end == len(data) {
			break
		}
		at = end + 1
	}
	if n++; n != len(columns) {
		return fmt.Errorf("line of %d fields, %d expected", n, len(columns))
	}
	return nil
}

// bad is the error for a field that does not hold what it should.
func (l *line) bad(f field, want string) error {
	for i, c := range l.layout.columns {
		if c.field == f {
			return fmt.Errorf("field %d (%s): %s expected, %s found", i+1, c.name, want, strconv.QuoteToASCII(clip(string(l.text(f)))))
		}
	}
	return fmt.Errorf("%s expected", want) // cannot be: an absent field is not read
}

// read checks the values and turns those that are numbers, times and addresses into such.
func (l *line) read(received time.Time) error {
	limits := [...]struct {
		field field
		most  int64
		want  string
	}{
		{srcPort, 65535, "a port"}, {dstPort, 65535, "a port"}, {protocol, 255, "a protocol number"}, {tcpFlags, 255, "TCP flags"},
		{packets, 1<<63 - 1, "a count"}, {bytesSent, 1<<63 - 1, "a count"}, {start, maxSeconds, "seconds since 1970"},
		{end, maxSeconds, "seconds since 1970"}, {trafficPath, 255, "a traffic path"}, {version, 1 << 30, "a version"},
	}
	for i := range limits {
		limit := &limits[i]
		if !l.has(limit.field) {
			l.number[limit.field] = 0
			continue
		}
		n, plain, ok := number(l.text(limit.field))
		if !ok || n > limit.most {
			return l.bad(limit.field, limit.want)
		}
		l.number[limit.field], l.plain[limit.field] = n, plain
	}
	if v := l.number[version]; l.has(version) && (v < 2 || v > 11) {
		return l.bad(version, "a version from 2 to 11")
	}
	if l.has(srcAddr) && !l.src.parse(l.text(srcAddr)) {
		return l.bad(srcAddr, "an IP address")
	}
	if l.has(dstAddr) && !l.dst.parse(l.text(dstAddr)) {
		return l.bad(dstAddr, "an IP address")
	}
	return l.words(received)
}

// number reads a decimal number that is not negative. plain tells whether JSON would write it so.
func number(text []byte) (n int64, plain, ok bool) {
	if len(text) == 0 || len(text) > 18 {
		i, err := strconv.ParseInt(string(text), 10, 64)
		return i, false, err == nil && i >= 0 && text[0] != '+'
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, text[0] != '0' || len(text) == 1, true
}

// maxSeconds is the end of the year 9999.
const maxSeconds = 253402300799

// words checks the fields that hold one of a few words, and finds the event's time.
func (l *line) words(received time.Time) error {
	switch string(l.text(action)) {
	case "", "ACCEPT", "REJECT":
	default:
		return l.bad(action, "ACCEPT or REJECT")
	}
	switch string(l.text(logStatus)) {
	case "", "OK", "NODATA", "SKIPDATA":
	default:
		return l.bad(logStatus, "OK, NODATA or SKIPDATA")
	}
	switch string(l.text(flowDirection)) {
	case "", "ingress", "egress":
	default:
		return l.bad(flowDirection, "ingress or egress")
	}
	switch {
	case l.has(start):
		l.time = l.number[start] * 1000
	case l.has(end):
		l.time = l.number[end] * 1000
	default:
		l.time = received.UnixMilli()
	}
	return nil
}

// An address is an IP address of a line.
type address struct {
	bytes     [16]byte
	version   uint8 // 4 or 6; 0 for none
	private   bool
	canonical bool // the text of the line is its canonical form
}

func (a *address) valid() bool { return a.version != 0 }

// parse reads text. Dotted decimals, which have one form only, take a way of their own.
func (a *address) parse(text []byte) bool {
	if a.dotted(text) {
		return true
	}
	addr, err := netip.ParseAddr(string(text))
	if err != nil || addr.Zone() != "" {
		return false
	}
	a.version = 6
	if addr.Is4() {
		a.version = 4
	}
	a.private, a.bytes = addr.IsPrivate(), addr.As16()
	a.canonical = bytes.Equal(a.appendTo(nil), text)
	return true
}

func (a *address) dotted(text []byte) bool {
	b, ok := ocsfjson.Dotted(text)
	if !ok {
		return false
	}
	a.bytes = [16]byte{10: 0xff, 11: 0xff, 12: b[0], 13: b[1], 14: b[2], 15: b[3]}
	a.version, a.canonical = 4, true
	a.private = b[0] == 10 || b[0] == 172 && b[1]&0xf0 == 16 || b[0] == 192 && b[1] == 168
	return true
}

// appendTo appends the canonical form of an address that is valid.
func (a *address) appendTo(b []byte) []byte { return netip.AddrFrom16(a.bytes).Unmap().AppendTo(b) }
