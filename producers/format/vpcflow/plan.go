package vpcflow

import (
	"bytes"
	"time"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

// An outcome is what a line says of its flow, as far as the beginning of the event depends on it.
type outcome uint8

const (
	accepted outcome = iota
	rejected
	untold // the order of fields has no action, or the line none
	noData
	skipData
	outcomes // how many there are
)

// A head is the beginning of every event of one outcome, cut where a line's own values stand.
type head struct {
	before string // up to time
	after  string // from there up to status_code
	meta   string // from status_detail up to metadata.uid
}

// heads writes the beginnings once, so that no line has to.
func heads() (list [outcomes]head) {
	for o := range outcomes {
		var e ocsfjson.Event
		const mark = 1234567890123
		switch t := time.UnixMilli(mark); o {
		case noData, skipData:
			word := o.status()
			e.Begin(schemas.ClassNetworkActivity, 99, word, t)
			e.Str("status", word)
			e.Int("status_id", 99)
		case rejected:
			e.Begin(schemas.ClassNetworkActivity, 5, "Refuse", t)
			e.Status(true)
		case accepted, untold, outcomes:
			e.Begin(schemas.ClassNetworkActivity, 6, "Traffic", t)
			e.Status(false)
		}
		e.Severity(1)
		before, after, _ := bytes.Cut(e.B, []byte("1234567890123"))
		list[o].before, list[o].after = string(before), string(after)
		list[o].meta = o.meta()
	}
	return list
}

// status is the log-status of outcomes that say nothing of a flow.
func (o outcome) status() string {
	if o == skipData {
		return "SKIPDATA"
	}
	return "NODATA"
}

func (o outcome) meta() string {
	e := ocsfjson.Event{Writer: ocsfjson.Writer{B: []byte{'0'}}} // not the beginning: a comma comes first
	profiles := []string{"cloud", "security_control"}
	switch o { // the captions differ from AWS's words, which stay unmapped
	case accepted:
		e.Lit(`"action":"Allowed","action_id":1,"disposition":"Allowed","disposition_id":1`)
	case rejected:
		e.Lit(`"action":"Denied","action_id":2,"disposition":"Blocked","disposition_id":2`)
	case untold, noData, skipData, outcomes:
		profiles = profiles[:1]
	}
	e.Metadata(Name, profiles...)
	e.Lit(`"uid":"`)
	return string(e.B[1:])
}

// outcome tells which beginning a line has. A NODATA or SKIPDATA line has no action; if it has one all the same, profile and action go with it.
func (l *line) outcome() outcome {
	switch {
	case l.is(logStatus, "NODATA"):
		return noData
	case l.is(logStatus, "SKIPDATA"):
		return skipData
	case l.is(action, "REJECT"):
		return rejected
	case l.has(action):
		return accepted
	}
	return untold
}

// A seen is an observable: where its value stands in the event, and as what it was seen there. It has no pointers, as a line has none.
type seen struct {
	kind     kind
	from, to int32
}

// A kind is what an observable was seen as; from arn on, it is an ARN in the column with that number.
type kind uint8

const (
	account kind = iota
	srcIP
	srcVia
	dstIP
	dstVia
	arn
)

// prefixes are the texts of the observables that most lines have, up to the value.
func prefixes() [arn]string {
	const ip = ocsfjson.IPAddress
	return [arn]string{
		account: ocsfjson.ObservablePrefix(ocsfjson.AccountUID, "cloud.account.uid"),
		srcIP:   ocsfjson.ObservablePrefix(ip, "src_endpoint.ip"),
		srcVia:  ocsfjson.ObservablePrefix(ip, "src_endpoint.intermediate_ips[0]"),
		dstIP:   ocsfjson.ObservablePrefix(ip, "dst_endpoint.ip"),
		dstVia:  ocsfjson.ObservablePrefix(ip, "dst_endpoint.intermediate_ips[0]"),
	}
}

func (l *line) prefix(k kind) string {
	if k < arn {
		return l.format.prefixes[k]
	}
	return l.layout.columns[k-arn].seen
}

// observe notes that what was written to b since from is an observable.
func (l *line) observe(b []byte, k kind, from int) {
	for _, o := range l.seen {
		if string(b[o.from:o.to]) == string(b[from:]) {
			return
		}
	}
	l.seen = append(l.seen, seen{k, int32(from), int32(len(b))}) //nolint:gosec // maxLine
}

func (l *line) observables(b []byte) []byte {
	if len(l.seen) == 0 {
		return b
	}
	b = append(b, `,"observables":[`...)
	for i := range l.seen {
		s := &l.seen[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, l.prefix(s.kind)...)
		b = append(b, b[s.from:s.to]...)
		b = append(b, `"}`...)
	}
	return append(b, ']')
}
