package cloud

import "time"

// Config says how AWS is reached. Everything may be left out: region, credentials and endpoint then come from where every AWS tool takes
// them (environment, profiles, web identity, instance role), and no account but our own is touched.
type Config struct {
	// Region is where things are whose own region is not known; default AWS_REGION or the profile's.
	Region string `yaml:"region"`
	// AssumeRole is the ARN of the role to take in accounts other than our own, with {account} in the place of the account:
	// arn:aws:iam::{account}:role/riposte.
	AssumeRole string `yaml:"assume_role"`
	// ExternalID goes with AssumeRole where the roles ask for one.
	ExternalID string `yaml:"external_id"`
	// AllowAccounts are the accounts in which AssumeRole may be taken, beside those of AccountRoles; "*" stands for every account that lets us in. Which account is
	// meant is said by events: without this list, who can forge one could make us show up, with the external id, in an account of theirs.
	AllowAccounts []string `yaml:"allow_accounts"`
	// AccountRoles are accounts whose role differs from the template. Being named here allows them.
	AccountRoles map[string]Role `yaml:"account_roles"`
	// Session says how we appear in other accounts.
	Session Session `yaml:"session"`
	// Timeout limits one try of one call; default 10 s. For S3, SQS, Kinesis and CloudWatch Logs, whose answers may be long or long in coming, it limits connecting,
	// and a pause before the answer begins may take 20 s more.
	Timeout time.Duration `yaml:"timeout"`
	// OwnAddresses says which addresses are ours and must never be blocked; see package own.
	OwnAddresses OwnAddresses `yaml:"own_addresses"`
}

// A Role is how one account is entered, where it differs from the template.
type Role struct {
	// AssumeRole is the ARN of a role in that account; default the template's.
	AssumeRole string `yaml:"assume_role"`
	// ExternalID is what that role asks for; default the template's. "-" sends none.
	ExternalID string `yaml:"external_id"`
}

// Session says how we appear in the accounts whose role we take. What is set here has to be allowed by the roles' trust policies.
type Session struct {
	// Name is the role session's name: the end of our ARN there; default riposte.
	Name string `yaml:"name"`
	// PerCommand makes the name NAME-COMMAND for calls that are made for a command, at the price of a call to STS a command and account. Without it, the
	// command is found in the User-Agent alone.
	PerCommand bool `yaml:"per_command"`
	// SourceIdentity is set for good on the session and on all that are taken from it; default none. The trust policy has to allow sts:SetSourceIdentity.
	SourceIdentity string `yaml:"source_identity"`
	// Tags are those of the session. The trust policy has to allow sts:TagSession.
	Tags map[string]string `yaml:"tags"`
	// Duration is how long credentials of a role last; default 1 h, which is also the most that AWS gives to who is in a role already.
	Duration time.Duration `yaml:"duration"`
}

// OwnAddresses says where the addresses that are our own are read.
type OwnAddresses struct {
	// Off reads nothing and knows no address.
	Off bool `yaml:"off"`
	// Accounts are those whose addresses are kept from the start; default our own and all that are allowed by name. Others are read when they are asked about.
	Accounts []string `yaml:"accounts"`
	// Regions are those of each account; default the one region.
	Regions []string `yaml:"regions"`
	// Refresh is how often they are read anew; default 10 m.
	Refresh time.Duration `yaml:"refresh"`
	// MaxAge is how long a list is believed when it cannot be read anew; default 2 h.
	MaxAge time.Duration `yaml:"max_age"`
}

const (
	accountPlace    = "{account}"
	anyAccount      = "*"
	noExternalID    = "-"
	defaultSession  = "riposte"
	defaultDuration = time.Hour
	defaultRefresh  = 10 * time.Minute
	defaultMaxAge   = 2 * time.Hour
)

// withDefaults fills in what was left out.
func (c Config) withDefaults() Config {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&c.Timeout, defaultTimeout)
	def(&c.Session.Duration, defaultDuration)
	def(&c.OwnAddresses.Refresh, defaultRefresh)
	def(&c.OwnAddresses.MaxAge, max(defaultMaxAge, 2*c.OwnAddresses.Refresh))
	if c.Session.Name == "" {
		c.Session.Name = defaultSession
	}
	return c
}
