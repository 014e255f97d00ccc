package vpcflow

import (
	"bytes"
	"errors"
	"strconv"
	"time"

	"github.com/riposte-security/riposte/schemas"
)

// What follows appends to l.B. `"name":"` and the like are given whole, comma included: it is what most of the time went into. Every text
// of a line is plain: parse has seen to it, or has escaped it.

func (l *line) write() (schemas.Event, error) {
	o := l.outcome()
	h := &l.format.heads[o]
	l.B = append(l.B, h.before...)
	l.B = strconv.AppendInt(l.B, l.time, 10)
	l.B = append(l.B, h.after...)
	l.move(`,"status_code":"`, logStatus)
	l.move(`,"status_detail":"`, rejectReason)
	if (o == noData || o == skipData) && l.has(action) {
		h = &l.format.heads[accepted]
		if l.is(action, "REJECT") {
			h = &l.format.heads[rejected]
		}
	}
	l.B = append(l.B, h.meta...)
	l.B = append(l.B, l.uid...)
	l.B = append(l.B, `","product":{"name":"Amazon VPC","vendor_name":"AWS","feature":{"name":"Flow Logs"}}`...)
	l.move(`,"log_version":"`, version)
	l.B = append(l.B, '}')
	l.writeCloud()
	l.seconds(`,"start_time":`, start)
	l.seconds(`,"end_time":`, end)
	if !l.writeEndpoints() {
		return schemas.Event{}, errors.New("neither an address nor an interface: no endpoint")
	}
	l.writeConnection()
	if l.has(packets) || l.has(bytesSent) {
		l.B = append(l.B, `,"traffic":{`...)
		l.count(`"packets":`, packets)
		if l.has(packets) && l.has(bytesSent) {
			l.B = append(l.B, ',')
		}
		l.count(`"bytes":`, bytesSent)
		l.B = append(l.B, '}')
	}
	l.writeUnmapped()
	l.writeObservables()
	return l.Finish(schemas.ClassNetworkActivity, l.uid, time.UnixMilli(l.time)), nil
}

// put writes a field's text as a string; false if there is none.
func (l *line) put(member string, f field) bool {
	s := l.value[f]
	if s.from == s.to {
		return false
	}
	l.B = append(l.B, member...)
	l.B = append(l.B, l.data[s.from:s.to]...)
	l.B = append(l.B, '"')
	return true
}

// move is put, and notes that the text needs no copy under unmapped.
func (l *line) move(member string, f field) bool {
	if !l.put(member, f) {
		return false
	}
	l.use(f)
	return true
}

// count writes a field as a number.
func (l *line) count(member string, f field) {
	if !l.has(f) {
		return
	}
	l.B = append(l.B, member...)
	if l.plain[f] {
		l.B = append(l.B, l.text(f)...)
		return
	}
	l.B = strconv.AppendInt(l.B, l.number[f], 10)
}

// seconds writes a field of seconds in milliseconds.
func (l *line) seconds(member string, f field) {
	if !l.has(f) {
		return
	}
	l.count(member, f)
	if l.number[f] != 0 {
		l.B = append(l.B, "000"...)
	}
}

func (l *line) writeCloud() {
	l.B = append(l.B, `,"cloud":{"provider":"AWS"`...)
	if !l.move(`,"region":"`, region) && l.region != "" {
		l.Str("region", l.region)
	}
	l.move(`,"zone":"`, azID)
	const account = `,"account":{"uid":"`
	from := len(l.B) + len(account)
	switch {
	case l.move(account, accountID):
		l.end(l.format.seen.account, from)
	case l.account != "":
		l.B = append(l.B, account[:len(account)-1]...)
		l.Quote(l.account)
		l.end(l.format.seen.account, from)
	}
	l.B = append(l.B, '}')
}

// end closes an object whose last member, a string from there on, is an observable.
func (l *line) end(prefix string, from int) {
	l.B = l.B[:len(l.B)-1]
	l.observe(prefix, from)
	l.B = append(l.B, `"}`...)
}

// A side is what the fields say of one endpoint.
type side struct {
	member, seen, via      string // how the object begins, and prefixes of observables
	addr                   address
	text, port, pkt, svc   field
	tgwENI, tgwVPC, tgwNet field
	own                    bool // its interface logged the flow
}

// writeEndpoints writes src_endpoint and dst_endpoint; false if neither can be named.
func (l *line) writeEndpoints() bool {
	p := &l.format.seen
	src := side{
		member: `,"src_endpoint":{`, seen: p.src, via: p.srcVia, addr: l.src, text: srcAddr,
		port: srcPort, pkt: pktSrcAddr, svc: pktSrcService, tgwENI: tgwSrcENI, tgwVPC: tgwSrcVPC, tgwNet: tgwSrcSubnet,
	}
	dst := side{
		member: `,"dst_endpoint":{`, seen: p.dst, via: p.dstVia, addr: l.dst, text: dstAddr,
		port: dstPort, pkt: pktDstAddr, svc: pktDstService, tgwENI: tgwDstENI, tgwVPC: tgwDstVPC, tgwNet: tgwDstSubnet,
	}
	src.packet(l)
	dst.packet(l)
	src.own, dst.own = l.own(&src.addr, &dst.addr)
	a, b := l.endpoint(&src), l.endpoint(&dst)
	return a || b
}

// packet makes the address in the packet that of the endpoint, where the order of fields has no other.
func (s *side) packet(l *line) {
	if s.addr.valid() || !l.has(s.pkt) {
		return
	}
	var a address
	if a.parse(l.text(s.pkt)) {
		s.addr, s.text, s.pkt = a, s.pkt, s.text
	}
}

// own tells which endpoint has the interface that logged the flow, as far as that is known.
func (l *line) own(source, destination *address) (src, dst bool) {
	if !source.valid() && !destination.valid() {
		return true, false
	}
	switch string(l.text(flowDirection)) {
	case "ingress":
		return false, true
	case "egress":
		return true, false
	}
	s, d := source.private, destination.private
	return s && !d, d && !s
}

// endpoint writes one endpoint; false, and nothing, if nothing names it.
func (l *line) endpoint(s *side) bool {
	used, at, seen := l.used, len(l.B), len(l.seen)
	l.B = append(l.B, s.member...)
	named := s.addr.valid()
	if named {
		l.writeAddr(s)
	}
	l.writePacketAddr(s)
	named = l.move(`,"svc_name":"`, s.svc) || named
	if s.own {
		named = l.move(`,"interface_uid":"`, interfaceID) || named
		named = l.move(`,"instance_uid":"`, instanceID) || named
		if !named { // flows of a gateway that has no interface
			named = l.move(`,"uid":"`, resourceID) || l.move(`,"uid":"`, tgwID)
		}
		l.move(`,"vpc_uid":"`, vpcID)
		l.move(`,"subnet_uid":"`, subnetID)
	} else {
		named = l.move(`,"interface_uid":"`, s.tgwENI) || named
		l.move(`,"vpc_uid":"`, s.tgwVPC)
		l.move(`,"subnet_uid":"`, s.tgwNet)
	}
	if !named {
		l.B, l.used, l.seen = l.B[:at], used, l.seen[:seen]
		return false
	}
	l.count(`,"port":`, s.port)
	l.uncomma(at + len(s.member))
	l.B = append(l.B, '}')
	return true
}

// uncomma takes out the comma before the first member of an object that begins at.
func (l *line) uncomma(at int) {
	if len(l.B) > at && l.B[at] == ',' {
		l.B = append(l.B[:at], l.B[at+1:]...)
	}
}

// writeAddr writes the address of an endpoint, which is its first member, and keeps that of the source as Kafka's key.
func (l *line) writeAddr(s *side) {
	l.B = append(l.B, `"ip":"`...)
	from := len(l.B)
	if s.addr.canonical {
		l.B = append(l.B, l.text(s.text)...)
		l.use(s.text)
	} else {
		l.B = s.addr.appendTo(l.B)
	}
	l.observe(s.seen, from)
	if s.text == srcAddr || s.text == pktSrcAddr {
		l.KeyIP = string(l.B[from:])
	}
	l.B = append(l.B, '"')
}

// writePacketAddr writes the address in the packet where it is one: behind a NAT gateway it is not that of the interface.
func (l *line) writePacketAddr(s *side) {
	if !l.has(s.pkt) || !s.addr.valid() {
		return
	}
	var a address
	if !a.parse(l.text(s.pkt)) || a.bytes == s.addr.bytes { // the same address is no intermediate
		return
	}
	l.B = append(l.B, `,"intermediate_ips":["`...)
	from := len(l.B)
	l.B = a.appendTo(l.B)
	if a.canonical {
		l.use(s.pkt)
	}
	l.observe(s.via, from)
	l.B = append(l.B, `"]`...)
}

// writeUnmapped copies the fields that do not stand in the event verbatim.
func (l *line) writeUnmapped() {
	at := len(l.B)
	l.B = append(l.B, `,"unmapped":{`...)
	first := len(l.B)
	for i := range l.layout.columns {
		c, s := &l.layout.columns[i], l.columns[i]
		if s.from == s.to || c.field != unknown && l.isUsed(c.field) {
			continue
		}
		if len(l.B) > first {
			l.B = append(l.B, ',')
		}
		l.B = append(l.B, c.member...)
		from := len(l.B)
		l.B = append(l.B, l.data[s.from:s.to]...)
		if bytes.HasPrefix(l.data[s.from:s.to], []byte("arn:")) {
			l.observe(c.seen, from)
		}
		l.B = append(l.B, '"')
	}
	if len(l.B) == first {
		l.B = l.B[:at]
		return
	}
	l.B = append(l.B, '}')
}
