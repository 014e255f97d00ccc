package s3encryptbucket

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/riposte-security/riposte/consumers/actiontest"
	"github.com/riposte-security/riposte/internal/cloud/cloudtest"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// fake is one bucket. home is its region; requests to others are sent there, as S3 does.
type fake struct {
	name, owner, home string
	here              string
	conf              *types.ServerSideEncryptionConfiguration
}

func (f *fake) in(_ context.Context, _, region string) (API, error) {
	f.here = region
	return f, nil
}

func (f *fake) check(op string, bucket, owner *string) error {
	if aws.ToString(bucket) != f.name {
		return cloudtest.Error("S3", op, "NoSuchBucket", 404)
	}
	if owner != nil && *owner != f.owner {
		return cloudtest.Error("S3", op, "AccessDenied", 403)
	}
	return nil
}

func (f *fake) HeadBucket(_ context.Context, in *s3.HeadBucketInput, _ ...func(*s3.Options)) (*s3.HeadBucketOutput, error) {
	if err := f.check("HeadBucket", in.Bucket, in.ExpectedBucketOwner); err != nil {
		return nil, err
	}
	if f.here != f.home {
		return nil, &smithy.OperationError{ServiceID: "S3", OperationName: "HeadBucket", Err: &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: 301, Header: http.Header{"X-Amz-Bucket-Region": {f.home}}}}, Err: errors.New("moved"),
		}}
	}
	return &s3.HeadBucketOutput{BucketRegion: &f.home}, nil
}

func (f *fake) GetBucketEncryption(_ context.Context, in *s3.GetBucketEncryptionInput, _ ...func(*s3.Options)) (*s3.GetBucketEncryptionOutput, error) {
	if err := f.check("GetBucketEncryption", in.Bucket, in.ExpectedBucketOwner); err != nil {
		return nil, err
	}
	if f.here != f.home {
		return nil, cloudtest.Error("S3", "GetBucketEncryption", "PermanentRedirect", 301)
	}
	if f.conf == nil {
		return nil, cloudtest.Error("S3", "GetBucketEncryption", "ServerSideEncryptionConfigurationNotFoundError", 404)
	}
	return &s3.GetBucketEncryptionOutput{ServerSideEncryptionConfiguration: f.conf}, nil
}

func (f *fake) PutBucketEncryption(_ context.Context, in *s3.PutBucketEncryptionInput, _ ...func(*s3.Options)) (*s3.PutBucketEncryptionOutput, error) {
	f.conf = in.ServerSideEncryptionConfiguration
	return &s3.PutBucketEncryptionOutput{}, f.check("PutBucketEncryption", in.Bucket, in.ExpectedBucketOwner)
}

func (f *fake) DeleteBucketEncryption(_ context.Context, in *s3.DeleteBucketEncryptionInput, _ ...func(*s3.Options)) (*s3.DeleteBucketEncryptionOutput, error) {
	f.conf = nil
	return &s3.DeleteBucketEncryptionOutput{}, f.check("DeleteBucketEncryption", in.Bucket, in.ExpectedBucketOwner)
}

func configuration(algorithm, key string, bucketKey bool) *types.ServerSideEncryptionConfiguration {
	if algorithm == "" {
		return nil
	}
	d := &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryption(algorithm)}
	if key != "" {
		d.KMSMasterKeyID = &key
	}
	return &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{ApplyServerSideEncryptionByDefault: d, BucketKeyEnabled: &bucketKey}}}
}

const account = "123456789012"

func command(with map[string]any) schemas.Command {
	return schemas.Command{Target: schemas.Target{Type: "s3-bucket", Account: account, ID: "logs"}, With: with}
}

func TestContract(t *testing.T) {
	for name, before := range map[string]*types.ServerSideEncryptionConfiguration{"none": nil, "AES256": configuration("AES256", "", false)} {
		t.Run(name, func(t *testing.T) {
			actiontest.Run(t, func(*testing.T) actiontest.Subject {
				f := &fake{name: "logs", owner: account, home: "eu-west-1", conf: before}
				return actiontest.Subject{
					Action: New(Deps{S3: f.in, Now: time.Now}), Command: command(nil),
					State:  func() any { return f.conf },
					Change: func() { f.conf = configuration("aws:kms", "another-key", true) },
				}
			})
		})
	}
}

func TestPlan(t *testing.T) {
	const id, arn = "0b7d9a4e-1111-4222-8333-444455556666", "arn:aws:kms:eu-west-1:123456789012:key/0b7d9a4e-1111-4222-8333-444455556666"
	type w = map[string]any
	tests := []struct {
		name           string
		algorithm, key string
		with           w
		call           bool
		err            string
	}{
		{"AWS's own encryption does not do", "AES256", "", nil, true, ""},
		{"KMS already", "aws:kms", "", nil, false, ""},
		{"KMS with any key", "aws:kms", arn, nil, false, ""},
		{"stronger than asked", "aws:kms:dsse", arn, nil, false, ""},
		{"KMS is never weakened", "aws:kms", arn, w{"algorithm": "AES256"}, false, ""},
		{"AES256 will do", "AES256", "", w{"algorithm": "AES256"}, false, ""},
		{"AES256 where there is none", "", "", w{"algorithm": "AES256"}, true, ""},
		{"the key by id", "aws:kms", arn, w{"kms_key": id}, false, ""},
		{"another key", "aws:kms", arn, w{"kms_key": "beef"}, true, ""},
		{"AWS's key where ours is asked for", "aws:kms", "", w{"kms_key": id}, true, ""},
		{"an alias", "aws:kms", "arn:aws:kms:eu-west-1:123456789012:alias/logs", w{"kms_key": "alias/logs"}, false, ""},
		{"an algorithm that is none", "AES256", "", w{"algorithm": "rot13"}, false, `with.algorithm "rot13"`},
		{"a key without KMS", "", "", w{"algorithm": "AES256", "kms_key": id}, false, "with.kms_key"},
		{"an unknown setting", "", "", w{"key": id}, false, `unknown field "key"`},
		{"a wrong type", "", "", w{"bucket_key": "yes"}, false, "bucket_key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := &fake{name: "logs", owner: account, home: "eu-west-1", conf: configuration(tt.algorithm, tt.key, true)}
			p, err := New(Deps{S3: f.in, Now: time.Now}).Plan(t.Context(), command(tt.with))
			if tt.err != "" {
				if !fault.IsPermanent(err) || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil || p.Empty() == tt.call || p.Summary == "" {
				t.Errorf("%+v, %v", p, err)
			}
		})
	}
}

// What others have set beside the encryption stays.
func TestKeepsBlockedTypes(t *testing.T) {
	f := &fake{name: "logs", owner: account, home: "", conf: configuration("AES256", "", false)}
	f.conf.Rules[0].BlockedEncryptionTypes = &types.BlockedEncryptionTypes{EncryptionType: []types.EncryptionType{types.EncryptionTypeSseC}}
	a := New(Deps{S3: f.in, Now: time.Now})
	p, err := a.Plan(t.Context(), command(nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Apply(t.Context(), command(nil), p); err != nil {
		t.Fatal(err)
	}
	if b, err := json.Marshal(f.conf); err != nil || !strings.Contains(string(b), "SSE-C") {
		t.Errorf("%s, %v", b, err)
	}
}

func TestWrongBucket(t *testing.T) {
	now := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	f := &fake{name: "logs", owner: "210987654321", home: ""}
	a := New(Deps{S3: f.in, Now: func() time.Time { return now }})
	if _, err := a.Plan(t.Context(), command(nil)); !fault.IsPermanent(err) || !strings.Contains(err.Error(), "AccessDenied") {
		t.Errorf("somebody else's bucket: %v", err)
	}
	cmd := command(nil)
	cmd.Target.ID, cmd.EventTime = "gone", now.Add(-time.Hour)
	if _, err := a.Plan(t.Context(), cmd); !fault.IsPermanent(err) || !strings.Contains(err.Error(), "bucket gone") {
		t.Errorf("no such bucket: %v", err)
	}
	cmd.EventTime = now.Add(-time.Second)
	if _, err := a.Plan(t.Context(), cmd); err == nil || fault.IsPermanent(err) {
		t.Errorf("a bucket just made that is not visible yet: %v", err)
	}
}

func TestCanonical(t *testing.T) {
	for _, tt := range []struct{ raw, id string }{
		{"logs", "logs"}, {"arn:aws:s3:::logs", "logs"}, {"arn:aws-cn:s3:::my.logs", "my.logs"},
		{"arn:aws:s3:::logs/key", ""}, {"arn:aws:iam::1:user/x", ""}, {"arn:aws:s3", ""}, {"", ""}, {"a b", ""}, {"s3://logs", ""},
		{"arn:aws:s3:eu-west-1:123456789012:accesspoint/x", ""},
	} {
		got, err := Spec().Canonical(tt.raw, account, "eu-west-1")
		if (err == nil) != (tt.id != "") || got.ID != tt.id || got.Region != "" {
			t.Errorf("%q: %+v, %v", tt.raw, got, err)
		}
	}
}
