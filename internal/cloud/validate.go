package cloud

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Validate checks what can be checked without asking AWS.
func (c Config) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("aws "+format, args...)) }
	if c.Timeout < 0 || c.Timeout > 5*time.Minute {
		bad("timeout %s: between 0 and 5m expected", c.Timeout)
	}
	if c.Region != "" && !IsRegion(c.Region) {
		bad("region %q: something like eu-central-1 expected", c.Region)
	}
	if c.AssumeRole != "" && !isRoleARN(c.AssumeRole, accountPlace) {
		bad("assume_role %q: expected something like arn:aws:iam::%s:role/riposte", c.AssumeRole, accountPlace)
	}
	if c.AssumeRole != "" && len(c.AllowAccounts) == 0 && len(c.AccountRoles) == 0 {
		bad(`assume_role: allow_accounts has to name the accounts it is for ("*": every one that lets us in)`)
	}
	if c.AssumeRole == "" && len(c.AllowAccounts) > 0 {
		bad("allow_accounts: has a meaning only with assume_role")
	}
	if c.AssumeRole == "" && c.ExternalID != "" {
		bad("external_id: has a meaning only with assume_role")
	}
	if c.ExternalID != "" && !isExternalID(c.ExternalID) {
		bad("external_id: 2 to 1224 letters, digits and +=,.@:/- expected")
	}
	for _, a := range c.AllowAccounts {
		if a != anyAccount && !IsAccount(a) {
			bad("allow_accounts: %q: twelve digits in quotes expected", a)
		}
	}
	for _, account := range slices.Sorted(maps.Keys(c.AccountRoles)) {
		if err := c.AccountRoles[account].validate(account, c.AssumeRole != ""); err != nil {
			bad("account_roles: %w", err)
		}
	}
	return errors.Join(append(errs, c.Session.validate(), c.OwnAddresses.validate())...)
}

func (r Role) validate(account string, template bool) error {
	switch {
	case !IsAccount(account):
		return fmt.Errorf("%q: twelve digits in quotes expected", account)
	case r.AssumeRole == "" && !template:
		return fmt.Errorf("%s: assume_role is missing, and there is no template", account)
	case r.AssumeRole != "" && !isRoleARN(r.AssumeRole, account):
		return fmt.Errorf("%s: assume_role %q: a role in that account expected, such as arn:aws:iam::%s:role/riposte", account, r.AssumeRole, account)
	case r.ExternalID != "" && r.ExternalID != noExternalID && !isExternalID(r.ExternalID):
		return fmt.Errorf("%s: external_id: 2 to 1224 letters, digits and +=,.@:/- expected", account)
	}
	return nil
}

func (s Session) validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf("aws session "+format, args...)) }
	longest := sessionNameMax
	if s.PerCommand {
		longest -= len("-") + commandLen
	}
	if s.Name != "" && (!nameForm.MatchString(s.Name) || len(s.Name) > longest) {
		bad("name %q: 2 to %d letters, digits and +=,.@- expected", s.Name, longest)
	}
	if s.SourceIdentity != "" && (!nameForm.MatchString(s.SourceIdentity) || len(s.SourceIdentity) > sessionNameMax || strings.HasPrefix(s.SourceIdentity, "aws:")) {
		bad("source_identity %q: 2 to %d letters, digits and +=,.@- expected", s.SourceIdentity, sessionNameMax)
	}
	if s.Duration != 0 && (s.Duration < 15*time.Minute || s.Duration > 12*time.Hour) {
		bad("duration %s: between 15m and 12h expected", s.Duration)
	}
	if len(s.Tags) > 50 {
		bad("tags: %d of them; AWS takes 50", len(s.Tags))
	}
	for _, k := range slices.Sorted(maps.Keys(s.Tags)) {
		if v := s.Tags[k]; k == "" || len(k) > 128 || len(v) > 256 || !tagForm.MatchString(k+v) || strings.HasPrefix(strings.ToLower(k), "aws:") {
			bad("tags: %q: %q is none that AWS takes", k, v)
		}
	}
	return errors.Join(errs...)
}

func (o OwnAddresses) validate() error {
	var errs []error
	bad := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("aws own_addresses "+format, args...))
	}
	for _, a := range o.Accounts {
		if !IsAccount(a) {
			bad("accounts: %q: twelve digits in quotes expected", a)
		}
	}
	for _, r := range o.Regions {
		if !IsRegion(r) {
			bad("regions: %q: something like eu-central-1 expected", r)
		}
	}
	if o.Refresh != 0 && (o.Refresh < time.Minute || o.Refresh > 24*time.Hour) {
		bad("refresh %s: between 1m and 24h expected", o.Refresh)
	}
	if refresh := max(o.Refresh, time.Minute); o.MaxAge != 0 && (o.MaxAge < refresh || o.MaxAge > 7*24*time.Hour) {
		bad("max_age %s: between refresh and 168h expected", o.MaxAge)
	}
	return errors.Join(errs...)
}

// The forms are those of the STS API reference, AssumeRole: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
const sessionNameMax = 64

var (
	nameForm       = regexp.MustCompile(`^[\w+=,.@-]{2,}$`)
	externalIDForm = regexp.MustCompile(`^[\w+=,.@:/-]{2,}$`)
	tagForm        = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)
	regionForm     = regexp.MustCompile(`^[a-z]{2,8}(-[a-z]{2,12}){1,3}-[0-9]{1,2}$`)
)

func isExternalID(s string) bool { return len(s) <= 1224 && externalIDForm.MatchString(s) }

// isRoleARN tells whether arn is that of a role in account.
func isRoleARN(arn, account string) bool {
	partition, rest, _ := strings.Cut(strings.TrimPrefix(arn, "arn:"), ":")
	name, ok := strings.CutPrefix(rest, "iam::"+account+":role/")
	return strings.HasPrefix(arn, "arn:aws") && strings.HasPrefix(partition, "aws") && ok && name != "" && len(arn) <= 2048 &&
		!strings.HasSuffix(name, "/") && !strings.ContainsAny(name, " {}:*")
}

// IsRegion tells whether s has the form of the name of an AWS region.
func IsRegion(s string) bool { return len(s) <= 32 && regionForm.MatchString(s) }

// IsAccount tells whether s has the form of an AWS account id: twelve digits.
func IsAccount(s string) bool {
	if len(s) != 12 {
		return false
	}
	for _, r := range s {
		if r < '0' || r > '9' {
			return false
		}
	}
	return true
}
