package suricata

import (
	"math"
	"net/netip"
	"strconv"
	"strings"

	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
)

// What follows writes the parts that the events of several classes have.

// writeMetadata writes metadata with a profile, if one is named.
func (r *record) writeMetadata(profile string) {
	profiles := make([]string, 0, 2)
	if r.in.Attrs[producers.AttrAccount] != "" || r.in.Attrs[producers.AttrRegion] != "" {
		profiles = append(profiles, "cloud")
	}
	if profile != "" {
		profiles = append(profiles, profile)
	}
	at := r.Metadata(Name, profiles...)
	r.Str("uid", r.uid)
	r.Lit(`"product":{"name":"Suricata","vendor_name":"OISF"}`)
	r.Move("event_code", r.eventType)
	r.MoveSeen("log_source", r.host, ocsfjson.Hostname, "metadata.log_source")
	r.Close(at)
	r.AttrCloud(r.in)
}

// writeTimes writes start and end of the flow as members of the event.
func (r *record) writeTimes() {
	for _, in := range [...]node{r.flow, r.netflow} {
		if in < 0 {
			continue
		}
		if t, ok := parseTime(r.Doc.Str(r.Doc.Get(in, "start"))); ok {
			r.Int("start_time", t.UnixMilli())
		}
		if t, ok := parseTime(r.Doc.Str(r.Doc.Get(in, "end"))); ok {
			r.Int("end_time", t.UnixMilli())
		}
		return
	}
}

// writeEndpoints writes who talks with whom.
func (r *record) writeEndpoints() {
	d := &r.Doc
	if ip := r.endpoint("src_endpoint", r.srcIP, r.srcPort, d.Get(r.ether, "src_mac"), d.Get(r.ssh, "client")); ip != "" {
		r.KeyIP = ip
	}
	r.endpoint("dst_endpoint", r.destIP, r.destPort, d.Get(r.ether, "dest_mac"), d.Get(r.ssh, "server"))
}

// endpoint writes one endpoint, if the record has an address of it, and returns that.
func (r *record) endpoint(name string, address, port, mac, ssh node) string {
	at := r.Open(name)
	ip, ok := r.MoveIP("ip", address, r.at+name+".ip")
	if !ok && !r.Move("name", address) { // what is no address names the endpoint all the same
		r.Close(at)
		return ""
	}
	r.Port(port)
	if isMAC(r.Doc.Str(mac)) {
		r.MoveSeen("mac", mac, ocsfjson.MACAddress, r.at+name+".mac")
	}
	if hassh := r.Doc.Path(ssh, "hassh", "hash"); r.Doc.Str(hassh) != "" {
		list := r.List("fingerprints")
		r.fingerprint("", "HASSH", 20, hassh, r.at+name+".fingerprints[0].value")
		r.Close(list)
	}
	r.Close(at)
	return ip
}

// isMAC tells whether s is an address of six octets in the form that OCSF asks for.
func isMAC(s string) bool {
	if len(s) != 17 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case i%3 == 2:
			if c != ':' && c != '-' {
				return false
			}
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f', c >= 'A' && c <= 'F':
		default:
			return false
		}
	}
	return true
}

// fingerprint writes a hash, which is moved, and adds it to the observables.
func (r *record) fingerprint(name, algorithm string, id int64, value node, path string) {
	if r.Doc.Str(value) == "" {
		return
	}
	at := r.Open(name)
	r.Str("algorithm", algorithm)
	r.Int("algorithm_id", id)
	r.MoveSeen("value", value, ocsfjson.Hash, path)
	r.Close(at)
}

func (r *record) writeConnection() {
	d := &r.Doc
	at := r.Open("connection_info")
	r.Lit(`"direction_id":0`)
	r.writeProtocol(d.Str(r.proto))
	if d.Kind(r.flowID) == ocsfjson.Number {
		r.Str("uid", d.Raw(r.flowID))
	}
	r.Move("community_uid", r.communityID)
	if flags, err := strconv.ParseUint(d.Str(d.Get(r.tcp, "tcp_flags")), 16, 8); err == nil {
		r.Int("tcp_flags", int64(flags))
	}
	r.Close(at)
}

func (r *record) writeProtocol(proto string) {
	if proto == "" {
		return
	}
	name := strings.ToLower(proto)
	num := protocolNumber(name)
	if n, err := strconv.ParseUint(proto, 10, 8); err == nil {
		name, num = "", int64(n)
	}
	if name != "" {
		r.Str("protocol_name", name)
	}
	if num >= 0 {
		r.Int("protocol_num", num)
	}
	addr, err := netip.ParseAddr(r.Doc.Str(r.srcIP))
	switch {
	case err != nil:
	case addr.Unmap().Is4():
		r.Int("protocol_ver_id", 4)
	default:
		r.Int("protocol_ver_id", 6)
	}
}

// protocolNumber is IANA's number for Suricata's name of a protocol, -1 for others.
func protocolNumber(name string) int64 {
	switch name {
	case "icmp":
		return 1
	case "tcp":
		return 6
	case "udp":
		return 17
	case "ipv6":
		return 41
	case "gre":
		return 47
	case "esp":
		return 50
	case "ah":
		return 51
	case "ipv6-icmp", "icmpv6":
		return 58
	case "sctp":
		return 132
	}
	return -1
}

// writeAppProtocol writes the protocol above: the one that was recognised, else the one that the record is about.
func (r *record) writeAppProtocol() {
	if r.Move("app_protocol_name", r.appProto) {
		return
	}
	switch r.kind {
	case "flow", "netflow", "anomaly", "drop", "fileinfo", "alert", "packet", "arp", "frame":
	default:
		r.Str("app_protocol_name", r.kind)
	}
}

// writeTraffic writes the counters of a flow.
func (r *record) writeTraffic() {
	d := &r.Doc
	at := r.Open("traffic")
	if r.flow >= 0 {
		r.counters("bytes", "bytes_out", d.Get(r.flow, "bytes_toserver"), "bytes_in", d.Get(r.flow, "bytes_toclient"))
		r.counters("packets", "packets_out", d.Get(r.flow, "pkts_toserver"), "packets_in", d.Get(r.flow, "pkts_toclient"))
	} else {
		r.MoveInt("bytes", d.Get(r.netflow, "bytes"), 0, math.MaxInt64)
		r.MoveInt("packets", d.Get(r.netflow, "pkts"), 0, math.MaxInt64)
	}
	r.Close(at)
}

// counters moves the counters of both directions, and writes their sum.
func (r *record) counters(sum, out string, sent node, in string, received node) {
	const most = math.MaxInt64 / 2
	a, b := r.MoveInt(out, sent, 0, most), r.MoveInt(in, received, 0, most)
	if a && b {
		x, _ := r.Doc.Int(sent)
		y, _ := r.Doc.Int(received)
		r.Int(sum, x+y)
	}
}
