package vpcflow

import (
	"errors"
	"net/netip"
	"strings"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

func (l *line) write() (schemas.Event, error) {
	l.writeHead()
	l.writeMetadata()
	l.writeCloud()
	if l.value[start] != "" {
		l.Int("start_time", l.number[start]*1000)
	}
	if l.value[end] != "" {
		l.Int("end_time", l.number[end]*1000)
	}
	if !l.writeEndpoints() {
		return schemas.Event{}, errors.New("neither an address nor an interface: no endpoint")
	}
	l.writeConnection()
	traffic := l.Open("traffic")
	l.count("packets", packets)
	l.count("bytes", bytesSent)
	l.Close(traffic)
	l.writeUnmapped()
	return l.Finish(schemas.ClassNetworkActivity, l.uid, l.time), nil
}

// move writes a field's text as a string, and notes that it needs no copy under unmapped.
func (l *line) move(name string, f field) bool {
	if l.value[f] == "" {
		return false
	}
	l.Str(name, l.value[f])
	l.used[f] = true
	return true
}

// count writes a field as a number.
func (l *line) count(name string, f field) {
	if l.value[f] != "" {
		l.Int(name, l.number[f])
	}
}

func (l *line) writeHead() {
	switch status := l.value[logStatus]; {
	case status == "NODATA" || status == "SKIPDATA":
		l.Begin(schemas.ClassNetworkActivity, 99, status, l.time)
		l.Str("status", status)
		l.Int("status_id", 99)
	case l.value[action] == "REJECT":
		l.Begin(schemas.ClassNetworkActivity, 5, "Refuse", l.time)
		l.Status(true)
	default:
		l.Begin(schemas.ClassNetworkActivity, 6, "Traffic", l.time)
		l.Status(false)
	}
	l.Severity(1)
	l.move("status_code", logStatus)
	l.move("status_detail", rejectReason)
	switch l.value[action] { // the captions differ from AWS's words, which stay unmapped
	case "ACCEPT":
		l.Lit(`"action":"Allowed","action_id":1,"disposition":"Allowed","disposition_id":1`)
	case "REJECT":
		l.Lit(`"action":"Denied","action_id":2,"disposition":"Blocked","disposition_id":2`)
	}
}

func (l *line) writeMetadata() {
	at := 0
	if l.value[action] == "" {
		at = l.Metadata(Name, "cloud")
	} else {
		at = l.Metadata(Name, "cloud", "security_control")
	}
	l.Str("uid", l.uid)
	l.Lit(`"product":{"name":"Amazon VPC","vendor_name":"AWS","feature":{"name":"Flow Logs"}}`)
	l.move("log_version", version)
	l.Close(at)
}

func (l *line) writeCloud() {
	at := l.Open("cloud")
	l.Lit(`"provider":"AWS"`)
	if !l.move("region", region) && l.region != "" {
		l.Str("region", l.region)
	}
	l.move("zone", azID)
	account := l.Open("account")
	uid := l.value[accountID]
	if !l.move("uid", accountID) && l.account != "" {
		uid = l.account
		l.Str("uid", uid)
	}
	l.ObserveText(ocsfjson.AccountUID, "cloud.account.uid", uid)
	l.Close(account)
	l.Close(at)
}

// A side is what the fields say of one endpoint.
type side struct {
	name, ip, via          string // members of the event, for observables
	addr                   netip.Addr
	text, port, pkt, svc   field
	tgwENI, tgwVPC, tgwNet field
	own                    bool // its interface logged the flow
}

// writeEndpoints writes src_endpoint and dst_endpoint; false if neither can be named.
func (l *line) writeEndpoints() bool {
	src := side{
		name: "src_endpoint", ip: "src_endpoint.ip", via: "src_endpoint.intermediate_ips[0]", addr: l.src, text: srcAddr,
		port: srcPort, pkt: pktSrcAddr, svc: pktSrcService, tgwENI: tgwSrcENI, tgwVPC: tgwSrcVPC, tgwNet: tgwSrcSubnet,
	}
	dst := side{
		name: "dst_endpoint", ip: "dst_endpoint.ip", via: "dst_endpoint.intermediate_ips[0]", addr: l.dst, text: dstAddr,
		port: dstPort, pkt: pktDstAddr, svc: pktDstService, tgwENI: tgwDstENI, tgwVPC: tgwDstVPC, tgwNet: tgwDstSubnet,
	}
	src.packet(l)
	dst.packet(l)
	src.own, dst.own = l.own(src.addr, dst.addr)
	a, b := l.endpoint(&src), l.endpoint(&dst)
	return a || b
}

// packet makes the address in the packet that of the endpoint, where the order of fields has no other.
func (s *side) packet(l *line) {
	if s.addr.IsValid() || l.value[s.pkt] == "" {
		return
	}
	if addr, err := netip.ParseAddr(l.value[s.pkt]); err == nil && addr.Zone() == "" {
		s.addr, s.text, s.pkt = addr, s.pkt, s.text
	}
}

// own tells which endpoint has the interface that logged the flow, as far as that is known.
func (l *line) own(source, destination netip.Addr) (src, dst bool) {
	if !source.IsValid() && !destination.IsValid() {
		return true, false
	}
	switch l.value[flowDirection] {
	case "ingress":
		return false, true
	case "egress":
		return true, false
	}
	s, d := source.IsPrivate(), destination.IsPrivate()
	return s && !d, d && !s
}

// endpoint writes one endpoint; false, and nothing, if nothing names it.
func (l *line) endpoint(s *side) bool {
	used := l.used
	at := l.Open(s.name)
	named := false
	if s.addr.IsValid() {
		ip, canonical, ok := l.IP("ip", l.value[s.text], s.ip)
		named = ok
		l.used[s.text] = canonical
		if s.name == "src_endpoint" {
			l.KeyIP = ip
		}
	}
	l.writePacketAddr(s)
	named = l.move("svc_name", s.svc) || named
	if s.own {
		named = l.move("interface_uid", interfaceID) || named
		named = l.move("instance_uid", instanceID) || named
		if !named { // flows of a gateway that has no interface
			named = l.move("uid", resourceID) || l.move("uid", tgwID)
		}
		l.move("vpc_uid", vpcID)
		l.move("subnet_uid", subnetID)
	} else {
		named = l.move("interface_uid", s.tgwENI) || named
		l.move("vpc_uid", s.tgwVPC)
		l.move("subnet_uid", s.tgwNet)
	}
	if !named {
		l.B = l.B[:at]
		l.used = used
		return false
	}
	l.count("port", s.port)
	return l.Close(at)
}

// writePacketAddr writes the address in the packet where it is one: behind a NAT gateway it is not that of the interface.
func (l *line) writePacketAddr(s *side) {
	text := l.value[s.pkt]
	if text == "" || !s.addr.IsValid() {
		return
	}
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" || addr == s.addr { // the same address is no intermediate
		return
	}
	canonical := addr.Unmap().String()
	list := l.List("intermediate_ips")
	l.B = append(append(append(l.B, '"'), canonical...), '"')
	l.Close(list)
	l.used[s.pkt] = canonical == text
	l.ObserveText(ocsfjson.IPAddress, s.via, canonical)
}

// writeUnmapped copies the fields that do not stand in the event verbatim.
func (l *line) writeUnmapped() {
	at := l.Open("unmapped")
	for i, c := range l.layout.columns {
		if text := l.texts[i]; text != "" && (c.field == unknown || !l.used[c.field]) {
			l.Str(c.name, text)
			if strings.HasPrefix(text, "arn:") {
				l.ObserveText(ocsfjson.ResourceUID, "unmapped."+c.name, text)
			}
		}
	}
	l.Close(at)
}
