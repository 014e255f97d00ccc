package suricata

import (
	"strings"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

// writeNetwork writes what has endpoints and no class of its own.
func (r *record) writeNetwork() {
	profile := ""
	switch r.kind {
	case "drop":
		profile = "security_control"
		r.Begin(schemas.ClassNetworkActivity, 5, "Refuse", r.time)
		r.Lit(`"action":"Denied","action_id":2,"disposition":"Blocked","disposition_id":2`)
		r.Copy("status_detail", r.Doc.Get(r.drop, "reason"))
		r.writeRule()
	case "anomaly", "alert":
		r.Begin(schemas.ClassNetworkActivity, other, r.kind, r.time)
	default:
		r.Begin(schemas.ClassNetworkActivity, traffic, "Traffic", r.time)
	}
	r.Severity(1)
	r.Status(r.kind == "drop" || r.refused())
	r.writeMetadata(profile)
	r.writeTimes()
	r.writeEndpoints()
	r.writeConnection()
	r.writeAppProtocol()
	r.writeTraffic()
	r.writeTLS()
	r.writeJA4()
	r.observeFile()
}

// refused tells whether a record of SMB or of Kerberos says that what was asked for was not done.
func (r *record) refused() bool {
	d := &r.Doc
	switch r.kind {
	case "smb":
		status := strings.ToLower(d.Str(d.Path(d.Root(), "smb", "status_code")))
		return strings.HasPrefix(status, "0xc0") && status != "0xc0000016" // more processing required: a step of a logon that goes on
	case "krb5":
		return d.Str(d.Path(d.Root(), "krb5", "msg_type")) == "KRB_ERROR"
	}
	return false
}

// writeRule writes the signature that dropped a packet, which such records name as alerts do.
func (r *record) writeRule() {
	d := &r.Doc
	at := r.Open("firewall_rule")
	r.Move("name", d.Get(r.alert, "signature"))
	if id := d.Get(r.alert, "signature_id"); d.Kind(id) == ocsfjson.Number {
		r.Str("uid", d.Raw(id))
	}
	r.Close(at)
}
