// Package iamdenyrole denies the sessions of an IAM role.
package iamdenyrole

import (
	"errors"
	"fmt"
	"time"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/block/iamdeny"
	"github.com/riposte-security/riposte/consumers/iampolicy"
	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const (
	sessionsIssued = "issued"
	sessionsAll    = "all"
)

// Spec describes the action.
func Spec() schemas.ActionSpec {
	return schemas.ActionSpec{
		Name: "iam-deny-role",
		Lane: schemas.LaneBlock,
		Summary: "Denies the sessions of an IAM role that were issued before the command everything, or the actions named, by an inline policy beside the " +
			"role's others. Whoever may assume the role, an instance or a function with it for instance, goes on with a new session; sessions: all denies those " +
			"as well. The target is the role's name or ARN, or the ARN of one of its sessions.",
		TargetType: iamdeny.RoleType,
		Settings: append([]schemas.Setting{
			{Name: "sessions", Type: "string", Default: sessionsIssued, Help: "issued: those from before the command was decided; all: those to come as well, until it is undone"},
		}, iamdeny.ScopeSettings()...),
		Undo:      true,
		Expires:   true,
		Policy:    []string{"iam:GetRole", "iam:GetRolePolicy", "iam:PutRolePolicy", "iam:DeleteRolePolicy"},
		Canonical: iamdeny.CanonicalRole,
	}
}

// OnAWS makes the action with real clients.
func OnAWS(c *cloud.Clients, now func() time.Time) consumers.Action {
	return New(iamdeny.OnAWS(c, now))
}

// New makes the action.
func New(d iamdeny.Deps) consumers.Action {
	return iamdeny.New(iamdeny.Denial{Kind: iampolicy.Role, Deny: deny}, d)
}

// deny draws the line at the command's creation, and not at the time of the call: what was stolen was stolen before, and the plan that a person has
// approved stays the plan.
func deny(cmd schemas.Command) (iamdeny.Statement, string, error) {
	s := struct {
		iamdeny.Scope
		Sessions string `json:"sessions"`
	}{Sessions: sessionsIssued}
	if err := attribute.Settings(cmd, &s); err != nil {
		return iamdeny.Statement{}, "", err
	}
	st, what, err := s.Statement()
	if err != nil {
		return st, "", err
	}
	switch s.Sessions {
	case sessionsAll:
		return st, what, nil
	case sessionsIssued:
	default:
		return st, "", fault.Permanent(fmt.Errorf("with.sessions %q: %s or %s expected", s.Sessions, sessionsIssued, sessionsAll))
	}
	if cmd.Created.IsZero() {
		return st, "", fault.Permanent(errors.New("the command does not say when it was decided"))
	}
	before := cmd.Created.UTC().Truncate(time.Second).Add(time.Second).Format(time.RFC3339) // AWS counts in seconds
	st.Condition = map[string]map[string]string{"DateLessThan": {"aws:TokenIssueTime": before}}
	return st, what + " in sessions issued before " + before, nil
}
