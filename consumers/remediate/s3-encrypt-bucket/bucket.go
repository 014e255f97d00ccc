// Package s3encryptbucket gives a bucket a default encryption. AWS encrypts every new bucket with AES256 by itself, so what is read decides,
// not the event.
package s3encryptbucket

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/riposte-security/riposte/consumers"
	"github.com/riposte-security/riposte/consumers/remediate/attribute"
	"github.com/riposte-security/riposte/consumers/remediate/bucket"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

const (
	defaultAlgorithm = "aws:kms"
	within           = 30 * time.Second
)

// API is what the action needs of S3.
type API interface {
	bucket.Header
	GetBucketEncryption(context.Context, *s3.GetBucketEncryptionInput, ...func(*s3.Options)) (*s3.GetBucketEncryptionOutput, error)
	PutBucketEncryption(context.Context, *s3.PutBucketEncryptionInput, ...func(*s3.Options)) (*s3.PutBucketEncryptionOutput, error)
	DeleteBucketEncryption(context.Context, *s3.DeleteBucketEncryptionInput, ...func(*s3.Options)) (*s3.DeleteBucketEncryptionOutput, error)
}

// Deps is what the action is made of.
type Deps struct {
	S3  func(ctx context.Context, account, region string) (API, error)
	Now func() time.Time
}

// state is the default encryption of a bucket, in S3's own form so that nothing of it is lost; nil where there is none.
type state struct {
	Region        string                                   `json:"region,omitempty"`
	Configuration *types.ServerSideEncryptionConfiguration `json:"configuration"`
}

type settings struct {
	Algorithm string `json:"algorithm"`
	KMSKey    string `json:"kms_key"`
	BucketKey bool   `json:"bucket_key"`
}

func settingsOf(cmd schemas.Command) (settings, error) {
	s := settings{Algorithm: defaultAlgorithm, BucketKey: true}
	if err := attribute.Settings(cmd, &s); err != nil {
		return s, err
	}
	if strength(s.Algorithm) == 0 {
		return s, fault.Permanent(fmt.Errorf("with.algorithm %q: aws:kms, aws:kms:dsse or AES256 expected", s.Algorithm))
	}
	if s.KMSKey != "" && s.Algorithm == "AES256" {
		return s, fault.Permanent(errors.New("with.kms_key: AES256 has no key of its own"))
	}
	return s, nil
}

// OnAWS makes the action with real clients.
func OnAWS(c *cloud.Clients, now func() time.Time) consumers.Action {
	return New(Deps{Now: now, S3: func(ctx context.Context, account, region string) (API, error) { return c.S3(ctx, account, region) }})
}

// New makes the action.
func New(d Deps) consumers.Action {
	b := encrypter{d}
	return attribute.New(attribute.Row[state]{
		Noun:   func(cmd schemas.Command) string { return "bucket " + cmd.Target.ID },
		Read:   b.read,
		Want:   want,
		Write:  b.write,
		Same:   func(x, y state) bool { return same(x.Configuration, y.Configuration) },
		Now:    d.Now,
		Within: within,
	})
}

type encrypter struct{ Deps }

func (b encrypter) read(ctx context.Context, cmd schemas.Command, like *state) (state, error) {
	var s state
	var err error
	if like != nil && like.Region != "" {
		s.Region = like.Region
	} else if s.Region, err = bucket.Region(ctx, b.S3, cmd.Target); err != nil {
		return s, err
	}
	api, err := b.S3(ctx, cmd.Target.Account, s.Region)
	if err != nil {
		return s, err
	}
	out, err := api.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: &cmd.Target.ID, ExpectedBucketOwner: bucket.Owner(cmd.Target)})
	if cloud.Code(err) == "ServerSideEncryptionConfigurationNotFoundError" {
		return s, nil
	}
	if err != nil {
		return s, cloud.Classify(err)
	}
	s.Configuration = out.ServerSideEncryptionConfiguration
	return s, nil
}

func (b encrypter) write(ctx context.Context, cmd schemas.Command, from, to state) error {
	api, err := b.S3(ctx, cmd.Target.Account, from.Region)
	if err != nil {
		return err
	}
	if to.Configuration == nil {
		_, err = api.DeleteBucketEncryption(ctx, &s3.DeleteBucketEncryptionInput{Bucket: &cmd.Target.ID, ExpectedBucketOwner: bucket.Owner(cmd.Target)})
	} else {
		_, err = api.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{
			Bucket: &cmd.Target.ID, ExpectedBucketOwner: bucket.Owner(cmd.Target), ServerSideEncryptionConfiguration: to.Configuration,
		})
	}
	return cloud.Classify(err)
}
