package config

import (
	"errors"
	"strings"
	"time"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

const nonCompliant = "NON_COMPLIANT"

// compliance writes a change of compliance.
func (r *record) compliance() (schemas.Event, error) {
	d, m := &r.Doc, r.message
	rule, id := d.Get(m, "configRuleName"), d.Get(m, "resourceId")
	switch {
	case d.Str(rule) == "":
		return schemas.Event{}, errors.New("ComplianceChangeNotification: configRuleName is missing")
	case d.Str(id) == "":
		return schemas.Event{}, errors.New("ComplianceChangeNotification: resourceId is missing")
	}
	result := d.Get(m, "newEvaluationResult")
	verdict := d.Get(result, "complianceType")
	t, err := r.eventTime("resultRecordedTime", d.Get(result, "resultRecordedTime"))
	if err != nil {
		return schemas.Event{}, err
	}
	before := d.Str(d.Path(m, "oldEvaluationResult", "complianceType"))
	activity, name := change(before, d.Str(verdict))
	r.Begin(schemas.ClassComplianceFinding, activity, name, t)
	r.Severity(0) // Config has none
	if d.Str(verdict) == nonCompliant {
		r.Str("status", "New")
		r.Int("status_id", 1)
	} else {
		r.Str("status", "Resolved")
		r.Int("status_id", 4)
	}
	r.writeMetadata(d.Get(m, "recordVersion"))
	r.writeCloud(d.Get(m, "awsAccountId"), d.Get(m, "awsRegion"))
	r.writeCompliance(rule, verdict, d.Get(result, "annotation"))
	r.writeFinding(rule, id, d.Get(result, "annotation"), t)
	list := r.List("resources")
	at := r.Open("")
	r.MoveSeen("uid", id, ocsfjson.ResourceUID, "resources[0].uid")
	r.Copy("name", id)
	r.Move("type", d.Get(m, "resourceType"))
	r.Close(at)
	r.Close(list)
	r.KeyResource = strings.Clone(d.Str(id))
	return r.Finish(schemas.ClassComplianceFinding, r.uid, t), nil
}

// change gives the activity for the result before and after.
func change(before, after string) (int, string) {
	switch {
	case before == "":
		return 1, "Create"
	case before == nonCompliant && after != nonCompliant:
		return 3, "Close"
	}
	return 2, "Update"
}

func (r *record) writeCompliance(rule, verdict, annotation node) {
	at := r.Open("compliance")
	r.Copy("control", rule)
	r.Move("status_code", verdict)
	switch r.Doc.Str(verdict) {
	case nonCompliant:
		r.Str("status", "Fail")
		r.Int("status_id", 3)
	case "COMPLIANT":
		r.Str("status", "Pass")
		r.Int("status_id", 1)
	default: // NOT_APPLICABLE, INSUFFICIENT_DATA; none at all once the resource is gone
		r.Str("status", "Other")
		r.Int("status_id", 99)
	}
	if r.Doc.Str(annotation) != "" {
		list := r.List("status_details")
		r.B = append(r.B, r.Doc.Raw(annotation)...)
		r.Close(list)
	}
	r.Close(at)
}

// writeFinding writes finding_info. Its uid is the same for every change of one rule and resource.
func (r *record) writeFinding(rule, id, annotation node, t time.Time) {
	d := &r.Doc
	arn := d.Get(r.message, "configRuleARN")
	at := r.Open("finding_info")
	r.Str("uid", schemas.DerivedUID(d.Str(arn)+"\n"+d.Str(rule), d.Str(d.Get(r.message, "resourceType")), d.Str(id)))
	r.Copy("title", rule)
	r.Move("desc", annotation)
	r.Int("modified_time", t.UnixMilli())
	in := r.Open("analytic")
	r.Move("name", rule)
	if r.Move("uid", arn) {
		r.Observe(ocsfjson.ResourceUID, "finding_info.analytic.uid", arn)
	}
	r.Str("type", "Rule")
	r.Int("type_id", 1)
	r.Close(in)
	r.Close(at)
}
