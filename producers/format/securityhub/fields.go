package securityhub

import "github.com/riposte-security/riposte/producers/format/ocsfjson"

// fields are the members of a finding in ASFF that the mapping names.
type fields struct {
	id, schemaVersion, productArn, productName, companyName, generatorID, accountID, accountName, regionName, types, createdAt, updatedAt,
	firstObservedAt, lastObservedAt, severityOf, confidence, title, description, remediation, sourceURL, productFields, malwareList, network,
	processOf, threats, indicators, resources, compliance, workflow, workflowState, recordState, relatedFindings, note, vulnerabilities,
	actionOf node
}

func (f *fields) lookup(d *ocsfjson.Doc) {
	const none = ocsfjson.None
	*f = fields{
		none, none, none, none, none, none, none, none, none, none, none, none, none, none, none, none, none, none, none, none,
		none, none, none, none, none, none, none, none, none, none, none, none, none, none, none,
	}
	for c := d.First(d.Root()); c >= 0; c = d.Next(c) {
		if p := f.member(d.RawKey(c)); p != nil {
			*p = c
		}
	}
}

func (f *fields) member(name string) *node {
	switch name {
	case "Id":
		return &f.id
	case "SchemaVersion":
		return &f.schemaVersion
	case "ProductArn":
		return &f.productArn
	case "ProductName":
		return &f.productName
	case "CompanyName":
		return &f.companyName
	case "GeneratorId":
		return &f.generatorID
	case "AwsAccountId":
		return &f.accountID
	case "AwsAccountName":
		return &f.accountName
	case "Region":
		return &f.regionName
	case "Types":
		return &f.types
	case "CreatedAt":
		return &f.createdAt
	case "UpdatedAt":
		return &f.updatedAt
	case "FirstObservedAt":
		return &f.firstObservedAt
	case "LastObservedAt":
		return &f.lastObservedAt
	case "Severity":
		return &f.severityOf
	case "Confidence":
		return &f.confidence
	case "Title":
		return &f.title
	case "Description":
		return &f.description
	case "Remediation":
		return &f.remediation
	case "SourceUrl":
		return &f.sourceURL
	}
	return f.details(name)
}

func (f *fields) details(name string) *node {
	switch name {
	case "ProductFields":
		return &f.productFields
	case "Malware":
		return &f.malwareList
	case "Network":
		return &f.network
	case "Process":
		return &f.processOf
	case "Threats":
		return &f.threats
	case "ThreatIntelIndicators":
		return &f.indicators
	case "Resources":
		return &f.resources
	case "Compliance":
		return &f.compliance
	case "Workflow":
		return &f.workflow
	case "WorkflowState":
		return &f.workflowState
	case "RecordState":
		return &f.recordState
	case "RelatedFindings":
		return &f.relatedFindings
	case "Note":
		return &f.note
	case "Vulnerabilities":
		return &f.vulnerabilities
	case "Action":
		return &f.actionOf
	}
	return nil
}
