// Package s3access reads server access logs of S3, as lines and as the JSON that CloudWatch Logs is given: requests for objects, which are
// those with a key and those whose operation ends with .OBJECT, into Datastore Activity (6005), all others into HTTP Activity (4002).
//
//	time                           time, in ms
//	bucket                         databucket.name, and its ARN in .uid; in 4002 dst_endpoint.name
//	key                            databucket.file.name and .path, with the percent-encoding of the log undone
//	object_size, version_id        databucket.file.size, .version
//	remote_ip                      src_endpoint.ip; without one the service itself is src_endpoint.svc_name
//	requester                      actor.user: an ARN is its uid, name and account; a canonical id is its uid; none is the name anonymous;
//	                               a service (svc:…, AmazonS3) is actor.app_name; the session of a role is actor.session.uid
//	operation, request_id          api.operation, api.request.uid, http_request.uid
//	request_uri                    http_request.http_method, .version, .url
//	user_agent, referer            http_request.user_agent, .referrer
//	http_status, error_code        http_response.code, api.response.error; status_code is the error, else the status; status_id is 2 with an
//	                               error or from 400 on, and 1 for what S3 does by itself, which has no status
//	bytes_sent                     http_response.body_length
//	total_time, turn_around_time   duration, http_response.latency, in ms as they are
//	host_header                    dst_endpoint.hostname; its endpoint tells the region
//	tls_version, cipher_suite      tls.version, .cipher in 4002
//	access_point_arn               cloud.region, cloud.account.uid; observable
//
// The account is that of the access point, else the one that the container tells: the log has the owner's canonical id alone. In 6005 the
// activity is 1 Read (GET, HEAD), 5 Write (PUT, POST, COPY of objects and parts), 2 Update (of tags, ACLs and the like), 7 Delete, 8 List, else 99 and
// the operation's name. Fields behind the ones known stand under unmapped as field_N.
package s3access
