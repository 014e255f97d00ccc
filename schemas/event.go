package schemas

import (
	"strconv"
	"time"

	"github.com/riposte-security/riposte/schemas/jsontext"
)

// Version is the version of OCSF that every event claims in metadata.version.
const Version = "1.8.0"

// OCSF 1.8.0 class uids that riposte produces, see https://schema.ocsf.io/1.8.0/classes.
const (
	ClassBase                 = 0
	ClassFileSystemActivity   = 1001
	ClassProcessActivity      = 1007
	ClassVulnerabilityFinding = 2002
	ClassComplianceFinding    = 2003
	ClassDetectionFinding     = 2004
	ClassAccountChange        = 3001
	ClassAuthentication       = 3002
	ClassEntityManagement     = 3004
	ClassUserAccess           = 3005
	ClassGroupManagement      = 3006
	ClassNetworkActivity      = 4001
	ClassHTTPActivity         = 4002
	ClassDNSActivity          = 4003
	ClassCloudResources       = 5023
	ClassAPIActivity          = 6003
	ClassDatastoreActivity    = 6005
	ClassRemediationActivity  = 7001
)

// An Event is one OCSF event in its encoded form, with the few facts beside it that the stages need without decoding it.
type Event struct {
	// Data is the event as one JSON object. It is never changed in place.
	Data []byte
	// UID is metadata.uid: the identity of the event. The same record always gives the same uid.
	UID string
	// Key is the Kafka key: the first of resources[0].uid, actor.user.uid, src_endpoint.ip, metadata.uid. Nothing relies on it.
	Key string
	// Class is class_uid.
	Class int
	// Time is the event's own time (field time, milliseconds since the epoch, UTC).
	Time time.Time
	// Source is who vouches for the event: the CloudEvents source of the message (ce_source), empty where there was none.
	Source string
	// Cause is the id of the command that led to this event (header riposte_cause), empty where there was none.
	Cause string
	// Replay says who had the event come again, and when (header riposte_replay); empty for one that comes by itself.
	Replay string
	// Trace is the W3C traceparent that came with the message, empty where there was none.
	Trace string

	members []jsontext.Member
	walked  walked
}

// Members are where the members of Data stand, in their order, and the marks of Data; nil where that is not known, as after Data was changed.
func (e Event) Members() ([]jsontext.Member, jsontext.Marks) {
	if len(e.Data) == 0 || len(e.Data) != len(e.walked.text) || &e.Data[0] != &e.walked.text[0] {
		return nil, nil
	}
	return e.members, e.walked.marks
}

// ClassName is OCSF's name of a class: api_activity for 6003. A class that riposte does not produce is named class_N.
func ClassName(uid int) string {
	switch uid {
	case ClassBase:
		return "base_event"
	case ClassFileSystemActivity:
		return "file_activity"
	case ClassProcessActivity:
		return "process_activity"
	case ClassVulnerabilityFinding:
		return "vulnerability_finding"
	case ClassComplianceFinding:
		return "compliance_finding"
	case ClassDetectionFinding:
		return "detection_finding"
	case ClassAccountChange:
		return "account_change"
	case ClassAuthentication:
		return "authentication"
	case ClassEntityManagement:
		return "entity_management"
	case ClassUserAccess:
		return "user_access"
	case ClassGroupManagement:
		return "group_management"
	case ClassNetworkActivity:
		return "network_activity"
	case ClassHTTPActivity:
		return "http_activity"
	case ClassDNSActivity:
		return "dns_activity"
	case ClassCloudResources:
		return "cloud_resources_inventory_info"
	case ClassAPIActivity:
		return "api_activity"
	case ClassDatastoreActivity:
		return "datastore_activity"
	case ClassRemediationActivity:
		return "remediation_activity"
	}
	return "class_" + strconv.Itoa(uid)
}
