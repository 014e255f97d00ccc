package vpcflow

// A side is what the fields say of one endpoint.
type side struct {
	member                 string // how the object begins
	seen, via              kind   // of observables
	addr                   address
	text, port, pkt, svc   field
	tgwENI, tgwVPC, tgwNet field
	own                    bool // its interface logged the flow
}

// endpoints writes src_endpoint and dst_endpoint; false if neither can be named.
func (l *line) endpoints(b []byte) ([]byte, bool) {
	src := side{
		member: `,"src_endpoint":{`, seen: srcIP, via: srcVia, addr: l.src, text: srcAddr,
		port: srcPort, pkt: pktSrcAddr, svc: pktSrcService, tgwENI: tgwSrcENI, tgwVPC: tgwSrcVPC, tgwNet: tgwSrcSubnet,
	}
	dst := side{
		member: `,"dst_endpoint":{`, seen: dstIP, via: dstVia, addr: l.dst, text: dstAddr,
		port: dstPort, pkt: pktDstAddr, svc: pktDstService, tgwENI: tgwDstENI, tgwVPC: tgwDstVPC, tgwNet: tgwDstSubnet,
	}
	src.packet(l)
	dst.packet(l)
	src.own, dst.own = l.own(&src.addr, &dst.addr)
	b, one := l.endpoint(b, &src)
	b, other := l.endpoint(b, &dst)
	return b, one || other
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
func (l *line) endpoint(b []byte, s *side) ([]byte, bool) {
	used, at, seen := l.used, len(b), len(l.seen)
	b = append(b, s.member...)
	first := len(b)
	if s.addr.valid() {
		b = l.address(b, s)
	}
	b = l.packetAddress(b, s)
	b = l.move(b, `,"svc_name":"`, s.svc)
	eni, vpc, net := s.tgwENI, s.tgwVPC, s.tgwNet
	if s.own {
		eni, vpc, net = l.first(interfaceID, eni), l.first(vpcID, vpc), l.first(subnetID, net)
	}
	b = l.move(b, `,"interface_uid":"`, eni)
	if s.own {
		b = l.move(b, `,"instance_uid":"`, instanceID)
		if len(b) == first { // flows of a gateway that has no interface
			if b = l.move(b, `,"uid":"`, resourceID); len(b) == first {
				b = l.move(b, `,"uid":"`, tgwID)
			}
		}
	}
	if len(b) == first {
		l.used, l.seen = used, l.seen[:seen]
		return b[:at], false
	}
	b = l.move(b, `,"vpc_uid":"`, vpc)
	b = l.move(b, `,"subnet_uid":"`, net)
	b = l.count(b, `,"port":`, s.port)
	if b[first] == ',' { // there was no address before it
		b = append(b[:first], b[first+1:]...)
	}
	return append(b, '}'), true
}

// first is f if the line has it, else other.
func (l *line) first(f, other field) field {
	if l.has(f) {
		return f
	}
	return other
}

// address writes the address of an endpoint, which is its first member, and keeps that of the source as Kafka's key.
func (l *line) address(b []byte, s *side) []byte {
	b = append(b, `"ip":"`...)
	from := len(b)
	if s.addr.canonical {
		b = append(b, l.text(s.text)...)
		l.use(s.text)
	} else {
		b = s.addr.appendTo(b)
	}
	l.observe(b, s.seen, from)
	if s.seen == srcIP {
		l.KeyIP = string(b[from:])
	}
	return append(b, '"')
}

// packetAddress writes the address in the packet where it is one: behind a NAT gateway it is not that of the interface.
func (l *line) packetAddress(b []byte, s *side) []byte {
	if !l.has(s.pkt) || !s.addr.valid() {
		return b
	}
	var a address
	if !a.parse(l.text(s.pkt)) || a.bytes == s.addr.bytes { // the same address is no intermediate
		return b
	}
	b = append(b, `,"intermediate_ips":["`...)
	from := len(b)
	b = a.appendTo(b)
	if a.canonical {
		l.use(s.pkt)
	}
	l.observe(b, s.via, from)
	return append(b, `"]`...)
}
