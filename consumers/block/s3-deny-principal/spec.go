package s3denyprincipal

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/consumers/remediate/bucket"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const (
	everyAction    = "s3:*"
	mostPrincipals = 20
)

// Spec describes the action.
func Spec() schemas.ActionSpec {
	return schemas.ActionSpec{
		Name: "s3-deny-principal",
		Lane: schemas.LaneBlock,
		Summary: "Denies principals a bucket and all that is in it, by a statement of its own in the bucket's policy; the other statements stay as they are. A " +
			"bucket's own account cannot be denied. The target is the bucket's name or ARN.",
		TargetType: bucket.TargetType,
		Settings: []schemas.Setting{
			{Name: "principal", Type: "list", Required: true, Help: "ARNs of users, roles or sessions of roles (the whole role is denied then), or ids of other accounts"},
			{Name: "actions", Type: "list", Default: everyAction, Help: "what is denied: s3:GetObject"},
		},
		Undo:      true,
		Expires:   true,
		Policy:    []string{"s3:ListBucket", "s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"},
		Canonical: bucket.Canonical,
	}
}

// A denial is what a command denies.
type denial struct {
	principals []string // as they were given, for people
	sid        string
	statement  json.RawMessage
}

func denialOf(cmd schemas.Command) (denial, error) {
	s := struct {
		Principal attribute.Strings `json:"principal"`
		Actions   attribute.Strings `json:"actions"`
	}{Actions: attribute.Strings{everyAction}}
	if err := attribute.Settings(cmd, &s); err != nil {
		return denial{}, err
	}
	if len(s.Principal) == 0 || len(s.Principal) > mostPrincipals {
		return denial{}, fault.Permanent(fmt.Errorf("with.principal: 1 to %d ARNs or accounts expected", mostPrincipals))
	}
	for _, a := range s.Actions {
		if !strings.HasPrefix(a, "s3:") || strings.ContainsAny(a, " \t\n") {
			return denial{}, fault.Permanent(fmt.Errorf("with.actions: %q: an action of S3 such as s3:GetObject expected", a))
		}
	}
	var arns, accounts []string
	partition := "aws"
	for _, p := range s.Principal {
		patterns, account, err := principal(p)
		if err != nil {
			return denial{}, fault.Permanent(fmt.Errorf("with.principal: %q: %w", p, err))
		}
		if account != "" && (cmd.Target.Account == "" || account == cmd.Target.Account) {
			return denial{}, fault.Permanent(fmt.Errorf("with.principal: %q: refused: it is, or may be, the account that the bucket belongs to", p))
		}
		if account != "" {
			accounts = append(accounts, account)
		}
		arns = append(arns, patterns...)
		if strings.HasPrefix(p, "arn:") {
			partition = strings.Split(p, ":")[1]
		}
	}
	condition := map[string]any{"ArnLike": map[string]any{"aws:PrincipalArn": sorted(arns)}}
	switch {
	case len(arns) > 0 && len(accounts) > 0:
		return denial{}, fault.Permanent(errors.New("with.principal: either ARNs or accounts expected; both take two steps"))
	case len(accounts) > 0:
		condition = map[string]any{"StringEquals": map[string]any{"aws:PrincipalAccount": sorted(accounts)}}
	}
	bucketARN := "arn:" + partition + ":s3:::" + cmd.Target.ID
	d := denial{principals: s.Principal}
	var err error
	d.sid, d.statement, err = statement(map[string]any{
		"Effect": "Deny", "Principal": "*", "Action": sorted(s.Actions), "Resource": []string{bucketARN, bucketARN + "/*"}, "Condition": condition,
	})
	return d, err
}

// principal reads one principal: patterns of ARNs, or an account. It is denied by condition and not by the element Principal: S3 would refuse there who
// does not exist, and put an id in the place of who is deleted later.
func principal(raw string) (patterns []string, account string, err error) {
	if cloud.IsAccount(raw) {
		return nil, raw, nil
	}
	a, err := arn.Parse(raw)
	if err != nil {
		return nil, "", errors.New("an ARN or the id of an account expected")
	}
	if strings.ContainsAny(raw, "*?$") || !cloud.IsAccount(a.AccountID) {
		return nil, "", errors.New("the ARN of one principal expected")
	}
	kind, rest, _ := strings.Cut(a.Resource, "/")
	switch {
	case a.Service == "iam" && a.Resource == "root":
		return nil, a.AccountID, nil
	case a.Service == "iam" && (kind == "user" || kind == "role") && rest != "":
		return []string{raw}, "", nil
	case a.Service == "sts" && kind == "assumed-role" && rest != "":
		name, _, _ := strings.Cut(rest, "/")
		role := "arn:" + a.Partition + ":iam::" + a.AccountID + ":role/"
		return []string{role + name, role + "*/" + name}, "", nil // the session does not say the path of its role
	}
	return nil, "", errors.New("a user, a role, a session of a role, or an account expected")
}

func sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return slices.Compact(s)
}
