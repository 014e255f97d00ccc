package cloudtrail

import (
	"strings"

	"github.com/riposte-security/riposte/producers/format/ocsfjson"
)

// What follows writes the entity of Entity Management.

// firstText is the first of nodes that is a text.
func (r *record) firstText(nodes ...node) node {
	for _, n := range nodes {
		if r.Doc.Str(n) != "" {
			return n
		}
	}
	return ocsfjson.None
}

// keyID is the id of the credential that is made, changed or deleted.
func (r *record) keyID() node {
	d, out := &r.Doc, r.responseElements
	return r.firstText(r.param("accessKeyId"), d.Path(out, "accessKey", "accessKeyId"),
		r.param("sSHPublicKeyId"), d.Path(out, "sSHPublicKey", "sSHPublicKeyId"),
		r.param("certificateId"), d.Path(out, "certificate", "certificateId"),
		r.param("serviceSpecificCredentialId"), d.Path(out, "serviceSpecificCredential", "serviceSpecificCredentialId"))
}

func (r *record) keyType() string {
	for _, kind := range [...]string{"AccessKey", "SSHPublicKey", "SigningCertificate", "ServiceSpecificCredential"} {
		if strings.HasSuffix(r.operation, kind) {
			return kind
		}
	}
	return "Credential"
}

func (r *record) writeKeyEntity() {
	at := r.Open("entity")
	id := r.keyID()
	r.Copy("uid", id)
	r.Observe(ocsfjson.CredentialUID, "entity.uid", id)
	r.Str("type", r.keyType())
	r.Int("type_id", other)
	user := r.Open("user")
	name := r.firstText(r.param("userName"), r.Doc.Path(r.responseElements, "accessKey", "userName"))
	if name >= 0 || !r.writeRefused("user") { // without a name the caller means their own key
		if name = r.firstText(name, r.identity("userName")); r.Copy("name", name) {
			r.Observe(ocsfjson.UserName, "entity.user.name", name)
		} else {
			r.Copy("uid", r.identity("arn"))
		}
	}
	owned := r.Close(user)
	if !owned && r.Doc.Str(id) == "" { // neither key nor owner is known: the call was refused before it named one
		r.Str("name", r.keyType())
	}
	r.Close(at)
}

func (r *record) deviceName() node {
	return r.firstText(r.param("virtualMFADeviceName"), r.param("serialNumber"))
}

func (r *record) writeDeviceEntity() {
	at := r.Open("entity")
	r.Copy("name", r.param("virtualMFADeviceName"))
	serial := r.firstText(r.param("serialNumber"), r.Doc.Path(r.responseElements, "virtualMFADevice", "serialNumber"))
	r.Copy("uid", serial)
	r.Observe(ocsfjson.ResourceUID, "entity.uid", serial)
	if r.firstText(r.deviceName(), serial) < 0 && !r.writeRefused("mfa") {
		r.Str("name", "MFADevice")
	}
	r.Str("type", "MFADevice")
	r.Int("type_id", other)
	r.Close(at)
}

func (r *record) passwordPolicy() bool {
	return strings.HasSuffix(r.operation, "AccountPasswordPolicy")
}

func (r *record) writePolicyEntity() {
	d := &r.Doc
	at := r.Open("entity")
	arn := r.firstText(r.param("policyArn"), d.Path(r.responseElements, "policy", "arn"))
	name := r.param("policyName")
	version := r.firstText(r.param("versionId"), d.Path(r.responseElements, "policyVersion", "versionId"),
		d.Path(r.responseElements, "policy", "defaultVersionId"))
	write := func() {
		r.Copy("uid", arn)
		r.Copy("name", name)
		r.Copy("version", version)
		if r.passwordPolicy() { // it has no name: there is one in an account
			r.Str("name", "AccountPasswordPolicy")
		} else if r.firstText(arn, name) < 0 && !r.writeRefused("policy") {
			r.Str("name", "Policy")
		}
	}
	r.Observe(ocsfjson.ResourceUID, "entity.uid", arn)
	write()
	r.Str("type", "Policy")
	r.Int("type_id", 5)
	in := r.Open("policy")
	write()
	r.Close(in)
	r.Close(at)
}

func (r *record) writeTrustEntity() {
	at := r.Open("entity")
	if !r.Copy("name", r.param("roleName")) && !r.writeRefused("role") {
		r.Str("name", "Role")
	}
	r.Str("type", "Role")
	r.Int("type_id", other)
	in := r.Open("policy")
	r.Str("type", "AssumeRolePolicy")
	r.Copy("data", r.param("policyDocument"))
	r.Close(in)
	r.Close(at)
}
