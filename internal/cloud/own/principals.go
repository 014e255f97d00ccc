package own

import (
	"context"
	"strings"

	"github.com/riposte-security/riposte/internal/cloud"
)

// Principals are those that riposte itself acts as: whom its own credentials belong to, and the role that it takes in each account. Whoever denies
// them something ties riposte's hands.
type Principals struct{ c Roles }

// Roles say who riposte is; *cloud.Clients do.
type Roles interface {
	Caller(ctx context.Context) (cloud.Identity, error)
	RoleARN(account string) (string, error)
	AccessKey(ctx context.Context) (string, error)
}

// NewPrincipals asks nobody yet.
func NewPrincipals(c Roles) Principals { return Principals{c} }

// Lookup tells whether ref names one of them, or something of theirs, and says which: "riposte's own role arn:aws:iam::123456789012:role/riposte". ref is
// an ARN (of a user, a role, or a session of one), the id of an access key, or a name in account ("": our own): riposte, role/riposte,
// role/riposte/policy/inline. An error says that AWS did not tell who we are; a retry may mend it.
func (p Principals) Lookup(ctx context.Context, account, ref string) (entry string, found bool, err error) {
	id, err := p.c.Caller(ctx)
	if err != nil {
		return "", false, unread("our own principals", err)
	}
	self := cloud.ParsePrincipal(id.ARN)
	if strings.HasPrefix(ref, "AKIA") || strings.HasPrefix(ref, "ASIA") {
		key, err := p.c.AccessKey(ctx)
		if err != nil {
			return "", false, unread("our own access key", err)
		}
		if key == ref {
			return "riposte's own access key " + key + " of " + id.ARN, true, nil
		}
	}
	kind, name := "", ref
	if strings.HasPrefix(ref, "arn:") {
		target := cloud.ParsePrincipal(ref)
		if target.Account == "" || target.Name == "" {
			return "", false, nil
		}
		account, kind, name = target.Account, target.Kind, target.Name
	} else if k, rest, ok := strings.Cut(ref, "/"); ok {
		kind = k
		name, _, _ = strings.Cut(rest, "/")
	}
	if account == "" {
		account = id.Account
	}
	if account == self.Account && name == self.Name && (kind == "" || kind == self.Kind) {
		return "riposte's own " + self.Kind + " " + id.ARN, true, nil
	}
	arn, err := p.c.RoleARN(account)
	if err != nil { // an account in which we take no role
		return "", false, nil //nolint:nilerr // see above
	}
	if role := cloud.ParsePrincipal(arn); name == role.Name && (kind == "" || kind == role.Kind) {
		return "riposte's own role " + arn, true, nil
	}
	return "", false, nil
}
