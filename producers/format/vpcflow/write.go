package vpcflow

import (
	"bytes"
	"errors"
	"strconv"
	"time"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

// What follows appends to b, which is l.B, and gives it back: a slice in the line would be written to memory each time. Members are given
// as text, comma included. The line's own texts need no escaping any more.

func (l *line) write() (schemas.Event, error) {
	o := l.outcome()
	h := &l.format.heads[o]
	b := append(l.B, h.before...)
	b = l.eventTime(b)
	b = append(b, h.after...)
	b = l.move(b, `,"status_code":"`, logStatus)
	b = l.move(b, `,"status_detail":"`, rejectReason)
	if (o == noData || o == skipData) && l.has(action) {
		h = &l.format.heads[accepted]
		if l.is(action, "REJECT") {
			h = &l.format.heads[rejected]
		}
	}
	b = append(b, h.meta...)
	b = append(b, l.uid...)
	b = append(b, `","product":{"name":"Amazon VPC","vendor_name":"AWS","feature":{"name":"Flow Logs"}}`...)
	b = l.move(b, `,"log_version":"`, version)
	b = append(b, '}')
	b = l.cloud(b)
	b = l.seconds(b, `,"start_time":`, start)
	b = l.seconds(b, `,"end_time":`, end)
	b, named := l.endpoints(b)
	if !named {
		return schemas.Event{}, errors.New("neither an address nor an interface: no endpoint")
	}
	b = l.connection(b)
	b = l.traffic(b)
	b = l.unmapped(b)
	l.B = l.observables(b)
	return l.Finish(schemas.ClassNetworkActivity, l.uid, time.UnixMilli(l.time)), nil
}

// put writes a field's text as a string.
func (l *line) put(b []byte, member string, s span) []byte {
	b = append(b, member...)
	b = append(b, l.data[s.from:s.to]...)
	return append(b, '"')
}

// move writes a field's text as a string, if there is one, and notes that it needs no copy under unmapped.
func (l *line) move(b []byte, member string, f field) []byte {
	s := l.value[f]
	if s.from == s.to {
		return b
	}
	l.use(f)
	return l.put(b, member, s)
}

// count writes a field as a number.
func (l *line) count(b []byte, member string, f field) []byte {
	s := l.value[f]
	if s.from == s.to {
		return b
	}
	b = append(b, member...)
	if l.plain[f] {
		return append(b, l.data[s.from:s.to]...)
	}
	return strconv.AppendInt(b, l.number[f], 10)
}

// seconds writes a field of seconds in milliseconds.
func (l *line) seconds(b []byte, member string, f field) []byte {
	if !l.has(f) {
		return b
	}
	b = l.count(b, member, f)
	if l.number[f] != 0 {
		b = append(b, "000"...)
	}
	return b
}

func (l *line) eventTime(b []byte) []byte {
	if l.has(start) {
		return l.seconds(b, "", start)
	}
	return strconv.AppendInt(b, l.time, 10)
}

func (l *line) traffic(b []byte) []byte {
	if !l.has(packets) {
		if !l.has(bytesSent) {
			return b
		}
		return append(l.count(b, `,"traffic":{"bytes":`, bytesSent), '}')
	}
	b = l.count(b, `,"traffic":{"packets":`, packets)
	return append(l.count(b, `,"bytes":`, bytesSent), '}')
}

func (l *line) cloud(b []byte) []byte {
	b = append(b, `,"cloud":{"provider":"AWS"`...)
	if l.has(region) {
		b = l.move(b, `,"region":"`, region)
	} else if l.region != "" {
		b = append(b, `,"region":`...)
		b = quote(b, l.region)
	}
	b = l.move(b, `,"zone":"`, azID)
	const member = `,"account":{"uid":"`
	from := len(b) + len(member)
	switch {
	case l.has(accountID):
		b = l.move(b, member, accountID)
	case l.account != "":
		b = append(b, member[:len(member)-1]...)
		b = quote(b, l.account)
	default:
		return append(b, '}')
	}
	l.observe(b[:len(b)-1], account, from)
	return append(b, "}}"...)
}

func quote(b []byte, s string) []byte {
	w := ocsfjson.Writer{B: b}
	w.Quote(s)
	return w.B
}

// unmapped copies the fields that do not stand in the event verbatim.
func (l *line) unmapped(b []byte) []byte {
	at := len(b)
	b = append(b, `,"unmapped":{`...)
	first := len(b)
	for i := range l.layout.columns {
		c, s := &l.layout.columns[i], l.columns[i]
		if s.from == s.to || c.field != unknown && l.isUsed(c.field) {
			continue
		}
		member := c.member
		if len(b) == first {
			member = member[1:]
		}
		b = append(b, member...)
		from := len(b)
		b = append(b, l.data[s.from:s.to]...)
		if l.data[s.from] == 'a' && bytes.HasPrefix(l.data[s.from:s.to], []byte("arn:")) {
			l.observe(b, arn+kind(i), from)
		}
		b = append(b, '"')
	}
	if len(b) == first {
		return b[:at]
	}
	return append(b, '}')
}
