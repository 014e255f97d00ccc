// Package cloudtrail reads AWS CloudTrail records: management, data, Insights, network-activity and aggregated events, console sign-in, and
// events of services themselves; each as it is, as the detail of an EventBridge event, or as the CloudTrailEvent of an answer of LookupEvents.
//
// A record becomes one event of the class that its service and operation ask for:
//
//	IAM: users, login profiles, MFA devices in use           Account Change 3001          user
//	IAM: access keys and other credentials, virtual MFA      Entity Management 3004       entity
//	     devices, managed policies, trust policies
//	IAM: policies and boundaries of users and roles          User Access Management 3005  user, privileges[]
//	IAM: groups, their members and policies                  Group Management 3006        group, user, privileges[]
//	sign-in: ConsoleLogin; STS: AssumeRole…, GetSessionToken Authentication 3002          user, is_mfa, service, session
//	S3: objects; DynamoDB: items                             Datastore Activity 6005      databucket, table
//	everything else (reading IAM and roles as well)          API Activity 6003            resources[]
//
// A record that lacks what such a class demands is API Activity. A refused change in IAM, whose parameters CloudTrail leaves out, keeps its class: whom or
// what it was aimed at is taken from the words of the error, and where they do not say, the user is somebody of the account and privileges is empty.
//
// In every class the same members say the same, so that a rule on the call needs no class:
//
//	eventTime                time in ms; the text under unmapped
//	eventID                  metadata.uid
//	eventType                metadata.event_code
//	eventVersion             metadata.log_version
//	eventCategory            metadata.product.feature.name
//	sharedEventID            metadata.correlation_uid
//	awsRegion                cloud.region
//	recipientAccountId       cloud.account.uid, else userIdentity.accountId, else what the source knows
//	eventSource              api.service.name
//	eventName                api.operation
//	requestID                api.request.uid, else eventID
//	requestParameters        api.request.data, whole
//	responseElements         api.response.data, whole
//	errorCode                api.response.error and status_code
//	errorMessage             api.response.error_message and status_detail
//	userIdentity.arn         actor.user.uid
//	userIdentity.userName    actor.user.name, else sessionIssuer.userName
//	userIdentity.principalId actor.user.uid_alt
//	userIdentity.type        actor.user.type
//	userIdentity.accountId   actor.user.account.uid
//	  onBehalfOf.userId      actor.user.uid where there is no ARN (IAM Identity Center)
//	userIdentity.accessKeyId actor.session.credential_uid, else userIdentity.credentialId
//	  sessionIssuer.arn      actor.session.issuer
//	  creationDate           actor.session.created_time in ms; the text under unmapped
//	  mfaAuthenticated       actor.session.is_mfa as a boolean; the text under unmapped
//	userIdentity.invokedBy   actor.app_name
//	sourceIPAddress          src_endpoint.ip; of an AWS service src_endpoint.svc_name; else src_endpoint.name
//	vpcEndpointId            src_endpoint.uid
//	userAgent                http_request.user_agent
//	resources[].ARN          resources[].uid, in classes that have resources (6003, 3005); else under unmapped
//
// status_id is 2 where the record has an error, or where a sign-in says "Failure"; 0 for Insights and aggregated events, which tell of many calls; else 1.
// An aggregated event has no eventName: its eventType stands as the operation, and the start of its window is its time.
// Where a place in the event can come from several members (the ARN, the name and the credential of who acts, the account, invokedBy,
// a sourceIPAddress that is no address), what the record says stands under unmapped as well, so that a rule can tell them apart.
// All other members stand under unmapped as they are: readOnly, managementEvent, additionalEventData, tlsDetails, serviceEventDetails,
// insightDetails and so on.
package cloudtrail
