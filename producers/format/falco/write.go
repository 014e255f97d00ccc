package falco

import (
	"strconv"
	"strings"

	"github.com/riposte-security/riposte/producers"
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

func (a *alert) write() {
	d := &a.Doc
	a.Begin(schemas.ClassDetectionFinding, 1, "Create", a.time)
	a.Severity(severity(d.Str(a.priority)))
	a.Lit(`"status":"New","status_id":1,"is_alert":true`)
	a.writeMetadata()
	a.writeCloud()
	a.Move("message", a.output)
	a.writeInfo()
	a.writeDevice()
	a.writeEvidence()
	a.writeResources()
}

// text is the text of a field; empty where Falco says that there is none.
func (a *alert) text(n node) string {
	if s := a.Doc.Str(n); s != "<NA>" {
		return s
	}
	return ""
}

// move moves the text of a field, if there is one.
func (a *alert) move(name string, n node) bool {
	return a.text(n) != "" && a.Move(name, n)
}

// seen moves the text of a field, if there is one, and adds it to the observables.
func (a *alert) seen(name string, n node, t ocsfjson.ObservableType, path string) bool {
	return a.text(n) != "" && a.MoveSeen(name, n, t, path)
}

func (a *alert) inCloud() bool {
	return a.in.Attrs[producers.AttrAccount] != "" || a.in.Attrs[producers.AttrRegion] != "" ||
		a.text(a.ctRegion) != "" || a.text(a.ctAccount) != ""
}

func (a *alert) writeMetadata() {
	var profiles []string
	if a.inCloud() {
		profiles = []string{"cloud"}
	}
	at := a.Metadata(Name, profiles...)
	if a.uid != a.Doc.Str(a.uuid) || !a.Move("uid", a.uuid) {
		a.Str("uid", a.uid)
	}
	a.Lit(`"product":{"name":"Falco","vendor_name":"The Falco Project"}`)
	a.Move("log_provider", a.source)
	a.Move("log_level", a.priority)
	if a.onlyTexts(a.tags) {
		a.MoveAny("labels", a.tags)
	}
	a.Close(at)
}

// onlyTexts tells whether n is a list of texts.
func (a *alert) onlyTexts(n node) bool {
	d := &a.Doc
	if d.Kind(n) != ocsfjson.Array {
		return false
	}
	for c := d.First(n); c >= 0; c = d.Next(c) {
		if d.Kind(c) != ocsfjson.String {
			return false
		}
	}
	return true
}

func (a *alert) writeCloud() {
	if !a.inCloud() {
		return
	}
	at := a.Open("cloud")
	a.Lit(`"provider":"AWS"`)
	if region := a.in.Attrs[producers.AttrRegion]; !a.move("region", a.ctRegion) && region != "" {
		a.Str("region", region)
	}
	in := a.Open("account")
	if uid := a.in.Attrs[producers.AttrAccount]; !a.seen("uid", a.ctAccount, ocsfjson.AccountUID, "cloud.account.uid") && uid != "" {
		a.Str("uid", uid)
		a.ObserveText(ocsfjson.AccountUID, "cloud.account.uid", uid)
	}
	a.Close(in)
	a.Close(at)
}

func (a *alert) writeInfo() {
	at := a.Open("finding_info")
	a.Str("uid", a.uid)
	a.Copy("title", a.rule)
	in := a.Open("analytic")
	a.Move("name", a.rule)
	a.Lit(`"type":"Rule","type_id":1`)
	a.Close(in)
	a.writeAttacks()
	a.Close(at)
}

// writeAttacks writes the tactics and techniques among the tags.
func (a *alert) writeAttacks() {
	d := &a.Doc
	if d.Kind(a.tags) != ocsfjson.Array {
		return
	}
	list := a.List("attacks")
	for c := d.First(a.tags); c >= 0; c = d.Next(c) {
		tag := d.Str(c)
		at := a.Open("")
		if name, found := strings.CutPrefix(tag, "mitre_"); found {
			a.writeTactic(name)
		} else if isTechnique(tag) {
			a.writeTechnique(tag)
		}
		a.Close(at)
	}
	a.Close(list)
}

func (a *alert) writeTactic(tag string) {
	uid, name := tactic(tag)
	in := a.Open("tactic")
	if uid != "" {
		a.Str("uid", uid)
		a.Str("name", name)
	}
	a.Close(in)
}

// isTechnique tells whether a tag is the id of a technique, or of one of its parts: T1234, T1234.001.
func isTechnique(tag string) bool {
	id, part, found := strings.Cut(tag, ".")
	return len(id) == 5 && id[0] == 'T' && digits(id[1:]) && (!found || len(part) == 3 && digits(part))
}

func digits(s string) bool {
	_, err := strconv.ParseUint(s, 10, 32)
	return err == nil && s[0] != '+'
}

func (a *alert) writeTechnique(tag string) {
	id, _, part := strings.Cut(tag, ".")
	in := a.Open("technique")
	a.Str("uid", id)
	a.Close(in)
	if part {
		in = a.Open("sub_technique")
		a.Str("uid", tag)
		a.Close(in)
	}
}

// tactic gives id and name of the tactics of ATT&CK for their names in tags.
func tactic(tag string) (uid, name string) {
	switch tag {
	case "reconnaissance":
		return "TA0043", "Reconnaissance"
	case "resource_development":
		return "TA0042", "Resource Development"
	case "initial_access":
		return "TA0001", "Initial Access"
	case "execution":
		return "TA0002", "Execution"
	case "persistence":
		return "TA0003", "Persistence"
	case "privilege_escalation":
		return "TA0004", "Privilege Escalation"
	case "defense_evasion":
		return "TA0005", "Defense Evasion"
	case "credential_access":
		return "TA0006", "Credential Access"
	case "discovery":
		return "TA0007", "Discovery"
	case "lateral_movement":
		return "TA0008", "Lateral Movement"
	case "collection":
		return "TA0009", "Collection"
	case "exfiltration":
		return "TA0010", "Exfiltration"
	case "command_and_control":
		return "TA0011", "Command and Control"
	case "impact":
		return "TA0040", "Impact"
	}
	return "", ""
}

func (a *alert) writeDevice() {
	at := a.Open("device")
	if a.seen("hostname", a.hostname, ocsfjson.Hostname, "device.hostname") ||
		a.seen("hostname", a.evtHostname, ocsfjson.Hostname, "device.hostname") {
		a.Lit(`"type":"Unknown","type_id":0`)
	}
	a.Close(at)
}
