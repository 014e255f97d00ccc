// Package cloudfront reads the access logs of CloudFront into HTTP Activity (4002): standard logs as files with a #Fields line (of both
// generations), standard logs (v2) as JSON, and real-time logs.
//
// The order of the fields is that of the header line (attribute "header" of the record), else that of the setting `fields`, else that of
// standard logs, or, where a line begins with seconds since 1970, that of a real-time configuration with all of its first 45 fields. Names are
// the same in all of them but for spelling: cs(User-Agent) and cs-user-agent are one field. A field that the mapping does not know stands under
// unmapped with its own name; `-` is absent in lines. What CloudFront has percent-encoded is decoded once in the event (a user agent that was
// encoded twice, as it used to be, twice), and stands under unmapped as it was logged.
//
//	date and time, timestamp, timestamp(ms)  time, in ms
//	c-ip, c-port, c-country, asn             src_endpoint.ip, .port, .location.country, .autonomous_system.number
//	x-forwarded-for                          http_request.x_forwarded_for[]
//	cs(Host), x-host-header                  dst_endpoint.hostname; http_request.url.hostname is the latter
//	DistributionId, primary-distribution-id  dst_endpoint.uid
//	cs-method, cs-protocol-version           http_request.http_method, .version
//	cs-protocol, cs-uri-stem, cs-uri-query   http_request.url.scheme, .path, .query_string, and together .url_string
//	cs(User-Agent), cs(Referer)              http_request.user_agent, .referrer
//	cs-bytes, sc-bytes                       http_request.length, http_response.length; traffic.bytes_out, .bytes_in (as the client sees it)
//	sc-status                                http_response.code, status_code; status_id is 2 from 400 on, and for 000 (the client was gone)
//	sc-content-type, sc-content-len          http_response.content_type, .body_length
//	time-taken, time-to-first-byte           duration, http_response.latency, in ms
//	x-edge-request-id                        http_request.uid
//	x-edge-detailed-result-type              status_detail
//	ssl-protocol, ssl-cipher                 tls.version, .cipher
//	cs-protocol                              app_protocol_name
//
// Account and region are those that the container tells: the log has neither.
package cloudfront
