package cloudtrail

import (
	"strings"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

// authPlan is Authentication: a sign-in to the console, or credentials that STS issues.
func (r *record) authPlan() (plan, bool) {
	p := plan{class: schemas.ClassAuthentication, write: (*record).writeAuth}
	switch {
	case r.source == "signin.amazonaws.com" && r.operation == "ConsoleLogin":
		p.activity, p.activityName = 1, "Logon"
		return p, r.known() || r.accountKnown()
	case r.source == "sts.amazonaws.com" && (strings.HasPrefix(r.operation, "AssumeRo") || r.operation == "GetSessionToken"):
		p.activity, p.activityName = 3, "Authentication Ticket"
		return p, r.known() || r.Doc.Str(r.param("roleArn")) != "" || r.failed && r.accountKnown()
	}
	return plan{}, false
}

// known tells whether userIdentity names somebody.
func (r *record) known() bool {
	return r.firstText(r.identity("arn"), r.identity("userName"), r.identity("accountId"), r.identity("principalId")) >= 0
}

func (r *record) writeAuth() {
	d := &r.Doc
	user := r.Open("user")
	if role := r.param("roleArn"); r.Copy("uid", role) {
		r.Observe(ocsfjson.UserUID, "user.uid", role)
		r.Str("name", lastOf(d.Str(role), "/"))
		r.Str("type", "AssumedRole")
		r.Int("type_id", other)
		r.Copy("uid_alt", d.Path(r.responseElements, "assumedRoleUser", "assumedRoleId"))
	} else if r.writeRefused("role") {
		r.Str("type", "AssumedRole")
		r.Int("type_id", other)
	} else {
		r.copyIdentity()
	}
	r.Close(user)
	service := r.Open("service")
	r.Copy("name", r.eventSource)
	r.Close(service)
	r.writeMFA()
	r.writeProtocol()
	session := r.Open("session")
	r.Copy("credential_uid", d.Path(r.responseElements, "credentials", "accessKeyId"))
	r.Copy("uid", r.param("roleSessionName"))
	r.Close(session)
}

// copyIdentity writes the caller as the subject: who signs in, or gets a token for themselves.
func (r *record) copyIdentity() {
	arn := r.identity("arn")
	r.Copy("uid", arn)
	r.Copy("uid_alt", r.identity("principalId"))
	r.Copy("name", r.firstText(r.identity("userName"), r.Doc.Path(r.userIdentity, "sessionContext", "sessionIssuer", "userName")))
	account := r.Open("account")
	r.Copy("uid", r.identity("accountId"))
	r.Close(account)
	if !r.known() { // who tried to sign in is not known, only where
		r.writeAccountOf()
	}
	if kind := r.identity("type"); r.Copy("type", kind) {
		r.Int("type_id", userType(r.Doc.Str(kind)))
	}
}

// writeMFA says whether a second factor was used: a sign-in tells it in additionalEventData, a call of STS by the device that it names.
func (r *record) writeMFA() {
	d := &r.Doc
	switch used := d.Str(d.Get(r.additionalEventData, "MFAUsed")); {
	case strings.EqualFold(used, "yes"):
		r.Bool("is_mfa", true)
	case strings.EqualFold(used, "no"):
		r.Bool("is_mfa", false)
	case d.Str(r.param("serialNumber")) != "":
		r.Bool("is_mfa", true)
	}
}

func (r *record) writeProtocol() {
	switch r.operation {
	case "AssumeRoleWithSAML":
		r.Str("auth_protocol", "SAML")
		r.Int("auth_protocol_id", 5)
	case "AssumeRoleWithWebIdentity":
		r.Str("auth_protocol", "OpenID")
		r.Int("auth_protocol_id", 4)
	}
}
