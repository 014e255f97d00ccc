package cloudtrail

import (
	"github.com/riposte-security/riposte/producers/format/ocsfjson"
	"github.com/riposte-security/riposte/schemas"
)

// An iamOp is what an operation of IAM means.
type iamOp struct {
	class, activity int
	name            string // of the activity
	self            bool   // without a userName, the caller means their own account
	entity          entity // of Entity Management
	subject         string // of User Access Management: the parameter that names who gets or loses privileges
}

// An entity is what Entity Management manages.
type entity uint8

const (
	noEntity entity = iota
	key             // an access key, or another credential of a user
	device          // a virtual MFA device
	policy          // a managed policy, or the account's password policy
	trust           // the trust policy of a role
)

// iamOperation is the table of IAM's operations that change users, keys, policies, groups or MFA.
func iamOperation(name string) iamOp {
	switch name {
	case "CreateUser":
		return accountPlan(1, "Create", false)
	case "DeleteUser":
		return accountPlan(6, "Delete", false)
	case "CreateLoginProfile":
		return accountPlan(2, "Enable", true)
	case "DeleteLoginProfile":
		return accountPlan(5, "Disable", true)
	case "ChangePassword":
		return accountPlan(3, "Password Change", true)
	case "UpdateLoginProfile":
		return accountPlan(4, "Password Reset", true)
	case "EnableMFADevice":
		return accountPlan(10, "MFA Factor Enable", true)
	case "DeactivateMFADevice":
		return accountPlan(11, "MFA Factor Disable", true)
	case "UpdateUser", "TagUser", "UntagUser", "ResyncMFADevice":
		return accountPlan(other, name, true)
	case "CreateAccessKey", "UploadSSHPublicKey", "UploadSigningCertificate", "CreateServiceSpecificCredential":
		return entityPlan(1, "Create", key)
	case "UpdateAccessKey", "UpdateSSHPublicKey", "UpdateSigningCertificate", "UpdateServiceSpecificCredential",
		"ResetServiceSpecificCredential":
		return entityPlan(3, "Update", key)
	case "DeleteAccessKey", "DeleteSSHPublicKey", "DeleteSigningCertificate", "DeleteServiceSpecificCredential":
		return entityPlan(4, "Delete", key)
	case "CreateVirtualMFADevice":
		return entityPlan(1, "Create", device)
	case "DeleteVirtualMFADevice":
		return entityPlan(4, "Delete", device)
	case "CreatePolicy":
		return entityPlan(1, "Create", policy)
	case "CreatePolicyVersion", "DeletePolicyVersion", "SetDefaultPolicyVersion", "TagPolicy", "UntagPolicy", "UpdateAccountPasswordPolicy":
		return entityPlan(3, "Update", policy)
	case "DeletePolicy", "DeleteAccountPasswordPolicy":
		return entityPlan(4, "Delete", policy)
	case "UpdateAssumeRolePolicy":
		return entityPlan(3, "Update", trust)
	}
	return iamGrant(name)
}

// iamGrant is the part of the table about who may do what.
func iamGrant(name string) iamOp {
	switch name {
	case "AttachUserPolicy", "PutUserPolicy":
		return accessPlan(1, "Assign Privileges", "userName")
	case "DetachUserPolicy", "DeleteUserPolicy":
		return accessPlan(2, "Revoke Privileges", "userName")
	case "AttachRolePolicy", "PutRolePolicy":
		return accessPlan(1, "Assign Privileges", "roleName")
	case "DetachRolePolicy", "DeleteRolePolicy":
		return accessPlan(2, "Revoke Privileges", "roleName")
	case "PutUserPermissionsBoundary", "DeleteUserPermissionsBoundary":
		return accessPlan(other, name, "userName")
	case "PutRolePermissionsBoundary", "DeleteRolePermissionsBoundary":
		return accessPlan(other, name, "roleName")
	case "CreateGroup":
		return groupPlan(6, "Create")
	case "DeleteGroup":
		return groupPlan(5, "Delete")
	case "AddUserToGroup":
		return groupPlan(3, "Add User")
	case "RemoveUserFromGroup":
		return groupPlan(4, "Remove User")
	case "AttachGroupPolicy", "PutGroupPolicy":
		return groupPlan(1, "Assign Privileges")
	case "DetachGroupPolicy", "DeleteGroupPolicy":
		return groupPlan(2, "Revoke Privileges")
	case "UpdateGroup":
		return groupPlan(other, name)
	}
	return iamOp{}
}

// iamPlan is the plan for a change in IAM; false for what only reads, for what has no class of its own (roles, providers, instance
// profiles), and for a record that does not name what the class demands. A call that was refused keeps its class: see refused.
func (r *record) iamPlan() (plan, bool) {
	op := iamOperation(r.operation)
	p := plan{class: op.class, activity: op.activity, activityName: op.name}
	d := &r.Doc
	has := func(n node) bool { return d.Str(n) != "" }
	switch op.class {
	case schemas.ClassAccountChange:
		p.write = (*record).writeAccount
		own := op.self && (has(r.identity("userName")) || has(r.identity("arn")))
		return p, own || has(r.param("userName")) || r.failed && r.accountKnown()
	case schemas.ClassEntityManagement:
		return r.entityPlan(p, op.entity)
	case schemas.ClassUserAccess:
		p.write = (*record).writeUserAccess
		return p, has(r.param(op.subject)) && has(r.privilege()) || r.failed && r.accountKnown()
	case schemas.ClassGroupManagement:
		p.write = (*record).writeGroup
		_, name := r.refused("group")
		return p, name != "" || has(r.param("groupName"))
	}
	return plan{}, false
}

func (r *record) entityPlan(p plan, e entity) (plan, bool) {
	d := &r.Doc
	switch e {
	case key:
		p.write = (*record).writeKeyEntity
		if status := d.Str(r.param("status")); p.activity == 3 && status != "" {
			p.activity, p.activityName = 9, "Disable"
			if status == "Active" {
				p.activity, p.activityName = 8, "Enable"
			}
		}
		return p, true
	case device:
		p.write = (*record).writeDeviceEntity
		return p, r.failed || d.Str(r.deviceName()) != ""
	case policy:
		p.write = (*record).writePolicyEntity
		return p, r.failed || r.passwordPolicy() || r.firstText(r.param("policyArn"), r.param("policyName")) >= 0
	case trust:
		p.write = (*record).writeTrustEntity
		return p, r.failed || d.Str(r.param("roleName")) != ""
	case noEntity:
	}
	return p, false
}

// writeAccount writes the account that changes.
func (r *record) writeAccount() {
	at := r.Open("user")
	if r.Copy("name", r.param("userName")) {
		r.Observe(ocsfjson.UserName, "user.name", r.param("userName"))
		arn := r.Doc.Path(r.responseElements, "user", "arn")
		r.Copy("uid", arn)
		r.Observe(ocsfjson.UserUID, "user.uid", arn)
		r.Copy("uid_alt", r.Doc.Path(r.responseElements, "user", "userId"))
	} else if !r.writeRefused("user") {
		if r.failed && !iamOperation(r.operation).self { // somebody of the account, whom nobody named
			r.writeAccountOf()
		} else {
			r.Copy("name", r.identity("userName"))
			r.Copy("uid", r.identity("arn"))
		}
	}
	r.Close(at)
}

// privilege is the policy that is given or taken: its ARN, or the name of an inline policy.
func (r *record) privilege() node {
	for _, name := range [...]string{"policyArn", "policyName", "permissionsBoundary"} {
		if n := r.param(name); r.Doc.Str(n) != "" {
			return n
		}
	}
	if r.operation == "DeleteUserPermissionsBoundary" || r.operation == "DeleteRolePermissionsBoundary" {
		return r.call // the call names no policy: what goes is the boundary, whichever it was
	}
	return ocsfjson.None
}

func (r *record) writePrivileges() {
	if n := r.privilege(); r.Doc.Str(n) != "" {
		list := r.List("privileges")
		r.B = append(r.B, r.Doc.Raw(n)...)
		r.Close(list)
	}
}

func (r *record) writeUserAccess() {
	if r.privilege() < 0 { // refused before it named one
		r.Lit(`"privileges":[]`)
	}
	r.writePrivileges()
	at := r.Open("user")
	user, role := r.param("userName"), r.param("roleName")
	if r.Copy("name", user) {
		r.Observe(ocsfjson.UserName, "user.name", user)
		r.Str("type", "IAMUser")
		r.Int("type_id", 1)
	} else if r.Copy("name", role) {
		r.Observe(ocsfjson.UserName, "user.name", role)
		r.writeRoleType()
	} else if r.writeRefused("user") {
		r.Str("type", "IAMUser")
		r.Int("type_id", 1)
	} else if r.writeRefused("role") {
		r.writeRoleType()
	} else {
		r.writeAccountOf()
	}
	r.Close(at)
	r.writeResources()
}

func (r *record) writeRoleType() {
	r.Str("type", "Role")
	r.Int("type_id", other)
}

func (r *record) writeGroup() {
	r.writePrivileges()
	at := r.Open("group")
	if r.Copy("name", r.param("groupName")) {
		r.Copy("uid", r.Doc.Path(r.responseElements, "group", "arn"))
	} else {
		r.writeRefused("group")
	}
	r.Close(at)
	user := r.Open("user")
	r.Copy("name", r.param("userName"))
	r.Observe(ocsfjson.UserName, "user.name", r.param("userName"))
	r.Close(user)
}
