// Package iamdisableconsole keeps an IAM user out of the console.
package iamdisableconsole

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
		Name: "iam-disable-console",
		Lane: schemas.LaneBlock,
		Summary: "Makes the console useless to an IAM user, whose access keys go on working: an inline policy denies everything that is asked for with " +
			"temporary credentials, which is how the console asks, from its sessions that are open already too. Tokens that the user got from GetSessionToken or " +
			"GetFederationToken are denied alike. The password is left as it is, and signing in still succeeds: a login profile that is removed does not come " +
			"back with its password, and this can be taken back whole. The target is the user's name or ARN.",
		TargetType: iamdeny.UserType,
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

// deny: aws:TokenIssueTime is there only where the credentials are temporary. Where a service of AWS asks on behalf of the user's access key, they are
// as well, and that is let through.
func deny(cmd schemas.Command) (iamdeny.Statement, string, error) {
	if err := attribute.Settings(cmd, &struct{}{}); err != nil {
		return iamdeny.Statement{}, "", err
	}
	s, what, err := iamdeny.Scope{}.Statement()
	s.Condition = map[string]map[string]string{"Null": {"aws:TokenIssueTime": "false"}, "BoolIfExists": {"aws:ViaAWSService": "false"}}
	return s, what + " from the console", err
}
