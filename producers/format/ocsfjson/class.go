package ocsfjson

import (
	"strconv"

	"github.com/riposte-security/riposte/schemas"
)

// className gives OCSF's captions of a class and its category.
func className(class int) (name string, category int, categoryName string) {
	switch class {
	case schemas.ClassBase:
		return "Base Event", 0, "Uncategorized"
	case schemas.ClassFileSystemActivity:
		return "File System Activity", 1, "System Activity"
	case schemas.ClassProcessActivity:
		return "Process Activity", 1, "System Activity"
	case schemas.ClassVulnerabilityFinding:
		return "Vulnerability Finding", 2, "Findings"
	case schemas.ClassComplianceFinding:
		return "Compliance Finding", 2, "Findings"
	case schemas.ClassDetectionFinding:
		return "Detection Finding", 2, "Findings"
	case schemas.ClassAccountChange:
		return "Account Change", 3, "Identity & Access Management"
	case schemas.ClassAuthentication:
		return "Authentication", 3, "Identity & Access Management"
	case schemas.ClassEntityManagement:
		return "Entity Management", 3, "Identity & Access Management"
	case schemas.ClassUserAccess:
		return "User Access Management", 3, "Identity & Access Management"
	case schemas.ClassGroupManagement:
		return "Group Management", 3, "Identity & Access Management"
	case schemas.ClassNetworkActivity:
		return "Network Activity", 4, "Network Activity"
	case schemas.ClassHTTPActivity:
		return "HTTP Activity", 4, "Network Activity"
	case schemas.ClassDNSActivity:
		return "DNS Activity", 4, "Network Activity"
	case schemas.ClassCloudResources:
		return "Cloud Resources Inventory Info", 5, "Discovery"
	case schemas.ClassAPIActivity:
		return "API Activity", 6, "Application Activity"
	case schemas.ClassDatastoreActivity:
		return "Datastore Activity", 6, "Application Activity"
	case schemas.ClassRemediationActivity:
		return "Remediation Activity", 7, "Remediation"
	}
	return "Class " + strconv.Itoa(class), class / 1000, ""
}
