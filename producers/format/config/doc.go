// Package config reads what AWS Config says: configuration items, one by one as a snapshot has them or in notifications, and changes of
// compliance. A notification may come as it is, as an EventBridge event, or as the invokingEvent string of a call to a rule's Lambda.
//
// A configuration item, and the summary of an oversized one, becomes Cloud Resources Inventory Info (5023); activity 1 Log for a
// notification, 2 Collect for an item of a snapshot:
//
//	ARN (arn)                       resources[0].uid, else resourceId
//	resourceId                      resources[0].uid_alt
//	resourceName                    resources[0].name, else resourceId
//	resourceType                    resources[0].type
//	configuration                   resources[0].data; where it is a string of JSON, opened there and verbatim under unmapped
//	tags                            resources[0].tags[]
//	availabilityZone                resources[0].zone
//	resourceCreationTime            resources[0].created_time in ms; the text under unmapped
//	configurationItemStatus         status_code (OK, ResourceDiscovered, ResourceDeleted …)
//	configurationItemCaptureTime    time in ms; the text under unmapped
//	awsAccountId (accountId)        cloud.account.uid
//	awsRegion                       cloud.region
//	configurationItemVersion        metadata.log_version
//	messageType                     metadata.event_code
//
// A ComplianceChangeNotification becomes a Compliance Finding (2003):
//
//	configRuleName                  compliance.control, finding_info.title, finding_info.analytic.name
//	configRuleARN                   finding_info.analytic.uid
//	complianceType (new)            compliance.status_code; compliance.status_id is 3 Fail for NON_COMPLIANT, 1 Pass for COMPLIANT, else 99
//	annotation (new)                compliance.status_details[0], finding_info.desc
//	resourceId                      resources[0].uid and .name
//	resourceType                    resources[0].type
//	resultRecordedTime (new)        time and finding_info.modified_time in ms; the text under unmapped
//
// Its activity is 1 Create where there was no result before, 3 Close where NON_COMPLIANT has ended, else 2 Update; status_id is 1 New while
// the resource is not compliant, else 4 Resolved.
//
// Other notifications (scheduled calls, deliveries) become 5023 with activity 99 and the messageType as its name. Whatever is not named
// here stands under unmapped: relationships, relatedEvents, supplementaryConfiguration, configurationItemDiff, ruleParameters and so on.
package config
