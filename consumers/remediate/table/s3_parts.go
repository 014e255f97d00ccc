package table

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	controltypes "github.com/aws/aws-sdk-go-v2/service/s3control/types"

	"github.com/riposte-security/riposte/consumers/iampolicy"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

// What a row here sets is a part of a larger document: a statement of a policy, a rule among others.

const tlsSid = "RiposteTLSOnly"

// tlsState is a bucket's policy, and whether it refuses what does not come by TLS.
type tlsState struct {
	Policy string `json:"policy"`
	Only   bool   `json:"tls_only"`
}

func s3RequireTLS() Action {
	return action(row[*s3.Client, tlsState]{
		Name: "s3-require-tls", Controls: []string{"S3.5"}, Target: bucketKind(), API: (*cloud.Clients).S3,
		Does:   "Adds a statement to the policy of a bucket that denies all requests that do not come by TLS.",
		Policy: []string{"s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"},
		Do:     "deny requests without TLS to", Done: "denies requests without TLS",
		Read: func(ctx context.Context, api *s3.Client, in input, _ *tlsState) (tlsState, error) {
			out, err := api.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &in.ID, ExpectedBucketOwner: in.owner()})
			if err != nil {
				return tlsState{}, unless(err, "NoSuchBucketPolicy")
			}
			p, err := iampolicy.Open(aws.ToString(out.Policy))
			only := slices.ContainsFunc(p.All, func(s json.RawMessage) bool { return deniesPlain(s, in.ID) })
			return tlsState{aws.ToString(out.Policy), only}, err
		},
		Want: func(in input, now tlsState) (tlsState, error) {
			if now.Only {
				return now, nil
			}
			text, err := withTLS(now.Policy, in, true)
			return tlsState{text, true}, err
		},
		Write: func(in input, from, to tlsState) []call[*s3.Client] {
			text, err := withTLS(from.Policy, in, to.Only)
			if err != nil || iampolicy.SameStatements(text, to.Policy) {
				text = to.Policy // as it was written
			}
			if text == "" {
				return one((*s3.Client).DeleteBucketPolicy, &s3.DeleteBucketPolicyInput{Bucket: &in.ID, ExpectedBucketOwner: in.owner()})
			}
			return one((*s3.Client).PutBucketPolicy, &s3.PutBucketPolicyInput{Bucket: &in.ID, ExpectedBucketOwner: in.owner(), Policy: &text})
		},
		Same: func(a, b tlsState) bool { return a.Only == b.Only },
		Code: tlsOnly(),
	})
}

// withTLS puts our statement into a policy, or takes it out.
func withTLS(policy string, in input, only bool) (string, error) {
	p, err := iampolicy.Open(policy)
	if err != nil {
		return "", err
	}
	if !only {
		return p.With(tlsSid, nil), nil
	}
	arn := "arn:" + cloud.Partition(in.Region) + ":s3:::" + in.ID
	b, err := json.Marshal(map[string]any{
		"Sid": tlsSid, "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": []string{arn, arn + "/*"},
		"Condition": map[string]any{"Bool": map[string]string{"aws:SecureTransport": "false"}},
	})
	if err != nil {
		return "", fault.Permanent(fmt.Errorf("policy statement: %w", err))
	}
	return p.With(tlsSid, iampolicy.Compact(b)), nil
}

// deniesPlain tells whether a statement denies everybody everything without TLS, on all of a bucket.
func deniesPlain(statement json.RawMessage, bucket string) bool {
	var s struct {
		Effect, Principal, Action, Resource any
		Condition                           map[string]map[string]any
	}
	if err := json.Unmarshal(statement, &s); err != nil || s.Effect != "Deny" || len(s.Condition) != 1 || len(s.Condition["Bool"]) != 1 {
		return false
	}
	if p, ok := s.Principal.(map[string]any); ok {
		s.Principal = p["AWS"]
	}
	resources := stringsOf(s.Resource)
	covers := func(suffix string) bool {
		return slices.ContainsFunc(resources, func(r string) bool {
			return r == "*" || strings.HasSuffix(r, ":::"+bucket+suffix) || r == "arn:aws:s3:::*"
		})
	}
	return slices.Contains(stringsOf(s.Principal), "*") && slices.ContainsFunc(stringsOf(s.Action), func(a string) bool { return a == "*" || a == "s3:*" }) &&
		slices.Equal(stringsOf(s.Condition["Bool"]["aws:SecureTransport"]), []string{"false"}) && (covers("") && covers("/*") || covers("*"))
}

// stringsOf reads what a policy may write as one string or as a list; a boolean as its text.
func stringsOf(v any) (all []string) {
	switch v := v.(type) {
	case string:
		return []string{v}
	case bool:
		return []string{fmt.Sprint(v)}
	case []any:
		for _, e := range v {
			all = append(all, stringsOf(e)...)
		}
	}
	return all
}

const abortRule = "riposte-abort-incomplete-uploads"

// lifecycle is all rules of a bucket, and whether one of them aborts uploads that are not finished.
type lifecycle struct {
	Rules   []types.LifecycleRule                    `json:"rules"`
	Minimum types.TransitionDefaultMinimumObjectSize `json:"minimum,omitempty"`
	Aborts  bool                                     `json:"aborts"`
}

func s3AbortUploads() Action {
	aborts := func(r types.LifecycleRule) bool {
		all := r.Filter == nil || r.Filter.Prefix != nil && *r.Filter.Prefix == "" || same(*r.Filter, types.LifecycleRuleFilter{})
		return r.Status == types.ExpirationStatusEnabled && r.AbortIncompleteMultipartUpload != nil && all
	}
	ours := func(r types.LifecycleRule) bool { return aws.ToString(r.ID) == abortRule }
	return action(row[*s3.Client, lifecycle]{
		Name: "s3-abort-incomplete-uploads", Controls: []string{"S3.13"}, Target: bucketKind(), API: (*cloud.Clients).S3,
		Does:         "Adds a lifecycle rule to a bucket that aborts uploads in parts that nobody finishes; other rules stay.",
		Settings:     []schemas.Setting{{Name: "days", Type: "int", Default: "7", Help: "days after which an upload is aborted"}},
		Irreversible: "uploads that were aborted in the meantime",
		Policy:       []string{"s3:GetLifecycleConfiguration", "s3:PutLifecycleConfiguration"},
		Do:           "abort uploads that nobody finishes in", Done: "aborts uploads that nobody finishes",
		Read: func(ctx context.Context, api *s3.Client, in input, _ *lifecycle) (lifecycle, error) {
			out, err := api.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: &in.ID, ExpectedBucketOwner: in.owner()})
			if err != nil {
				return lifecycle{}, unless(err, "NoSuchLifecycleConfiguration")
			}
			return lifecycle{out.Rules, out.TransitionDefaultMinimumObjectSize, slices.ContainsFunc(out.Rules, aborts)}, nil
		},
		Want: func(in input, now lifecycle) (lifecycle, error) {
			if now.Aborts {
				return now, nil
			}
			return lifecycle{append(slices.Clone(now.Rules), types.LifecycleRule{
				ID: aws.String(abortRule), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("")},
				AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(in.int32("days"))},
			}), now.Minimum, true}, nil
		},
		Write: func(in input, from, to lifecycle) []call[*s3.Client] {
			rules := slices.DeleteFunc(slices.Clone(from.Rules), ours)
			for _, r := range to.Rules {
				if ours(r) {
					rules = append(rules, r)
				}
			}
			if len(rules) == 0 {
				return one((*s3.Client).DeleteBucketLifecycle, &s3.DeleteBucketLifecycleInput{Bucket: &in.ID, ExpectedBucketOwner: in.owner()})
			}
			return one((*s3.Client).PutBucketLifecycleConfiguration, &s3.PutBucketLifecycleConfigurationInput{
				Bucket: &in.ID, ExpectedBucketOwner: in.owner(), TransitionDefaultMinimumObjectSize: from.Minimum,
				LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: rules},
			})
		},
		Same: func(a, b lifecycle) bool { return a.Aborts == b.Aborts },
		Code: ofBucket("aws_s3_bucket_lifecycle_configuration", "lifecycle",
			"rule {\n  id     = \"abort-incomplete-uploads\"\n  status = \"Enabled\"\n  filter {}\n  abort_incomplete_multipart_upload {\n    days_after_initiation = {{ .With.days }}\n  }\n}",
			"LifecycleConfiguration:\n  Rules:\n    # what stands here stays\n    - Id: abort-incomplete-uploads\n      Status: Enabled\n      AbortIncompleteMultipartUpload:\n        DaysAfterInitiation: {{ .With.days }}"),
	})
}

func s3AccountPublicAccess() Action {
	type conf = *controltypes.PublicAccessBlockConfiguration
	return action(row[*s3control.Client, conf]{
		Name: "s3-block-account-public-access", Controls: []string{"S3.1"}, Target: accountKind(false), API: (*cloud.Clients).S3Control,
		Does:   "Blocks all public access to the buckets of an account, by ACLs and by policies.",
		Policy: []string{"s3:GetAccountPublicAccessBlock", "s3:PutAccountPublicAccessBlock"},
		Do:     "block public access to all buckets of", Done: "has the public access to its buckets blocked",
		Read: func(ctx context.Context, api *s3control.Client, in input, _ *conf) (conf, error) {
			out, err := api.GetPublicAccessBlock(ctx, &s3control.GetPublicAccessBlockInput{AccountId: &in.ID})
			if err != nil {
				return nil, unless(err, "NoSuchPublicAccessBlockConfiguration")
			}
			return out.PublicAccessBlockConfiguration, nil
		},
		Want: func(input, conf) (conf, error) {
			yes := aws.Bool(true)
			return &controltypes.PublicAccessBlockConfiguration{BlockPublicAcls: yes, BlockPublicPolicy: yes, IgnorePublicAcls: yes, RestrictPublicBuckets: yes}, nil
		},
		Write: func(in input, _, to conf) []call[*s3control.Client] {
			if to == nil {
				return one((*s3control.Client).DeletePublicAccessBlock, &s3control.DeletePublicAccessBlockInput{AccountId: &in.ID})
			}
			return one((*s3control.Client).PutPublicAccessBlock, &s3control.PutPublicAccessBlockInput{AccountId: &in.ID, PublicAccessBlockConfiguration: to})
		},
		Code: declared("aws_s3_account_public_access_block", "public access", publicBlockHCL, ""),
	})
}
