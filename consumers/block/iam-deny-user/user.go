// Package iamdenyuser denies an IAM user everything, or some of it.
package iamdenyuser

import (
	"time"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/block/iamdeny"
	"github.com/riposte-security/riposte/consumers/iampolicy"
	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/schemas"
)

// Spec describes the action.
func Spec() schemas.ActionSpec {
	return schemas.ActionSpec{
		Name: "iam-deny-user",
		Lane: schemas.LaneBlock,
		Summary: "Denies an IAM user everything, or the actions named, by an inline policy beside the user's others. It holds for access keys, the console and " +
			"the user's temporary credentials alike; roles that the user has assumed already go on (see iam-deny-role). The target is the user's name or ARN.",
		TargetType: iamdeny.UserType,
		Settings:   iamdeny.ScopeSettings(),
		Undo:       true,
		Expires:    true,
		Policy:     []string{"iam:GetUser", "iam:GetUserPolicy", "iam:PutUserPolicy", "iam:DeleteUserPolicy"},
		Canonical:  iamdeny.CanonicalUser,
	}
}

// OnAWS makes the action with real clients.
func OnAWS(c *cloud.Clients, now func() time.Time) consumers.Action {
	return New(iamdeny.OnAWS(c, now))
}

// New makes the action.
func New(d iamdeny.Deps) consumers.Action {
	return iamdeny.New(iamdeny.Denial{Kind: iampolicy.User, Deny: deny}, d)
}

func deny(cmd schemas.Command) (iamdeny.Statement, string, error) {
	var s iamdeny.Scope
	if err := attribute.Settings(cmd, &s); err != nil {
		return iamdeny.Statement{}, "", err
	}
	return s.Statement()
}
