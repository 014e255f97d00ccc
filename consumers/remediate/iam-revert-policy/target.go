package iamrevertpolicy

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/riposte-security/riposte/consumers/iampolicy"
	"github.com/riposte-security/riposte/consumers/remediate/confighistory"
	"github.com/riposte-security/riposte/schemas"
)

// TargetType is the type of these targets.
const targetType = "iam-policy"

// Spec describes the action.
func Spec() schemas.ActionSpec {
	return schemas.ActionSpec{
		Name: "iam-revert-policy",
		Lane: schemas.LaneRemediate,
		Summary: "Takes *:* back out of an IAM policy, if its document still grants it. A managed policy goes back to its previous version as the default, or, where it " +
			"has none that grants less, to its former document as AWS Config recorded it, in a new version. An inline policy that was overwritten goes back to its former " +
			"document as AWS Config recorded it; one that AWS Config knows nothing of is removed. A managed policy without anything to go back to asks for approval, and " +
			"is then given a default version that grants nothing: whatever it is attached to stays attached. The target is the ARN of a managed policy, " +
			"or for an inline one user/NAME/policy/POLICY, role/NAME/policy/POLICY or group/NAME/policy/POLICY (an ARN with that ending will do).",
		Controls:   []string{"IAM.1"},
		TargetType: targetType,
		Settings: []schemas.Setting{
			{Name: "by", Type: "string", Default: byVersions, OneOf: []string{byVersions, byConfig}, Help: "what of a managed policy is asked first: the versions that IAM keeps, or AWS Config"},
			{Name: "config_region", Type: "string", Help: "where AWS Config records IAM; by default the region of the AWS settings"},
		},
		Undo: true,
		Irreversible: "what an inline policy said before it was overwritten, where AWS Config has not recorded it: a removal does not bring it back (undo restores what was " +
			"removed); what was done with the permissions in the meantime",
		Policy: append([]string{
			"iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListPolicyVersions", "iam:SetDefaultPolicyVersion", "iam:CreatePolicyVersion", "iam:DeletePolicyVersion",
			"iam:GetUserPolicy", "iam:PutUserPolicy", "iam:DeleteUserPolicy", "iam:GetRolePolicy", "iam:PutRolePolicy", "iam:DeleteRolePolicy",
			"iam:GetGroupPolicy", "iam:PutGroupPolicy", "iam:DeleteGroupPolicy", "iam:GetUser", "iam:GetRole", "iam:GetGroup",
		}, confighistory.Policy()...),
		Canonical: canonical,
		Code: &schemas.Code{ // which permissions are meant instead of all of them, nobody but its owner knows
			Attribute: "document, which must not allow every action on every resource",
			Resources: []string{"aws_iam_policy", "aws_iam_user_policy", "aws_iam_role_policy", "aws_iam_group_policy"},
		},
	}
}

// canonical gives a managed policy its ARN as id, and an inline one the form kind/NAME/policy/POLICY, without the path of its owner: names are
// unique without it. IAM has no regions.
func canonical(raw, account, _ string) (schemas.Target, error) {
	bad := func(why string) (schemas.Target, error) {
		return schemas.Target{}, fmt.Errorf("policy %q: %s", raw, why)
	}
	id := raw
	if strings.HasPrefix(raw, "arn:") {
		a, err := arn.Parse(raw)
		if err != nil {
			return bad(err.Error())
		}
		if a.Service != "iam" {
			return bad("not an ARN of IAM")
		}
		if a.AccountID == "aws" {
			return bad("it belongs to AWS and cannot be changed")
		}
		account = a.AccountID
		if name, ok := strings.CutPrefix(a.Resource, "policy/"); ok {
			if !iampolicy.IsName(name[strings.LastIndexByte(name, '/')+1:]) {
				return bad("the name is none")
			}
			return schemas.Target{Type: targetType, Account: account, ID: raw}, nil
		}
		id = a.Resource
	}
	o, ok := ownerOf(id)
	if !ok {
		return bad("the ARN of a managed policy, or user|role|group/NAME/policy/POLICY expected")
	}
	return schemas.Target{Type: targetType, Account: account, ID: o.Kind + "/" + o.Name + "/policy/" + o.Policy}, nil
}

// ownerOf reads kind/[path/]NAME/policy/POLICY. Neither names nor policies have slashes in them.
func ownerOf(id string) (iampolicy.Owner, bool) {
	parts := strings.Split(id, "/")
	n := len(parts)
	if n < 4 || parts[n-2] != "policy" {
		return iampolicy.Owner{}, false
	}
	o := iampolicy.Owner{Kind: parts[0], Name: parts[n-3], Policy: parts[n-1]}
	switch o.Kind {
	case "user", "role", "group":
		return o, iampolicy.IsName(o.Name) && iampolicy.IsName(o.Policy)
	}
	return iampolicy.Owner{}, false
}
