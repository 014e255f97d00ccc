// Package route53 reads what Amazon Route 53 logs of DNS queries into DNS Activity (4003): the query logs of VPC Resolver with the verdicts of
// DNS Firewall, the events that DNS Firewall sends to EventBridge, and the query logs of public hosted zones. A record that is a JSON object
// is one of the first two; any other is a line of the third.
//
// Resolver; EventBridge writes the names with hyphens (query-name):
//
//	query_timestamp                time in ms; of an event last-observed-at
//	query_name                     query.hostname in small letters without the dot of the root; query_type and query_class are its type, class
//	answers                        answers[]: rdata, type, class
//	rcode                          rcode_id with its caption
//	transport                      connection_info.protocol_name and .protocol_num; DOH and DOT are app_protocol_name
//	srcaddr, srcport               src_endpoint.ip, .port; vpc_id is vpc_uid
//	srcids.instance                src_endpoint.instance_uid, device.instance_uid (resources of an event)
//	srcids.resolver_endpoint       src_endpoint.uid
//	srcids.resolver_network_…      src_endpoint.interface_uid
//	firewall_rule_action           ALLOW and ALERT: action_id 1 Allowed, disposition_id 1 Allowed and 19 Alert; BLOCK: action_id 2 Denied,
//	                               disposition_id 2 Blocked. ALERT and BLOCK have is_alert
//	firewall_rule_group_id         firewall_rule.uid; firewall_domain_list_id is match_details[0]
//	firewall_protection            firewall_rule.category
//	account_id, region             cloud.account.uid, cloud.region; where they are missing, what the container says
//	version                        metadata.log_version
//
// Public hosted zones, by position:
//
//	version, timestamp             metadata.log_version, time in ms
//	hosted zone id                 unmapped.hosted_zone_id
//	name, type, rcode              as above
//	protocol                       as transport
//	edge location                  dst_endpoint.zone
//	resolver's address             src_endpoint.ip
//	EDNS client subnet             unmapped.edns_client_subnet
//
// A hyphen in a line is absent. Both sides of an exchange stand in one record: activity_id is 6 Traffic. status_id is 2 where rcode is not
// NOERROR, or where the firewall blocked. There are no severities: Informational. Values that mapping changes also stand under unmapped.
package route53
