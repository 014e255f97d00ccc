// Package suricata reads the records of Suricata's EVE log.
//
// A record becomes one event of the class that its event_type asks for:
//
//	alert                         Detection Finding 2004   finding_info, evidences[]
//	dns, mdns, llmnr              DNS Activity 4003        query, answers[], rcode
//	http; fileinfo of HTTP        HTTP Activity 4002       http_request, http_response, file
//	flow, netflow, drop, tls,     Network Activity 4001    traffic, tls
//	  ssh, smb, anomaly, arp and
//	  whatever else has an address
//	stats, and what has none      Base Event 0             everything under unmapped
//
// In every class the same members say the same:
//
//	timestamp                     time in ms
//	event_type                    metadata.event_code
//	host                          metadata.log_source
//	src_ip, src_port, ether       src_endpoint.ip, .port, .mac; dest_… is dst_endpoint
//	proto, flow_id, community_id  connection_info.protocol_name and .protocol_num, .uid, .community_uid
//	tcp.tcp_flags                 connection_info.tcp_flags
//	flow.start, flow.end          start_time, end_time in ms
//	flow.bytes_toserver, pkts_…   traffic.bytes_out, .packets_out; …_toclient is bytes_in, packets_in; their sums are bytes, packets
//	app_proto                     app_protocol_name; where a record of a protocol has none, its event_type
//	http                          http_request, http_response; the part of url behind the question mark is url.query_string
//	tls                           tls: version, sni, certificate, ja3_hash, ja3s_hash; ja4_fingerprint_list
//	ssh                           fingerprints of src_endpoint and dst_endpoint (HASSH)
//	fileinfo, files               file: name, path, size, hashes
//
// A finding has no endpoints of its own: what says where and how stands in evidences[0], under the same names. Of an alert:
//
//	alert.signature               finding_info.title, finding_info.analytic.name, message
//	alert.signature_id            finding_info.analytic.uid, as text; alert.rev is its version
//	alert.category                finding_info.analytic.category
//	alert.severity                severity_id: 1 is High, 2 Medium, 3 Low, any larger number Informational
//	alert.action                  action_id 1 Allowed or 2 Denied, disposition_id 1 Allowed or 2 Blocked
//	alert.metadata                mitre_… in finding_info.attacks[], cve in vulnerabilities[], confidence in confidence_id
//
// A record of a dropped packet names the signature in firewall_rule. Of the other classes, status_id is 2 where the record says that something failed: a drop, an error of SMB or of Kerberos, a DNS code other than NOERROR, an HTTP status from
// 400 on. Records other than alerts have no severity: Informational. A record has no id of its own: its uid is made of its place.
//
// Whatever is not named here stands under unmapped as it is, and so does a value that mapping changes.
package suricata
