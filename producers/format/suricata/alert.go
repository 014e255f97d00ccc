package suricata

import (
	"strings"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

// writeFinding writes an alert.
func (r *record) writeFinding() {
	d := &r.Doc
	r.Begin(schemas.ClassDetectionFinding, 1, "Create", r.time)
	r.Severity(r.alertSeverity())
	r.Lit(`"status":"New","status_id":1,"is_alert":true`)
	switch d.Str(d.Get(r.alert, "action")) { // the captions differ from Suricata's words, which stay unmapped
	case "allowed":
		r.Lit(`"action":"Allowed","action_id":1,"disposition":"Allowed","disposition_id":1`)
	case "blocked":
		r.Lit(`"action":"Denied","action_id":2,"disposition":"Blocked","disposition_id":2`)
	default:
		r.Lit(`"action":"Unknown","action_id":0,"disposition":"Unknown","disposition_id":0`)
	}
	r.writeMetadata("security_control")
	r.Copy("message", d.Get(r.alert, "signature"))
	r.writeTimes()
	r.writeInfo()
	r.writeConfidence()
	r.writeCVEs()
	r.writeEvidences()
}

// alertSeverity gives Suricata's priorities, of which 1 is the highest, on OCSF's scale.
func (r *record) alertSeverity() int {
	switch i, ok := r.Doc.Int(r.Doc.Get(r.alert, "severity")); {
	case !ok || i < 1:
		return 0
	case i == 1:
		return 4
	case i == 2:
		return 3
	case i == 3:
		return 2
	}
	return 1
}

func (r *record) writeInfo() {
	d := &r.Doc
	at := r.Open("finding_info")
	r.Str("uid", r.uid)
	signature := d.Get(r.alert, "signature")
	r.Copy("title", signature)
	in := r.Open("analytic")
	r.Move("name", signature)
	if id := d.Get(r.alert, "signature_id"); d.Kind(id) == ocsfjson.Number {
		r.Str("uid", d.Raw(id))
	}
	if rev := d.Get(r.alert, "rev"); d.Kind(rev) == ocsfjson.Number {
		r.Str("version", d.Raw(rev))
	}
	r.Move("category", d.Get(r.alert, "category"))
	r.Lit(`"type":"Rule","type_id":1`)
	r.Close(in)
	r.writeAttacks()
	r.Close(at)
}

// first is the first text of a list in the signature's metadata, each of which is a list.
func (r *record) first(name string) string {
	d := &r.Doc
	return d.Str(d.First(d.Path(r.alert, "metadata", name)))
}

// writeAttacks writes the tactic and technique that the signature's metadata names, of which rule sets have one each.
func (r *record) writeAttacks() {
	tactic, technique := r.first("mitre_tactic_id"), r.first("mitre_technique_id")
	list := r.List("attacks")
	at := r.Open("")
	if tactic != "" {
		in := r.Open("tactic")
		r.Str("uid", tactic)
		r.named("mitre_tactic_name")
		r.Close(in)
	}
	if technique != "" {
		in := r.Open("technique")
		r.Str("uid", technique)
		r.named("mitre_technique_name")
		r.Close(in)
	}
	r.Close(at)
	r.Close(list)
}

// named writes a name whose words the metadata of signatures joins by underscores.
func (r *record) named(metadata string) {
	if name := r.first(metadata); name != "" {
		r.Str("name", strings.ReplaceAll(name, "_", " "))
	}
}

func (r *record) writeConfidence() {
	switch r.first("confidence") {
	case "Low":
		r.Lit(`"confidence":"Low","confidence_id":1`)
	case "Medium":
		r.Lit(`"confidence":"Medium","confidence_id":2`)
	case "High":
		r.Lit(`"confidence":"High","confidence_id":3`)
	}
}

// writeCVEs writes the vulnerabilities that the signature looks for: the metadata has them as CVE_2021_41773.
func (r *record) writeCVEs() {
	d := &r.Doc
	cves := d.Path(r.alert, "metadata", "cve")
	if d.Kind(cves) != ocsfjson.Array {
		return
	}
	list := r.List("vulnerabilities")
	for c := d.First(cves); c >= 0; c = d.Next(c) {
		uid := strings.ToUpper(strings.ReplaceAll(d.Str(c), "_", "-"))
		if uid == "" {
			continue
		}
		at := r.Open("")
		in := r.Open("cve")
		r.Str("uid", uid)
		r.Close(in)
		r.Close(at)
		r.ObserveText(ocsfjson.CVEUID, "vulnerabilities[].cve.uid", uid)
	}
	r.Close(list)
}

// writeEvidences writes the traffic that the signature matched, and further files that were seen in it.
func (r *record) writeEvidences() {
	d := &r.Doc
	list := r.List("evidences")
	r.at = "evidences[0]."
	at := r.Open("")
	r.writeEndpoints()
	r.writeConnection()
	r.writeRequest()
	r.writeTLS()
	r.writeJA4()
	if d.Kind(r.dns) == ocsfjson.Object {
		r.writeQuery()
	}
	file := d.First(r.files)
	if d.Kind(r.files) != ocsfjson.Array {
		file = r.fileinfo
	}
	r.writeFile("file", file)
	r.Close(at)
	r.at = "evidences[]."
	if d.Kind(r.files) == ocsfjson.Array && file >= 0 {
		for file = d.Next(file); file >= 0; file = d.Next(file) {
			at = r.Open("")
			r.writeFile("file", file)
			r.Close(at)
		}
	}
	r.Close(list)
}
