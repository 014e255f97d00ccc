package cloudtrail

import (
	"strings"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

// Activities of API Activity.
const (
	apiCreate = 1
	apiRead   = 2
	apiUpdate = 3
	apiDelete = 4
	other     = 99
)

// apiPlan is API Activity, the class of everything that has no class of its own.
func (r *record) apiPlan() plan {
	activity := verb(r.operation)
	if r.many() {
		activity = other
	} else if activity == other && r.Doc.Raw(r.readOnly) == "true" {
		activity = apiRead
	}
	p := plan{class: schemas.ClassAPIActivity, activity: activity, write: (*record).writeResources}
	switch activity {
	case apiCreate:
		p.activityName = "Create"
	case apiRead:
		p.activityName = "Read"
	case apiUpdate:
		p.activityName = "Update"
	case apiDelete:
		p.activityName = "Delete"
	default:
		p.activityName = r.operation
	}
	return p
}

// verb gives the activity that the first word of an operation's name stands for. Batch and Admin come before the verb.
func verb(operation string) int {
	word, rest := firstWord(operation)
	for word == "Batch" || word == "Admin" || word == "Bulk" {
		word, rest = firstWord(rest)
	}
	switch word {
	case "Create", "Run", "Launch", "Allocate", "Register", "Issue", "Copy", "Import", "Clone", "Provision", "Purchase", "Request",
		"Upload", "Insert", "Build", "Initiate", "Open":
		return apiCreate
	case "Describe", "Get", "List", "Head", "Lookup", "Search", "Scan", "Query", "View", "Read", "Check", "Validate", "Verify", "Preview",
		"Estimate", "Simulate", "Filter", "Poll", "Receive", "Download", "Discover", "Detect", "Export", "Select", "Retrieve", "Is",
		"Evaluate", "Decode", "Decrypt", "Browse", "Count", "Show", "Fetch":
		return apiRead
	case "Update", "Modify", "Put", "Set", "Change", "Attach", "Detach", "Associate", "Disassociate", "Add", "Remove", "Enable", "Disable",
		"Start", "Stop", "Reboot", "Tag", "Untag", "Authorize", "Revoke", "Replace", "Reset", "Restore", "Apply", "Move", "Merge", "Upgrade",
		"Edit", "Rotate", "Activate", "Deactivate", "Suspend", "Resume", "Accept", "Reject", "Assign", "Unassign", "Configure", "Grant",
		"Increase", "Decrease", "Promote", "Rename", "Switch", "Extend", "Failover", "Lock", "Unlock", "Link", "Unlink", "Subscribe",
		"Unsubscribe", "Share", "Unshare", "Complete", "Swap", "Refresh", "Write", "Split", "Retry", "Pause":
		return apiUpdate
	case "Delete", "Terminate", "Deregister", "Release", "Destroy", "Purge", "Discard", "Cancel", "Drop", "Abort", "Withdraw", "Deprovision",
		"Close":
		return apiDelete
	}
	return other
}

// firstWord splits a name in camel case behind its first word. A run of capitals belongs to the word before it.
func firstWord(s string) (word, rest string) {
	for i := 1; i < len(s); i++ {
		if c := s[i]; c < 'a' || c > 'z' {
			return s[:i], s[i:]
		}
	}
	return s, ""
}

// param looks up a request parameter.
func (r *record) param(name string) node { return r.Doc.Get(r.requestParameters, name) }

// lastOf is the text behind the last separator.
func lastOf(s, sep string) string { return s[strings.LastIndex(s, sep)+1:] }

// arnOfType finds the ARN of the first of the record's resources that has that type.
func (r *record) arnOfType(kind string) node {
	d := &r.Doc
	if d.Kind(r.resources) != ocsfjson.Array {
		return ocsfjson.None
	}
	for c := d.First(r.resources); c >= 0; c = d.Next(c) {
		if d.Str(d.Get(c, "type")) == kind && d.Str(d.Get(c, "ARN")) != "" {
			return d.Get(c, "ARN")
		}
	}
	return ocsfjson.None
}
