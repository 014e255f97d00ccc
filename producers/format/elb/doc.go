// Package elb reads the logs of Elastic Load Balancing: access logs of Application and Classic Load Balancers into HTTP Activity (4002),
// access logs of Network Load Balancers, connection and health check logs of Application Load Balancers and TCP listeners of Classic ones into
// Network Activity (4001). Which of them a line is, its content tells: the type in front (http, https, h2, grpcs, ws, wss; tls) or, where a line begins
// with its time, whether an address follows. Lines of all versions are read; fields behind the ones known stand under unmapped as field_N.
//
//	client:port (client_ip, client_port)   src_endpoint.ip, .port
//	target:port, backend:port              load_balancer.dst_endpoint.ip, .port; several of target:port_list: .endpoint_connections
//	destination:port                       dst_endpoint.ip, .port
//	elb                                    load_balancer.uid, and its name in .name; of a Classic one .name alone
//	request                                http_request.http_method, .version, and .url in its parts; dst_endpoint.hostname, .port
//	target_addr, status, reason_code       of health checks: dst_endpoint, status_id (2 where it is FAIL), status_detail
//	user_agent                             http_request.user_agent, with \xHH decoded
//	trace_id, conn_trace_id                http_request.uid, connection_info.uid
//	elb_status_code                        http_response.code, status_code; status_id is 2 from 400 on, and 0 without any
//	received_bytes, sent_bytes             traffic.bytes_out, .bytes_in (as seen from the client), http_request.length, http_response.length
//	…_processing_time                      duration is their sum in ms, http_response.latency that of the target; -1 is absent
//	connection_time                        duration (already ms)
//	request_creation_time,                 start_time in ms
//	tls_connection_creation_time
//	ssl_protocol, ssl_cipher, tls_…        tls.version, .cipher; tls.handshake_dur in ms, .alert
//	domain_name                            tls.sni
//	type, alpn_fe_protocol                 app_protocol_name
//	actions_executed                       ends with waf: action_id 2 Denied, disposition_id 2 Blocked
//	error_reason, classification, …_reason load_balancer.error_message, .classification, .status_detail
//	tls_verify_status                      status_code; Failed:… is activity 4 Fail with status_id 2
//	target_group_arn, chosen_cert_arn      cloud.account.uid and cloud.region; observables
//
// A TLS connection without a handshake time (NLB) and a TCP connection without a backend (Classic) have failed: activity 4, status_id 2.
// Texts that mapping changes (times, numbers, addresses with ports, the request) stand under unmapped as well.
package elb
