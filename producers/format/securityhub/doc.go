// Package securityhub reads findings of AWS Security Hub: in its own format, ASFF, and in OCSF, as the newer Security Hub sends them; one by
// one, in the detail of an EventBridge event, or several in a list (`Findings`, `findings`). Each finding is an event.
//
// A finding in OCSF is passed on as package ocsf does it; where it updates or closes a finding, its metadata.uid gets the time of the
// change behind an @, and stands itself in metadata.original_event_uid.
//
// A finding in ASFF becomes a Vulnerability Finding (2002) if it names vulnerabilities, a Compliance Finding (2003) if it is the result of a
// control (Compliance.Status), else a Detection Finding (2004):
//
//	Id                            finding_info.uid; with UpdatedAt metadata.uid, so that an update is an event of its own
//	Title, Description, Types     finding_info.title, .desc, .types
//	GeneratorId                   finding_info.analytic.uid
//	UpdatedAt                     time, finding_info.modified_time in ms; the text under unmapped
//	CreatedAt, FirstObservedAt,   finding_info.created_time, .first_seen_time, .last_seen_time; the texts under unmapped
//	  LastObservedAt
//	SourceUrl, RelatedFindings    finding_info.src_url, .related_events[]
//	Severity.Label                severity_id, else Severity.Normalized: 2 Low from 1, 3 Medium from 40, 4 High from 70, 5 Critical from 90
//	RecordState, Workflow.Status  status_id: 5 Archived; 1 New, 2 In Progress (NOTIFIED), 3 Suppressed, 4 Resolved; activity 3 Close for
//	                              ARCHIVED and RESOLVED, else 2 Update where UpdatedAt is not CreatedAt
//	AwsAccountId, AwsAccountName  cloud.account.uid, .name
//	Region                        cloud.region, else that of the first resource
//	ProductName, CompanyName,     metadata.product.name, .vendor_name, .uid
//	  ProductArn
//	Resources[]                   resources[]: Id uid, Type type, Region, Partition, Tags, Details data
//	AwsIamAccessKey (Details)     actor.user, actor.session.credential_uid
//	Remediation                   remediation; of a Vulnerability Finding in the first vulnerability
//	Note.Text                     comment
//	Confidence                    confidence_score
//
//	Compliance.Status             compliance.status_code; status_id 1 Pass, 2 Warning, 3 Fail, 99 for NOT_AVAILABLE
//	  SecurityControlId           compliance.control, else ControlId or RuleId of ProductFields
//	  AssociatedStandards         compliance.standards[], else StandardsArn of ProductFields
//	  RelatedRequirements         compliance.requirements[]
//	  StatusReasons               compliance.status_details[]
//
//	Vulnerabilities[]             vulnerabilities[]: Id is cve.uid if it begins with CVE-, else advisory.uid; scores, packages, code, fixes
//
//	Action                        evidences[], as package guardduty writes them; else action/… of ProductFields
//	Network, Process              evidences[0].src_endpoint, dst_endpoint, connection_info, process
//	Malware, Threats              malware[]
//
// Everything else stands under unmapped as it is: ProductFields, UserDefinedFields, FindingProviderFields, ThreatIntelIndicators and so on,
// and beside them what stands beside a list of findings (actionName); what an EventBridge event says of it under unmapped.envelope.
package securityhub
