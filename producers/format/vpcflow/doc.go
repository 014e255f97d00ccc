// Package vpcflow reads VPC and transit gateway flow logs, versions 2 to 11, into Network Activity (4001).
//
// The order of the fields is that of the header line (attribute "header" of the record), else that of the setting `fields`, else the
// default of version 2, or that of transit gateways where the second word is a resource type of theirs. Names may be written with hyphens or
// underscores, and as ${name}. A field that the table does not know, such as those of ECS tasks or of the next hop, stands under unmapped
// with its own name; `-` is absent.
//
//	version                          metadata.log_version
//	account-id, region, az-id        cloud.account.uid, cloud.region, cloud.zone
//	srcaddr, dstaddr                 src_endpoint.ip, dst_endpoint.ip
//	srcport, dstport                 src_endpoint.port, dst_endpoint.port
//	pkt-srcaddr, pkt-dstaddr         src_endpoint.intermediate_ips[], dst_endpoint.intermediate_ips[]
//	pkt-src-aws-service, pkt-dst-…   src_endpoint.svc_name, dst_endpoint.svc_name
//	protocol, tcp-flags, type        connection_info.protocol_num, .tcp_flags, .protocol_ver
//	flow-direction, traffic-path     connection_info.direction_id, .boundary_id
//	packets, bytes                   traffic.packets, traffic.bytes
//	start, end                       start_time (and time), end_time, in ms
//	action                           action_id 1 Allowed or 2 Denied, disposition_id 1 Allowed or 2 Blocked; ACCEPT is activity 6 Traffic with
//	                                 status_id 1, REJECT is activity 5 Refuse with status_id 2
//	log-status                       status_code; NODATA and SKIPDATA have activity 99 and status_id 99
//	reject-reason                    status_detail
//	interface-id, instance-id,       interface_uid, instance_uid, vpc_uid, subnet_uid of the endpoint whose interface logged the flow: the
//	vpc-id, subnet-id                destination of ingress, the source of egress. Where flow-direction is not told, it is the one endpoint
//	                                 with a private address; where that does not tell either, they stand under unmapped. Without any
//	                                 address (NODATA, SKIPDATA) the interface is the source endpoint
//	tgw-src-eni, -vpc-id, -subnet-id src_endpoint.interface_uid, .vpc_uid, .subnet_uid; tgw-dst-… likewise
//
// Numbers, times, directions and actions stand verbatim under unmapped as well, since mapping changes them.
package vpcflow
