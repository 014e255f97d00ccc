// Package cloud is how riposte reaches AWS: clients by account and region, and one judgement of what an AWS error means.
package cloud

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/fault"
)

const (
	defaultTimeout = 10 * time.Second
	longPoll       = 20 * time.Second // the longest that SQS lets a receiver wait
	sdkTries       = 2                // our workers retry, with a longer breath and a record of it
	sessionName    = "riposte"
)

// Clients makes the clients of AWS services, by account and region. It is safe for concurrent use, holds no goroutines, and needs no closing.
type Clients struct {
	base aws.Config
	long aws.HTTPClient // for calls whose answers are long, or long in coming
	conf Config

	mu    sync.Mutex
	own   string                // our account, once asked
	roles map[string]aws.Config // by account: base with the credentials of the role there
}

// New reads the settings of the environment and files, and asks nobody: the first call to AWS is made when something is to be done there.
func New(ctx context.Context, conf Config, log zerolog.Logger) (*Clients, error) {
	if err := conf.Validate(); err != nil {
		return nil, err
	}
	if conf.Timeout == 0 {
		conf.Timeout = defaultTimeout
	}
	connect := func(t *http.Transport) {
		t.DialContext = (&net.Dialer{Timeout: conf.Timeout, KeepAlive: 30 * time.Second}).DialContext
		t.TLSHandshakeTimeout = conf.Timeout
		t.MaxIdleConnsPerHost = 16
	}
	opts := []func(*config.LoadOptions) error{
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(conf.Timeout).WithTransportOptions(connect)),
		config.WithRetryMaxAttempts(sdkTries),
		config.WithAppID("riposte"),
		config.WithAPIOptions([]func(*middleware.Stack) error{newWatch(log).register, markCommand}),
		config.WithLogger(logging.LoggerFunc(func(c logging.Classification, format string, v ...any) {
			level := zerolog.DebugLevel
			if c == logging.Warn {
				level = zerolog.WarnLevel
			}
			log.WithLevel(level).Str("dependency", "aws").Msgf(format, v...)
		})),
	}
	if conf.Region != "" {
		opts = append(opts, config.WithRegion(conf.Region))
	}
	base, err := config.LoadDefaultConfig(ctx, opts...)
	if err != nil {
		return nil, fmt.Errorf("aws settings: %w", err)
	}
	long := awshttp.NewBuildableClient().WithTransportOptions(connect, func(t *http.Transport) {
		t.ResponseHeaderTimeout = conf.Timeout + longPoll
	})
	return &Clients{base: base, long: long, conf: conf, roles: map[string]aws.Config{}}, nil
}

// Region is the region of things whose own is not known; empty where none is set.
func (c *Clients) Region() string { return c.base.Region }

// Account is the account that our own credentials belong to. AWS is asked once.
func (c *Clients) Account(ctx context.Context) (string, error) {
	c.mu.Lock()
	own := c.own
	c.mu.Unlock()
	if own != "" {
		return own, nil
	}
	conf, err := c.in(c.base, "", true)
	if err != nil {
		return "", err
	}
	out, err := sts.NewFromConfig(conf).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return "", fmt.Errorf("our AWS account: %w", Classify(err))
	}
	own = aws.ToString(out.Account)
	c.mu.Lock()
	c.own = own
	c.mu.Unlock()
	return own, nil
}

// config returns the settings for an account ("": our own) and a region ("": the default one). An account that is not ours needs a role
// to assume: acting with our own credentials on what is meant to be elsewhere could hit a namesake here.
func (c *Clients) config(ctx context.Context, account, region string, global bool) (aws.Config, error) {
	if account == "" {
		return c.in(c.base, region, global)
	}
	if !IsAccount(account) {
		return aws.Config{}, fault.Permanent(fmt.Errorf("AWS account %q: twelve digits expected", account))
	}
	own, err := c.Account(ctx)
	if err != nil {
		return aws.Config{}, err
	}
	if account == own {
		return c.in(c.base, region, global)
	}
	conf, err := c.role(account, own)
	if err != nil {
		return aws.Config{}, err
	}
	return c.in(conf, region, global)
}

// role returns the settings for another account, made once, so that its credentials are fetched when needed and kept until they expire.
func (c *Clients) role(account, own string) (aws.Config, error) {
	if c.conf.AssumeRole == "" {
		return aws.Config{}, fault.Permanent(fmt.Errorf("AWS account %s: it is not ours (%s), and no assume_role is configured", account, own))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if conf, ok := c.roles[account]; ok {
		return conf, nil
	}
	base, err := c.in(c.base, "", true)
	if err != nil {
		return aws.Config{}, err
	}
	arn := strings.ReplaceAll(c.conf.AssumeRole, accountPlace, account)
	conf := c.base.Copy()
	conf.Credentials = aws.NewCredentialsCache(stscreds.NewAssumeRoleProvider(sts.NewFromConfig(base), arn, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName = sessionName
		if c.conf.ExternalID != "" {
			o.ExternalID = aws.String(c.conf.ExternalID)
		}
	}))
	c.roles[account] = conf
	return conf, nil
}

// in sets the region. A global service is signed for some region of the partition, so there any will do.
func (c *Clients) in(conf aws.Config, region string, global bool) (aws.Config, error) {
	if region != "" {
		conf.Region = region
	}
	if conf.Region == "" && global {
		conf.Region = RegionGlobal
	}
	if conf.Region == "" {
		return aws.Config{}, fault.Permanent(fmt.Errorf("no AWS region is known: set AWS_REGION, or region in the aws section"))
	}
	return conf, nil
}

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
