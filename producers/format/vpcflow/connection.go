package vpcflow

import "strconv"

func (l *line) writeConnection() {
	switch string(l.text(flowDirection)) {
	case "ingress":
		l.B = append(l.B, `,"connection_info":{"direction":"Inbound","direction_id":1`...)
	case "egress":
		l.B = append(l.B, `,"connection_info":{"direction":"Outbound","direction_id":2`...)
	default:
		l.B = append(l.B, `,"connection_info":{"direction_id":0`...)
	}
	if l.has(protocol) {
		if name := protocolName(l.number[protocol]); name != "" {
			l.B = append(l.B, `,"protocol_name":"`...)
			l.B = append(l.B, name...)
			l.B = append(l.B, '"')
		}
		l.count(`,"protocol_num":`, protocol)
	}
	l.writeIPVersion()
	l.count(`,"tcp_flags":`, tcpFlags)
	if name := boundary(l.number[trafficPath]); name != "" {
		l.B = append(l.B, `,"boundary":"`...)
		l.B = append(l.B, name...)
		l.B = append(l.B, `","boundary_id":`...)
		l.B = strconv.AppendInt(l.B, l.number[trafficPath]+3, 10)
	}
	l.B = append(l.B, '}')
}

// writeIPVersion writes the version of the protocol: that of the field type, else that of the addresses.
func (l *line) writeIPVersion() {
	l.move(`,"protocol_ver":"`, ipType)
	kind := string(l.text(ipType)) // short: no allocation
	switch {
	case kind == "IPv4" || kind == "" && l.src.version == 4:
		l.B = append(l.B, `,"protocol_ver_id":4`...)
	case kind == "IPv6" || kind == "" && l.src.version == 6:
		l.B = append(l.B, `,"protocol_ver_id":6`...)
	case kind != "":
		l.B = append(l.B, `,"protocol_ver_id":99`...)
	}
}

// protocolName is IANA's keyword, in small letters, of the protocols that one meets.
func protocolName(n int64) string {
	switch n {
	case 1:
		return "icmp"
	case 2:
		return "igmp"
	case 4:
		return "ipv4"
	case 6:
		return "tcp"
	case 17:
		return "udp"
	case 41:
		return "ipv6"
	case 47:
		return "gre"
	case 50:
		return "esp"
	case 51:
		return "ah"
	case 58:
		return "ipv6-icmp"
	case 89:
		return "ospfigp"
	case 132:
		return "sctp"
	}
	return ""
}

// boundary is the caption of the boundary_id for a traffic-path, which is that path plus 3.
func boundary(path int64) string {
	switch path {
	case 1:
		return "Same VPC"
	case 2:
		return "Internet/VPC Gateway"
	case 3:
		return "Virtual Private Gateway"
	case 4:
		return "Intra-region VPC"
	case 5:
		return "Inter-region VPC"
	case 6:
		return "Local Gateway"
	case 7:
		return "Gateway VPC"
	case 8:
		return "Internet Gateway"
	}
	return ""
}
