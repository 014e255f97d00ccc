package cloud

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"

	"github.com/riposte-security/riposte/internal/fault"
)

const (
	expiryWindow = 2 * time.Minute // credentials are renewed before they end, so that no call begins with ones that end on the way
	maxSessions  = 1024            // sessions of one command that are kept: those at work, and a while after
)

// RoleARN is the ARN of the role that is taken in an account other than our own. An account that is not allowed is a permanent error.
func (c *Clients) RoleARN(account string) (string, error) {
	arn, _, err := c.conf.role(account)
	return arn, err
}

// Accounts are the accounts other than our own that are allowed by name, in order.
func (c *Clients) Accounts() []string {
	named := slices.Collect(maps.Keys(c.conf.AccountRoles))
	for _, a := range c.conf.AllowAccounts {
		if a != anyAccount {
			named = append(named, a)
		}
	}
	slices.Sort(named)
	return slices.Compact(named)
}

// OwnAddresses are the settings for package own, with their defaults.
func (c *Clients) OwnAddresses() OwnAddresses { return c.conf.OwnAddresses }

// role says which role is taken in an account, and with which external id ("": none).
func (c Config) role(account string) (arn, externalID string, err error) {
	special, ok := c.AccountRoles[account]
	switch {
	case ok:
	case c.AssumeRole == "" && len(c.AccountRoles) == 0:
		return "", "", fault.Permanent(fmt.Errorf("AWS account %s: it is not ours, and no assume_role is configured", account))
	case !slices.Contains(c.AllowAccounts, account) && !slices.Contains(c.AllowAccounts, anyAccount):
		return "", "", fault.Permanent(fmt.Errorf("AWS account %s is not allowed: it stands neither in allow_accounts nor in account_roles of the aws section", account))
	}
	arn, externalID = special.AssumeRole, special.ExternalID
	if arn == "" {
		arn = strings.ReplaceAll(c.AssumeRole, accountPlace, account)
	}
	switch externalID {
	case "":
		externalID = c.ExternalID
	case noExternalID:
		externalID = ""
	}
	return arn, externalID, nil
}

// role returns the settings for another account, made once. Its credentials are fetched when they are needed, kept, and renewed before they expire.
func (c *Clients) role(account string) (aws.Config, error) {
	arn, externalID, err := c.conf.role(account)
	if err != nil {
		return aws.Config{}, err
	}
	if conf, ok := c.roles.Get(account); ok {
		return conf, nil
	}
	asking, err := c.in(c.base, "", true)
	if err != nil {
		return aws.Config{}, err
	}
	asking.APIOptions = append(slices.Clone(c.plain), c.rests.register(account)) // STS that is slow for one account is so for that one
	r := &assumed{c: c, account: account, arn: arn, externalID: externalID, sts: sts.NewFromConfig(asking)}
	r.shared = r.credentials(c.conf.Session.Name)
	conf := c.base.Copy()
	conf.Credentials = r
	conf.APIOptions = append(slices.Clone(c.plain), renewing(r), c.rests.register(account))
	if before, ok, _ := c.roles.PeekOrAdd(account, conf); ok { // somebody else was quicker: one cache of credentials an account
		return before, nil
	}
	return conf, nil
}

// assumed gives the credentials of the role in one account: of one session for all, or of a session for each command.
type assumed struct {
	c                        *Clients
	account, arn, externalID string
	sts                      *sts.Client
	shared                   *aws.CredentialsCache
}

// A sessionKey names the session of one command in one account.
type sessionKey struct{ account, command string }

// Retrieve implements aws.CredentialsProvider. It waits for STS at most until ctx ends; whom it waits for, others of the same session wait with.
func (r *assumed) Retrieve(ctx context.Context) (aws.Credentials, error) {
	creds, err := r.session(ctx).Retrieve(ctx)
	if err != nil {
		return creds, &roleError{arn: r.arn, err: err}
	}
	if creds.AccountID != "" && creds.AccountID != r.account {
		return aws.Credentials{}, &roleError{arn: r.arn, err: fault.Permanent(fmt.Errorf("STS gave credentials of account %s", creds.AccountID))}
	}
	return creds, nil
}

// Invalidate forgets the credentials of the session that ctx belongs to.
func (r *assumed) Invalidate(ctx context.Context) { r.session(ctx).Invalidate() }

func (r *assumed) session(ctx context.Context) *aws.CredentialsCache {
	id := CommandFrom(ctx)
	if id == "" || !r.c.conf.Session.PerCommand {
		return r.shared
	}
	key := sessionKey{r.account, id}
	if s, ok := r.c.named.Get(key); ok {
		return s
	}
	s := r.credentials(r.c.conf.Session.Name + "-" + id)
	if before, ok, _ := r.c.named.PeekOrAdd(key, s); ok {
		return before
	}
	return s
}

// credentials keeps those of a session of that name.
func (r *assumed) credentials(name string) *aws.CredentialsCache {
	s := r.c.conf.Session
	return aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(r.sts, r.arn, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName, o.Duration = name, s.Duration
		if r.externalID != "" {
			o.ExternalID = aws.String(r.externalID)
		}
		if s.SourceIdentity != "" {
			o.SourceIdentity = aws.String(s.SourceIdentity)
		}
		for _, k := range slices.Sorted(maps.Keys(s.Tags)) {
			o.Tags = append(o.Tags, ststypes.Tag{Key: aws.String(k), Value: aws.String(s.Tags[k])})
		}
	}), func(o *aws.CredentialsCacheOptions) {
		o.ExpiryWindow, o.ExpiryWindowJitterFrac = expiryWindow, 0.5
	})
}

// A roleError says that a call was not made because its account could not be entered.
type roleError struct {
	arn string
	err error
}

func (e *roleError) Error() string { return "role " + e.arn + ": " + e.err.Error() }
func (e *roleError) Unwrap() error { return e.err }
