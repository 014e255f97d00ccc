package cloud

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Config says how AWS is reached. Everything may be left out: region, credentials and endpoint then come from where every AWS tool takes
// them (environment, profiles, web identity, instance role).
type Config struct {
	// Region is where things are whose own region is not known; default AWS_REGION or the profile's.
	Region string `yaml:"region"`
	// AssumeRole is the ARN of the role to take in accounts other than our own, with {account} in the place of the account:
	// arn:aws:iam::{account}:role/riposte. Without it, other accounts are refused.
	AssumeRole string `yaml:"assume_role"`
	// ExternalID goes with AssumeRole where the roles ask for one.
	ExternalID string `yaml:"external_id"`
	// Timeout limits one try of one call; default 10 s. For S3, SQS, Kinesis and CloudWatch Logs, whose answers may be long or long in coming, it limits connecting,
	// and a pause before the answer begins may take 20 s more.
	Timeout time.Duration `yaml:"timeout"`
}

// Validate checks what can be checked without asking AWS.
func (c Config) Validate() error {
	if c.Timeout < 0 || c.Timeout > 5*time.Minute {
		return fmt.Errorf("aws timeout %s: between 0 and 5m expected", c.Timeout)
	}
	if c.AssumeRole == "" {
		if c.ExternalID != "" {
			return errors.New("aws external_id: has a meaning only with assume_role")
		}
		return nil
	}
	if !strings.HasPrefix(c.AssumeRole, "arn:") || !strings.Contains(c.AssumeRole, "::"+accountPlace+":role/") {
		return fmt.Errorf("aws assume_role %q: expected something like arn:aws:iam::%s:role/riposte", c.AssumeRole, accountPlace)
	}
	return nil
}

const accountPlace = "{account}"
