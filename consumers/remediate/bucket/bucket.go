// Package bucket is what the actions on S3 buckets have in common: the form of their targets, and where they are.
package bucket

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/schemas"
)

// TargetType is the type of these targets.
const TargetType = "s3-bucket"

const headerRegion = "X-Amz-Bucket-Region"

// Header is the one call that finds a bucket.
type Header interface {
	HeadBucket(context.Context, *s3.HeadBucketInput, ...func(*s3.Options)) (*s3.HeadBucketOutput, error)
}

// Canonical takes a name or an ARN. Names are unique over all regions, so the region is no part of the target: it would only let two
// spellings of one bucket differ.
func Canonical(raw, account, _ string) (schemas.Target, error) {
	name := raw
	if strings.HasPrefix(raw, "arn:") {
		a, err := arn.Parse(raw)
		if err != nil {
			return schemas.Target{}, fmt.Errorf("bucket %q: %w", raw, err)
		}
		if a.Service != "s3" || a.Region != "" {
			return schemas.Target{}, fmt.Errorf("bucket %q: not the ARN of a bucket", raw)
		}
		name = a.Resource
	}
	if !isName(name) {
		return schemas.Target{}, fmt.Errorf("bucket %q: not the name of a bucket", raw)
	}
	return schemas.Target{Type: TargetType, Account: account, ID: name}, nil
}

// isName is as wide as the names that the oldest buckets may have: up to 255 letters, digits, dots, hyphens and underscores.
func isName(s string) bool {
	if len(s) < 3 || len(s) > 255 {
		return false
	}
	for _, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && r != '.' && r != '-' && r != '_' {
			return false
		}
	}
	return true
}

// Region finds where a bucket is. S3 says so in a header even when it refuses the request for having come to the wrong place. A bucket that does not
// exist is an error for which cloud.Missing holds.
func Region[API Header](ctx context.Context, in func(ctx context.Context, account, region string) (API, error), t schemas.Target) (string, error) {
	api, err := in(ctx, t.Account, "")
	if err != nil {
		return "", err
	}
	out, err := api.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &t.ID, ExpectedBucketOwner: Owner(t)})
	if err == nil {
		return aws.ToString(out.BucketRegion), nil
	}
	var resp *smithyhttp.ResponseError
	if !cloud.Missing(err) && errors.As(err, &resp) && resp.Response != nil {
		if r := resp.Response.Header.Get(headerRegion); r != "" {
			return r, nil // if it was a refusal, the next call says why
		}
	}
	return "", cloud.Classify(err)
}

// Owner makes S3 refuse a bucket of that name in another account.
func Owner(t schemas.Target) *string {
	if t.Account == "" {
		return nil
	}
	return &t.Account
}
