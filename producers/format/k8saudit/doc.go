// Package k8saudit reads the audit events of Kubernetes (audit.k8s.io, v1 and the betas before it) into API Activity (6003): one event each
// for the members of an EventList, as webhooks deliver them. A record of Azure's diagnostic settings (AKS) holds the event as a text, in properties.log.
//
//	auditID                     api.request.uid
//	auditID, stage              metadata.uid, with a digest of the event
//	stage                       metadata.event_code
//	level                       metadata.log_level
//	apiVersion                  metadata.log_version
//	stageTimestamp              time in ms; requestReceivedTimestamp is start_time
//	verb                        api.operation; activity: create (and post) is Create, get, list and watch Read, update, patch and put
//	                            Update, delete and deletecollection Delete, any other one Other with the verb as its name
//	objectRef                   resources[0]: name, namespace, uid, type (pods, or pods/exec of a subresource); a request for all of a
//	                            kind is about a resource with the name of the kind
//	objectRef.apiGroup          api.group.name; objectRef.apiVersion is api.version
//	requestObject               api.request.data, whole; responseObject is api.response.data
//	requestURI                  http_request.url.path, .query_string
//	responseStatus              http_response.code and api.response.code, status_code; of a request that failed message and reason are
//	                            api.response.error_message and .error, and status_detail
//	user                        actor.user: name, uid, groups[]; type_id 4 Service of a service account, 3 System of other system: names
//	user.extra                  EKS: arn is actor.user.uid_alt, accessKeyId actor.session.credential_uid, sessionName actor.session.uid
//	sourceIPs                   src_endpoint.ip is the first, intermediate_ips are the others
//	userAgent                   http_request.user_agent
//	annotations                 authorization.k8s.io/decision and /reason: actor.authorizations[0], action_id, disposition_id
//
// Everything else stands under unmapped, and so do objectRef's name and resource, whose places may hold something else. So impersonatedUser: actor is who really made the request.
//
// status_id is 2 where responseStatus has a code from 400 on or says Failure, where the decision is forbid, and for the stage Panic; it is 0
// where a stage before the response says nothing yet. Kubernetes has no severities: Informational.
//
// Clients may choose the auditID, and all source addresses but the last. So the auditID alone is no identity: whoever gives many requests the
// same one would have all but the first ignored as repetitions. And who blocks by address blocks the last one, not the first, wherever clients
// reach the API server other than through a proxy that sets the header anew.
package k8saudit
