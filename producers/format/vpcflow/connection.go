package vpcflow

import "strconv"

func (l *line) connection(b []byte) []byte {
	switch string(l.text(flowDirection)) {
	case "ingress":
		b = append(b, `,"connection_info":{"direction":"Inbound","direction_id":1`...)
	case "egress":
		b = append(b, `,"connection_info":{"direction":"Outbound","direction_id":2`...)
	default:
		b = append(b, `,"connection_info":{"direction_id":0`...)
	}
	if l.has(protocol) {
		if name := protocolName(l.number[protocol]); name != "" {
			b = append(b, `,"protocol_name":"`...)
			b = append(b, name...)
			b = append(b, '"')
		}
		b = l.count(b, `,"protocol_num":`, protocol)
	}
	b = l.ipVersion(b)
	b = l.count(b, `,"tcp_flags":`, tcpFlags)
	if name := boundary(l.number[trafficPath]); name != "" {
		b = append(b, `,"boundary":"`...)
		b = append(b, name...)
		b = append(b, `","boundary_id":`...)
		b = strconv.AppendInt(b, l.number[trafficPath]+3, 10)
	}
	return append(b, '}')
}

// ipVersion writes the version of the protocol: that of the field type, else that of the addresses.
func (l *line) ipVersion(b []byte) []byte {
	b = l.move(b, `,"protocol_ver":"`, ipType)
	told := l.has(ipType)
	switch {
	case l.is(ipType, "IPv4") || !told && l.src.version == 4:
		return append(b, `,"protocol_ver_id":4`...)
	case l.is(ipType, "IPv6") || !told && l.src.version == 6:
		return append(b, `,"protocol_ver_id":6`...)
	case told:
		return append(b, `,"protocol_ver_id":99`...)
	}
	return b
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
