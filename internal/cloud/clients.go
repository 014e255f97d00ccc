// Package cloud is how riposte reaches AWS: clients by account and region, and one judgement of what an AWS error means.
package cloud

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"reflect"
	"slices"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"
	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/rs/zerolog"

	"github.com/riposte-security/riposte/internal/fault"
)

const (
	defaultTimeout = 10 * time.Second
	longPoll       = 20 * time.Second // the longest that SQS lets a receiver wait
	sdkTries       = 2                // our workers retry, with a longer breath and a record of it

	maxClients = 2048 // services × accounts × regions; one holds a few KB and no connections
	maxRoles   = 1024 // accounts
)

// Clients makes the clients of AWS services, by account and region, and keeps the ones lately used. It is safe for concurrent use, holds no
// goroutines and no lock while it asks AWS, and needs no closing.
type Clients struct {
	base  aws.Config
	plain []func(*middleware.Stack) error // the API options of all clients, whoever they act as
	long  aws.HTTPClient                  // for calls whose answers are long, or long in coming
	conf  Config

	caller atomic.Pointer[Identity] // once asked
	roles  *lru.Cache[string, aws.Config]
	made   *lru.Cache[clientKey, any]
	named  *lru.Cache[sessionKey, *aws.CredentialsCache] // sessions of one command
	rests  *rests
}

// A place is an account ("": our own) and a region. A client of a service is made once for each.
type place struct{ account, region string }

type clientKey struct {
	service reflect.Type
	place
}

// New reads the settings of the environment and files, and asks nobody: the first call to AWS is made when something is to be done there. more are further API
// options of all clients.
func New(ctx context.Context, conf Config, log zerolog.Logger, more ...func(*middleware.Stack) error) (*Clients, error) {
	if err := conf.Validate(); err != nil {
		return nil, err
	}
	conf = conf.withDefaults()
	connect := func(t *http.Transport) {
		t.DialContext = (&net.Dialer{Timeout: conf.Timeout, KeepAlive: 30 * time.Second}).DialContext
		t.TLSHandshakeTimeout = conf.Timeout
		t.MaxIdleConnsPerHost = 16
	}
	opts := []func(*config.LoadOptions) error{
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(conf.Timeout).WithTransportOptions(connect)),
		config.WithRetryer(newRetryer),
		config.WithAppID("riposte"),
		config.WithAPIOptions(append([]func(*middleware.Stack) error{newWatch(log).register, markCommand}, more...)),
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
	c := &Clients{base: base, plain: base.APIOptions, long: long, conf: conf, roles: newLRU[string, aws.Config](maxRoles), made: newLRU[clientKey, any](maxClients),
		named: newLRU[sessionKey, *aws.CredentialsCache](maxSessions), rests: newRests()}
	c.base.APIOptions = append(slices.Clone(c.plain), renewing(base.Credentials), c.rests.register(""))
	return c, nil
}

// Region is the region of things whose own is not known; empty where none is set.
func (c *Clients) Region() string { return c.base.Region }

// newLRU returns a cache of that size, which is at least 1: all that the library takes amiss.
func newLRU[K comparable, V any](size int) *lru.Cache[K, V] {
	c, _ := lru.New[K, V](size)
	return c
}

// An Identity is who AWS takes us for.
type Identity struct {
	Account string
	ARN     string // of a user, or of a session of a role: arn:aws:sts::123456789012:assumed-role/riposte/i-0abc
}

// Caller is whom our own credentials, before any role is assumed, belong to. AWS is asked once.
func (c *Clients) Caller(ctx context.Context) (Identity, error) {
	if id := c.caller.Load(); id != nil {
		return *id, nil
	}
	conf, err := c.in(c.base, "", true)
	if err != nil {
		return Identity{}, err
	}
	out, err := sts.NewFromConfig(conf).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return Identity{}, fmt.Errorf("our AWS account: %w", Classify(err))
	}
	id := Identity{Account: aws.ToString(out.Account), ARN: aws.ToString(out.Arn)}
	c.caller.Store(&id)
	return id, nil
}

// Account is the account that our own credentials belong to. AWS is asked once.
func (c *Clients) Account(ctx context.Context) (string, error) {
	id, err := c.Caller(ctx)
	return id.Account, err
}

// config returns the settings for an account ("": our own) and a region ("": the default one). An account that is not ours needs a role
// to assume: acting with our own credentials on what is meant to be elsewhere could hit a namesake here.
func (c *Clients) config(ctx context.Context, account, region string, global bool) (aws.Config, error) {
	account, err := c.elsewhere(ctx, account)
	if err != nil {
		return aws.Config{}, err
	}
	conf := c.base
	if account != "" {
		if conf, err = c.role(account); err != nil {
			return aws.Config{}, err
		}
	}
	return c.in(conf, region, global)
}

// elsewhere returns the account, or "" if it is our own.
func (c *Clients) elsewhere(ctx context.Context, account string) (string, error) {
	if account == "" {
		return "", nil
	}
	if !IsAccount(account) {
		return "", fault.Permanent(fmt.Errorf("AWS account %q: twelve digits expected", account))
	}
	own, err := c.Account(ctx)
	if err != nil || account == own {
		return "", err
	}
	return account, nil
}

// client returns the client of a service for a place, and makes it where there is none yet.
func client[C any](ctx context.Context, c *Clients, account, region string, build func(aws.Config) C) (C, error) {
	return placed(ctx, c, account, region, false, build)
}

// global is client for a service whose region only selects the partition.
func global[C any](ctx context.Context, c *Clients, account, region string, build func(aws.Config) C) (C, error) {
	return placed(ctx, c, account, region, true, build)
}

func placed[C any](ctx context.Context, c *Clients, account, region string, global bool, build func(aws.Config) C) (C, error) {
	var none C
	conf, err := c.config(ctx, account, region, global)
	if err != nil {
		return none, err
	}
	if account, err = c.elsewhere(ctx, account); err != nil {
		return none, err
	}
	key := clientKey{reflect.TypeFor[C](), place{account, conf.Region}}
	if made, ok := c.made.Get(key); ok {
		return made.(C), nil //nolint:forcetypeassert // its type is part of the key
	}
	built := build(conf)
	c.made.Add(key, built)
	return built, nil
}

// in sets the region. A global service is signed for some region of the partition, so there any will do.
func (c *Clients) in(conf aws.Config, region string, global bool) (aws.Config, error) {
	if region != "" {
		if !IsRegion(region) { // it becomes part of a host name
			return aws.Config{}, fault.Permanent(fmt.Errorf("AWS region %q: something like eu-central-1 expected", region))
		}
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

// AccessKey is the id of the access key that our own credentials, before any role is assumed, have at present.
func (c *Clients) AccessKey(ctx context.Context) (string, error) {
	creds, err := c.base.Credentials.Retrieve(ctx)
	if err != nil {
		return "", fmt.Errorf("our AWS credentials: %w", err)
	}
	return creds.AccessKeyID, nil
}
