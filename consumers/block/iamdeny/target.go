package iamdeny

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/riposte-security/riposte/consumers/iampolicy"
	"github.com/riposte-security/riposte/schemas"
)

// The types of the targets.
const (
	UserType = "iam-user"
	RoleType = "iam-role"
)

// CanonicalUser takes a user's name or ARN. The id is the name without its path: names are unique without it. IAM has no regions.
func CanonicalUser(raw, account, _ string) (schemas.Target, error) {
	name := raw
	if strings.HasPrefix(raw, "arn:") {
		a, err := arn.Parse(raw)
		if err != nil {
			return schemas.Target{}, fmt.Errorf("user %q: %w", raw, err)
		}
		if a.Service == "iam" && a.Resource == "root" {
			return schemas.Target{}, fmt.Errorf("user %q: the root user obeys no policy of IAM", raw)
		}
		path, ok := strings.CutPrefix(a.Resource, "user/")
		if !ok || a.Service != "iam" {
			return schemas.Target{}, fmt.Errorf("user %q: not the ARN of a user", raw)
		}
		name, account = path[strings.LastIndexByte(path, '/')+1:], a.AccountID
	}
	if !iampolicy.IsName(name) || len(name) > 64 {
		return schemas.Target{}, fmt.Errorf("user %q: the name or ARN of a user expected", raw)
	}
	return schemas.Target{Type: UserType, Account: account, ID: name}, nil
}

// CanonicalRole takes a role's name or ARN, or the ARN of a session of the role (arn:aws:sts::…:assumed-role/NAME/SESSION), as CloudTrail has it. The id
// is the name without its path. Roles that belong to AWS cannot be changed.
func CanonicalRole(raw, account, _ string) (schemas.Target, error) {
	name := raw
	if strings.HasPrefix(raw, "arn:") {
		a, err := arn.Parse(raw)
		if err != nil {
			return schemas.Target{}, fmt.Errorf("role %q: %w", raw, err)
		}
		kind, rest, _ := strings.Cut(a.Resource, "/")
		switch {
		case a.Service == "iam" && kind == "role" && strings.HasPrefix(rest, "aws-service-role/"):
			return schemas.Target{}, fmt.Errorf("role %q: it is linked to a service of AWS and cannot be changed", raw)
		case a.Service == "iam" && kind == "role" && strings.HasPrefix(rest, "aws-reserved/"):
			return schemas.Target{}, fmt.Errorf("role %q: it belongs to IAM Identity Center and cannot be changed here", raw)
		case a.Service == "iam" && kind == "role":
			name = rest[strings.LastIndexByte(rest, '/')+1:]
		case a.Service == "sts" && kind == "assumed-role":
			name, _, _ = strings.Cut(rest, "/")
		default:
			return schemas.Target{}, fmt.Errorf("role %q: not the ARN of a role, nor of a session of one", raw)
		}
		account = a.AccountID
	}
	if !iampolicy.IsName(name) || len(name) > 64 {
		return schemas.Target{}, fmt.Errorf("role %q: the name or ARN of a role expected", raw)
	}
	if strings.HasPrefix(name, "AWSServiceRoleFor") || strings.HasPrefix(name, "AWSReservedSSO_") {
		return schemas.Target{}, fmt.Errorf("role %q: it belongs to AWS and cannot be changed", raw)
	}
	return schemas.Target{Type: RoleType, Account: account, ID: name}, nil
}
