// Package catalog lists the actions and receivers of the consumers: what is not in here does not exist.
package catalog

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/consumers"
	wafv2ipset "github.com/riposte-security/riposte/consumers/block/wafv2-ipset"
	ec2requiresecuritygroup "github.com/riposte-security/riposte/consumers/remediate/ec2-require-security-group"
	ec2requiretags "github.com/riposte-security/riposte/consumers/remediate/ec2-require-tags"
	iamrevertpolicy "github.com/riposte-security/riposte/consumers/remediate/iam-revert-policy"
	s3encryptbucket "github.com/riposte-security/riposte/consumers/remediate/s3-encrypt-bucket"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/schemas"
)

// Deps is what actions are made of. Clients must be set; Log and Now may be left out.
type Deps struct {
	Clients *cloud.Clients
	Log     zerolog.Logger
	Now     func() time.Time // default time.Now
}

// An Action is one line of the list: what describes it, and what makes it.
type Action struct {
	Spec schemas.ActionSpec
	New  func(Deps) (consumers.Action, error)
}

// Actions lists every action, block before remediate, by name.
func Actions() []Action {
	return []Action{
		{wafv2ipset.Spec(), with(func(d Deps) consumers.Action {
			return wafv2ipset.New(wafv2ipset.Deps{Now: d.Now, WAF: func(ctx context.Context, account, region string) (wafv2ipset.API, error) {
				return d.Clients.WAFV2(ctx, account, region)
			}})
		})},
		{ec2requiresecuritygroup.Spec(), with(func(d Deps) consumers.Action {
			return ec2requiresecuritygroup.New(ec2requiresecuritygroup.Deps{Now: d.Now, EC2: func(ctx context.Context, account, region string) (ec2requiresecuritygroup.API, error) {
				return d.Clients.EC2(ctx, account, region)
			}})
		})},
		{ec2requiretags.Spec(), with(func(d Deps) consumers.Action {
			return ec2requiretags.New(ec2requiretags.Deps{Now: d.Now, EC2: func(ctx context.Context, account, region string) (ec2requiretags.API, error) {
				return d.Clients.EC2(ctx, account, region)
			}})
		})},
		{iamrevertpolicy.Spec(), with(func(d Deps) consumers.Action {
			return iamrevertpolicy.New(iamrevertpolicy.Deps{Now: d.Now, IAM: func(ctx context.Context, account string) (iamrevertpolicy.API, error) {
				return d.Clients.IAM(ctx, account, "")
			}})
		})},
		{s3encryptbucket.Spec(), with(func(d Deps) consumers.Action {
			return s3encryptbucket.New(s3encryptbucket.Deps{Now: d.Now, S3: func(ctx context.Context, account, region string) (s3encryptbucket.API, error) {
				return d.Clients.S3(ctx, account, region)
			}})
		})},
	}
}

// with checks what every action needs before it is made.
func with(make func(Deps) consumers.Action) func(Deps) (consumers.Action, error) {
	return func(d Deps) (consumers.Action, error) {
		if d.Clients == nil {
			return nil, errors.New("no AWS clients")
		}
		if d.Now == nil {
			d.Now = time.Now
		}
		return make(d), nil
	}
}
