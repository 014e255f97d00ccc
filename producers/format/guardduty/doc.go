// Package guardduty reads the findings of Amazon GuardDuty: as EventBridge sends them, as the export to S3 has them, and as GetFindings
// answers, with names in capitals and several in a list. Each becomes a Detection Finding (2004):
//
//	id                               finding_info.uid; with updatedAt metadata.uid, so that an update is an event of its own
//	arn                              finding_info.uid_alt
//	type                             finding_info.types[0], metadata.event_code; a tactic of ATT&CK in it: finding_info.attacks[]
//	title, description               finding_info.title, .desc
//	severity                         severity_id: 2 Low from 1, 3 Medium from 4, 4 High from 7, 5 Critical from 9; the number under unmapped
//	updatedAt                        time, finding_info.modified_time in ms; the text under unmapped
//	createdAt                        finding_info.created_time in ms; the text under unmapped
//	accountId, region, partition     cloud
//	service.eventFirstSeen, LastSeen start_time, end_time, finding_info.first_seen_time, last_seen_time; the texts under unmapped
//	service.count                    count
//	service.archived                 activity 3 Close and status_id 5 Archived; else activity 2 Update where updatedAt is not createdAt
//	service.featureName              metadata.product.feature.name
//	resource.accessKeyDetails        actor.user, actor.session.credential_uid
//	resource.kubernetesDetails       actor.user of the Kubernetes user; the workload in resources[]
//	resource.*Details                resources[], that of resourceType first, its details whole in data. Types are those of AWS Config
//	                                 (AWS::EC2::Instance); the ARN of an instance is built of account, region and id
//	affectedResources                resources[] of role 3 Affected
//	service.ebsVolumeScanDetails,    malware[], malware_scan_info
//	  malwareScanDetails
//	service.detection.sequence       signals: finding_info.related_events[]; tactics and techniques: finding_info.attacks[]; actors and
//	                                 endpoints: evidences[]; resources: resources[]
//
// The evidences are made of service.action and service.runtimeDetails:
//
//	AWS_API_CALL           api (operation, service, error), src_endpoint, actor, http_request.user_agent; api beside evidences as well
//	KUBERNETES_API_CALL    api (verb, status code), url.path, src_endpoint, actor
//	NETWORK_CONNECTION     src_endpoint, dst_endpoint, connection_info: the remote side is the source unless the direction is OUTBOUND
//	PORT_PROBE             one for each port
//	DNS_REQUEST            query.hostname
//	RDS_LOGIN_ATTEMPT      one for each user: user, database, src_endpoint
//	runtime                process with file, hash, user and parent; file in question; container
//	S3 objects             databucket.file with hash
//
// Of the remote side: country in location is a code of two letters, a country's name is location.desc; asn becomes a number. All else
// stands under unmapped as it is, in the case of letters that it came in; what an EventBridge event says of a finding under
// unmapped.envelope.
package guardduty
