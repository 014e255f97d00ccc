package suricata

import "github.com/riposte-security/riposte/producers/format/ocsfjson"

// fields are the members of an EVE record that the mapping names.
type fields struct {
	timestamp, eventType, host, flowID, communityID, srcIP, srcPort, destIP, destPort, proto, appProto, xff,
	alert, dns, http, tls, quic, ssh, flow, netflow, tcp, fileinfo, files, ether, drop node
}

// lookup finds the members in one pass.
func (f *fields) lookup(d *ocsfjson.Doc) {
	const none = ocsfjson.None
	*f = fields{
		none, none, none, none, none, none, none, none, none, none, none, none,
		none, none, none, none, none, none, none, none, none, none, none, none, none,
	}
	for c := d.First(d.Root()); c >= 0; c = d.Next(c) {
		if p := f.member(d.Key(c)); p != nil {
			*p = c
		}
	}
	if arp := d.Get(d.Root(), "arp"); arp >= 0 && f.srcIP < 0 && f.destIP < 0 {
		f.srcIP, f.destIP, f.ether = d.Get(arp, "src_ip"), d.Get(arp, "dest_ip"), arp
	}
}

func (f *fields) member(name string) *node {
	switch name {
	case "timestamp":
		return &f.timestamp
	case "event_type":
		return &f.eventType
	case "host":
		return &f.host
	case "flow_id":
		return &f.flowID
	case "community_id":
		return &f.communityID
	case "src_ip":
		return &f.srcIP
	case "src_port":
		return &f.srcPort
	case "dest_ip":
		return &f.destIP
	case "dest_port":
		return &f.destPort
	case "proto":
		return &f.proto
	case "app_proto":
		return &f.appProto
	case "xff":
		return &f.xff
	case "alert":
		return &f.alert
	case "dns", "mdns", "llmnr":
		return &f.dns
	}
	return f.content(name)
}

func (f *fields) content(name string) *node {
	switch name {
	case "http":
		return &f.http
	case "tls":
		return &f.tls
	case "quic":
		return &f.quic
	case "ssh":
		return &f.ssh
	case "flow":
		return &f.flow
	case "netflow":
		return &f.netflow
	case "tcp":
		return &f.tcp
	case "fileinfo":
		return &f.fileinfo
	case "files":
		return &f.files
	case "ether":
		return &f.ether
	case "drop":
		return &f.drop
	}
	return nil
}
