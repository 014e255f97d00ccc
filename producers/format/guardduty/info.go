package guardduty

import (
	"fmt"
	"strings"

	"github.com/riposte-security/riposte/producers/format/eventbridge/envelope"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
)

// What follows writes what every finding has.

// millis writes a time of the record in ms; what is no time stays unmapped only.
func (r *finding) millis(name string, n node) {
	if t, ok, err := envelope.Time(&r.Doc, n); ok && err == nil {
		r.Int(name, t.UnixMilli())
	}
}

// integer moves a whole number.
func (r *finding) integer(name string, n node) {
	if _, ok := r.Doc.Int(n); ok {
		r.MoveAny(name, n)
	}
}

func (r *finding) writeTimes() {
	r.integer("count", r.get(r.service, "count"))
	r.millis("start_time", r.get(r.service, "eventFirstSeen"))
	r.millis("end_time", r.get(r.service, "eventLastSeen"))
	r.integer("confidence_score", r.get(r.root, "confidence"))
}

func (r *finding) writeMetadata() {
	at := r.Metadata(Name, "cloud", "host")
	r.Str("uid", r.uid)
	product := r.Open("product")
	r.Lit(`"name":"GuardDuty","vendor_name":"AWS"`)
	feature := r.Open("feature")
	r.Move("name", r.get(r.service, "featureName"))
	r.Close(feature)
	r.Close(product)
	r.Move("log_version", r.get(r.root, "schemaVersion"))
	r.Copy("event_code", r.get(r.root, "type"))
	r.Move("correlation_uid", r.get(r.root, "associatedAttackSequenceArn"))
	r.Close(at)
}

func (r *finding) writeCloud() {
	at := r.Open("cloud")
	r.Lit(`"provider":"AWS"`)
	r.MoveOr("region", r.get(r.root, "region"), r.region)
	r.Move("cloud_partition", r.get(r.root, "partition"))
	in := r.Open("account")
	if !r.MoveSeen("uid", r.get(r.root, "accountId"), ocsfjson.AccountUID, "cloud.account.uid") && r.account != "" {
		r.Str("uid", r.account)
		r.ObserveText(ocsfjson.AccountUID, "cloud.account.uid", r.account)
	}
	r.Close(in)
	r.Close(at)
}

func (r *finding) writeFindingInfo() error {
	for _, name := range []string{"createdAt", "updatedAt"} {
		if _, _, err := envelope.Time(&r.Doc, r.get(r.root, name)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	at := r.Open("finding_info")
	r.Move("uid", r.get(r.root, "id"))
	r.Move("uid_alt", r.get(r.root, "arn"))
	r.Move("title", r.get(r.root, "title"))
	r.Move("desc", r.get(r.root, "description"))
	kind := r.get(r.root, "type")
	r.Raw("types", "["+r.Doc.Raw(kind)+"]")
	r.Doc.Take(kind)
	r.millis("created_time", r.get(r.root, "createdAt"))
	r.millis("modified_time", r.get(r.root, "updatedAt"))
	r.millis("first_seen_time", r.get(r.service, "eventFirstSeen"))
	r.millis("last_seen_time", r.get(r.service, "eventLastSeen"))
	r.writeAttacks()
	r.writeSignals()
	r.Close(at)
	return nil
}

// tactic is the tactic of MITRE ATT&CK that a finding's type begins with, if it is one of those.
func tactic(purpose string) (name, uid string) {
	switch purpose {
	case "CredentialAccess":
		return "Credential Access", "TA0006"
	case "DefenseEvasion":
		return "Defense Evasion", "TA0005"
	case "Discovery":
		return "Discovery", "TA0007"
	case "Execution":
		return "Execution", "TA0002"
	case "Exfiltration":
		return "Exfiltration", "TA0010"
	case "Impact":
		return "Impact", "TA0040"
	case "InitialAccess":
		return "Initial Access", "TA0001"
	case "Persistence":
		return "Persistence", "TA0003"
	case "PrivilegeEscalation":
		return "Privilege Escalation", "TA0004"
	}
	return "", ""
}

func (r *finding) writeAttacks() {
	list := r.List("attacks")
	purpose, _, _ := strings.Cut(r.kind, ":")
	if name, uid := tactic(purpose); name != "" {
		at := r.Open("")
		in := r.Open("tactic")
		r.Str("name", name)
		r.Str("uid", uid)
		r.Close(in)
		r.Close(at)
	}
	r.writeIndicators()
	r.Close(list)
}
