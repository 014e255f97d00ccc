// Package scene sets the scene of the recorded attack in an AWS API that keeps state (an emulator such as moto): it makes the buckets,
// instances, policies and IP sets that the records speak of, as the attacker left them, so that there is something to put right.
package scene

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/wafv2"
	waftypes "github.com/aws/aws-sdk-go-v2/service/wafv2/types"
	"github.com/aws/smithy-go"

	"github.com/riposte-security/riposte/internal/cloud"
)

// Names as the records have them.
const (
	account = "111122223333"
	region  = "eu-central-1"
	policy  = "acme-ci-deploy"
	user    = "mallory"
	inline  = "maintenance"

	everything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	little     = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject"],"Resource":"arn:aws:s3:::acme-website/*"}]}`
)

// Set makes the scene and returns what things are called there: a name in the records → the name to put in its place. run is a few
// characters that set the things of this run apart from those of others. It makes real things: use it on an emulator.
func Set(ctx context.Context, c *cloud.Clients, run string) (*strings.Replacer, error) {
	own, err := c.Account(ctx)
	if err != nil {
		return nil, fmt.Errorf("scene: %w", err)
	}
	s := &setter{clients: c, run: run, names: []string{account, own}}
	for _, step := range []func(context.Context) error{s.buckets, s.instances, s.identities, s.ipSets} {
		if err := step(ctx); err != nil {
			return nil, fmt.Errorf("scene: %w", err)
		}
	}
	return strings.NewReplacer(s.names...), nil
}

type setter struct {
	clients *cloud.Clients
	run     string
	names   []string // pairs for a Replacer
}

// fresh gives a thing a name of this run.
func (s *setter) fresh(name string) string {
	fresh := name + "-" + s.run
	s.names = append(s.names, name, fresh)
	return fresh
}

func (s *setter) buckets(ctx context.Context) error {
	client, err := s.clients.S3(ctx, "", region)
	if err != nil {
		return fmt.Errorf("buckets: %w", err)
	}
	for _, name := range []string{"acme-parking", "acme-customer-exports", "acme-invoices"} {
		_, err := client.CreateBucket(ctx, &s3.CreateBucketInput{
			Bucket:                    aws.String(s.fresh(name)),
			CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: region},
		})
		if err != nil {
			return fmt.Errorf("bucket %s: %w", name, err)
		}
	}
	return nil
}

func (s *setter) identities(ctx context.Context) error {
	client, err := s.clients.IAM(ctx, "", "")
	if err != nil {
		return fmt.Errorf("identities: %w", err)
	}
	if _, err := client.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String(user)}); exists(err) != nil {
		return fmt.Errorf("user %s: %w", user, err)
	}
	_, err = client.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: aws.String(user), PolicyName: aws.String(inline), PolicyDocument: aws.String(everything)})
	if err != nil {
		return fmt.Errorf("inline policy %s: %w", inline, err)
	}
	made, err := client.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String(s.fresh(policy)), PolicyDocument: aws.String(little)})
	if err != nil {
		return fmt.Errorf("policy %s: %w", policy, err)
	}
	_, err = client.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: made.Policy.Arn, PolicyDocument: aws.String(everything), SetAsDefault: true})
	if err != nil {
		return fmt.Errorf("policy %s: %w", policy, err)
	}
	return nil
}

// ipSets makes the sets that the shipped rules block with, empty. They are the same for every run.
func (s *setter) ipSets(ctx context.Context) error {
	client, err := s.clients.WAFV2(ctx, "", region)
	if err != nil {
		return fmt.Errorf("IP sets: %w", err)
	}
	for name, version := range map[string]waftypes.IPAddressVersion{
		"riposte-blocked": waftypes.IPAddressVersionIpv4, "riposte-blocked-v6": waftypes.IPAddressVersionIpv6,
	} {
		if err := removeIPSet(ctx, client, name); err != nil {
			return err
		}
		_, err := client.CreateIPSet(ctx, &wafv2.CreateIPSetInput{
			Name: aws.String(name), Scope: waftypes.ScopeRegional, IPAddressVersion: version, Addresses: []string{},
		})
		if err != nil {
			return fmt.Errorf("IP set %s: %w", name, err)
		}
	}
	return nil
}

// removeIPSet removes what an earlier run left.
func removeIPSet(ctx context.Context, client *wafv2.Client, name string) error {
	sets, err := client.ListIPSets(ctx, &wafv2.ListIPSetsInput{Scope: waftypes.ScopeRegional})
	if err != nil {
		return fmt.Errorf("IP sets: %w", err)
	}
	for _, set := range sets.IPSets {
		if aws.ToString(set.Name) != name {
			continue
		}
		_, err := client.DeleteIPSet(ctx, &wafv2.DeleteIPSetInput{Id: set.Id, Name: set.Name, LockToken: set.LockToken, Scope: waftypes.ScopeRegional})
		if err != nil {
			return fmt.Errorf("IP set %s: %w", name, err)
		}
	}
	return nil
}

// exists forgives that a thing is there already.
func exists(err error) error {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		if code := api.ErrorCode(); code == "EntityAlreadyExists" || code == "EntityAlreadyExistsException" {
			return nil
		}
	}
	return err
}
