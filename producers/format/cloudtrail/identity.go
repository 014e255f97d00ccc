package cloudtrail

import "github.com/riposte-security/riposte/producers/format/ocsfjson"

// identity looks up a member of userIdentity.
func (r *record) identity(name string) node { return r.Doc.Get(r.userIdentity, name) }

// writeActor writes who made the call. A record that names nobody is the service's own: then it is the application.
func (r *record) writeActor() {
	d := &r.Doc
	at := r.Open("actor")
	arn, issuer := r.identity("arn"), d.Path(r.userIdentity, "sessionContext", "sessionIssuer")
	r.KeyUser = d.Str(arn)
	user := r.Open("user")
	r.writeUser(arn, issuer)
	if !r.Close(user) {
		r.KeyUser = ""
	}
	r.writeSession(issuer)
	r.Copy("app_name", r.identity("invokedBy")) // which is the service itself where nobody is named
	idp := r.Open("idp")
	r.Move("name", r.identity("identityProvider"))
	r.Close(idp)
	if !r.Close(at) {
		at = r.Open("actor")
		r.Str("app_name", r.speaker())
		r.Close(at)
	}
}

// writeUser writes the members of actor.user. uid is the ARN; type says what kind of identity it is, in CloudTrail's own word. A type
// alone identifies nobody (the schema wants a name, a uid or an account), so it stands only beside one of these.
func (r *record) writeUser(arn, issuer node) {
	start := len(r.B)
	r.Copy("uid", arn)
	r.Observe(ocsfjson.UserUID, "actor.user.uid", arn)
	name := r.identity("userName")
	if r.Doc.Str(name) == "" { // of an assumed role, the issuer bears the name
		name = r.Doc.Get(issuer, "userName")
	}
	r.Copy("name", name) // and not moved: a rule must be able to tell whose name it is
	r.Observe(ocsfjson.UserName, "actor.user.name", name)
	account := r.Open("account")
	r.MoveSeen("uid", r.identity("accountId"), ocsfjson.AccountUID, "actor.user.account.uid")
	r.Close(account)
	if r.Doc.Str(arn) == "" { // who signed in through IAM Identity Center has no ARN, but an id there
		id := r.Doc.Path(r.userIdentity, "onBehalfOf", "userId")
		r.Copy("uid", id)
		r.Observe(ocsfjson.UserUID, "actor.user.uid", id)
	}
	principal := r.identity("principalId")
	if len(r.B) == start {
		if !r.Copy("uid", principal) && !r.writeServiceName() {
			return
		}
		r.Observe(ocsfjson.UserUID, "actor.user.uid", principal)
	} else {
		r.Move("uid_alt", principal)
	}
	kind := r.identity("type")
	if r.Move("type", kind) {
		r.Int("type_id", userType(r.Doc.Str(kind)))
	}
	if key := r.identity("accessKeyId"); r.Doc.Str(key) != "" {
		list := r.List("programmatic_credentials")
		at := r.Open("")
		r.Copy("uid", key)
		r.Close(at)
		r.Close(list)
	}
}

// writeServiceName names an AWS service that calls on its own behalf.
func (r *record) writeServiceName() bool {
	return r.Doc.Str(r.identity("type")) == "AWSService" && r.Copy("name", r.identity("invokedBy"))
}

// userType is OCSF's type_id for an identity's type.
func userType(kind string) int64 {
	switch kind {
	case "IAMUser", "FederatedUser", "SAMLUser", "WebIdentityUser", "IdentityCenterUser", "Directory":
		return 1
	case "Root":
		return 2
	case "AWSService":
		return 4
	case "Unknown":
		return 0
	}
	return 99
}

func (r *record) writeSession(issuer node) {
	d := &r.Doc
	at := r.Open("session")
	credential := r.identity("accessKeyId")
	if other := r.identity("credentialId"); d.Str(other) == "" {
		r.MoveSeen("credential_uid", credential, ocsfjson.CredentialUID, "actor.session.credential_uid")
	} else {
		credential = r.firstText(credential, other)
		r.Copy("credential_uid", credential)
		r.Observe(ocsfjson.CredentialUID, "actor.session.credential_uid", credential)
	}
	r.MoveSeen("issuer", d.Get(issuer, "arn"), ocsfjson.ResourceUID, "actor.session.issuer")
	attributes := d.Path(r.userIdentity, "sessionContext", "attributes")
	r.Time("created_time", d.Get(attributes, "creationDate"))
	switch d.Str(d.Get(attributes, "mfaAuthenticated")) { // a text: it stays unmapped as well
	case "true":
		r.Bool("is_mfa", true)
	case "false":
		r.Bool("is_mfa", false)
	}
	r.Close(at)
}
