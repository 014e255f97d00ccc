package guardduty

import (
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
)

// writeActor writes who did it: the credentials, the user of Kubernetes, the process, the user of a database or the first actor of a
// sequence, whichever there is.
func (r *finding) writeActor() {
	at := r.Open("actor")
	r.actorParts("actor")
	r.Close(at)
}

// actorParts writes the members of the actor that stands at path.
func (r *finding) actorParts(path string) {
	from := len(r.B)
	key := r.get(r.resource, "accessKeyDetails")
	kube := r.at(r.resource, "kubernetesDetails", "kubernetesUserDetails")
	switch {
	case r.keyUser(path, key):
	case r.kubeUser(path, kube):
	default:
		r.databaseUser(path, r.get(r.resource, "rdsDbUserDetails"))
	}
	if p := r.at(r.service, "runtimeDetails", "process"); r.identified(p) {
		at := r.Open("process")
		r.processHead(path+".process", p)
		r.Close(at)
	}
	if len(r.B) == from {
		r.sequenceActor(path, r.Doc.First(r.at(r.service, "detection", "sequence", "actors")))
	}
}

// keyUser writes the user whom an access key belongs to, and the key.
func (r *finding) keyUser(path string, key node) bool {
	name, principal, id := r.get(key, "userName"), r.get(key, "principalId"), r.get(key, "accessKeyId")
	at := r.Open("user")
	named := r.MoveSeen("name", name, ocsfjson.UserName, path+".user.name")
	switch {
	case named:
		r.Move("uid_alt", principal)
	case r.MoveSeen("uid", principal, ocsfjson.UserUID, path+".user.uid"):
		named = true
	}
	if named {
		r.Move("type", r.get(key, "userType"))
		if principal := r.Doc.Str(principal); principal != "" {
			r.KeyUser = principal
		}
	}
	user := r.Close(at)
	at = r.Open("session")
	r.MoveSeen("credential_uid", id, ocsfjson.CredentialUID, path+".session.credential_uid")
	return r.Close(at) || user
}

// kubeUser writes a user of Kubernetes.
func (r *finding) kubeUser(path string, user node) bool {
	name, uid := r.get(user, "username"), r.get(user, "uid")
	if r.Doc.Str(name) == "" && r.Doc.Str(uid) == "" {
		return false
	}
	at := r.Open("user")
	r.MoveSeen("name", name, ocsfjson.UserName, path+".user.name")
	r.MoveSeen("uid", uid, ocsfjson.UserUID, path+".user.uid")
	groups := r.get(user, "groups")
	if r.Doc.Kind(groups) == ocsfjson.Array {
		list := r.List("groups")
		for g := r.Doc.First(groups); g >= 0; g = r.Doc.Next(g) {
			in := r.Open("")
			r.Move("name", g)
			r.Close(in)
		}
		r.Close(list)
	}
	r.Close(at)
	return true
}

// databaseUser writes a user of a database.
func (r *finding) databaseUser(path string, user node) bool {
	if r.str(user, "user") == "" {
		return false
	}
	at := r.Open("user")
	r.MoveSeen("name", r.get(user, "user"), ocsfjson.UserName, path+".user.name")
	r.Close(at)
	r.Move("app_name", r.get(user, "application"))
	return true
}

// sequenceActor writes one actor of an attack sequence.
func (r *finding) sequenceActor(path string, actor node) {
	if u := r.get(actor, "user"); r.str(u, "name") != "" || r.str(u, "uid") != "" {
		at := r.Open("user")
		r.MoveSeen("name", r.get(u, "name"), ocsfjson.UserName, path+".user.name")
		if r.MoveSeen("uid", r.get(u, "uid"), ocsfjson.UserUID, path+".user.uid") && r.KeyUser == "" {
			r.KeyUser = r.str(u, "uid")
		}
		r.Move("type", r.get(u, "type"))
		if a := r.get(u, "account"); r.str(a, "uid") != "" {
			in := r.Open("account")
			r.MoveSeen("uid", r.get(a, "uid"), ocsfjson.AccountUID, path+".user.account.uid")
			r.Move("name", r.get(a, "account"))
			r.Close(in)
		}
		r.Close(at)
	}
	s := r.get(actor, "session")
	at := r.Open("session")
	r.Move("uid", r.get(s, "uid"))
	r.Move("issuer", r.get(s, "issuer"))
	r.millis("created_time", r.get(s, "createdTime"))
	switch r.str(s, "mfaStatus") {
	case "ENABLED":
		r.Bool("is_mfa", true)
	case "DISABLED":
		r.Bool("is_mfa", false)
	}
	r.MoveSeen("credential_uid", r.at(actor, "user", "credentialUid"), ocsfjson.CredentialUID, path+".session.credential_uid")
	r.Close(at)
}
