// Package waf reads the logs of AWS WAF into HTTP Activity (4002).
//
//	timestamp                            time: milliseconds since 1970, or RFC 3339
//	action                               ALLOW is action_id 1 Allowed, disposition_id 1; BLOCK 2 Denied, 2 Blocked; COUNT and EXCLUDED_AS_COUNT
//	                                     3 Observed, 20 Count; CAPTCHA and CHALLENGE, which end a request, 2 Denied, 22 and 23; status_id is 2
//	                                     for what was denied
//	terminatingRuleId, -Type             firewall_rule.uid, .type; .name is the rule in the group that decided, else terminatingRuleId
//	terminatingRuleMatchDetails          firewall_rule.condition, .match_location, .sensitivity of the first, .match_details of all
//	rateBasedRuleList                    firewall_rule.rate_limit, where one of them decided
//	webaclId                             policy.uid, and its name in .name; cloud.region, cloud.account.uid
//	httpRequest.clientIp, .country       src_endpoint.ip, .location.country
//	clientAsn                            src_endpoint.autonomous_system.number
//	ja3Fingerprint                       src_endpoint.fingerprints[]: OCSF has tls.ja3_hash only beside a version, which WAF does not log
//	ja4Fingerprint                       ja4_fingerprint_list[]
//	httpRequest.headers                  http_request.http_headers[]; user-agent, referer, x-forwarded-for and host in their own places too
//	httpRequest.httpMethod, .httpVersion http_request.http_method, .version
//	httpRequest.uri, .args, .scheme, .host  http_request.url
//	httpRequest.requestId                http_request.uid, of which a client may have chosen parts: metadata.uid is not made of it
//	requestBodySize                      http_request.body_length
//	responseCodeSent, captchaResponse,   http_response.code, the first that is there
//	challengeResponse
//	captchaResponse.failureReason, …     status_detail
//	labels                               metadata.labels[]
//	httpSourceName, httpSourceId         dst_endpoint.svc_name, .uid; of a load balancer also the account
//	formatVersion                        metadata.log_version
//
// Whatever is not named here stands under unmapped: ruleGroupList, nonTerminatingMatchingRules, requestHeadersInserted and so on.
package waf
