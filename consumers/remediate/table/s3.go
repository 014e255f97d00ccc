package table

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/riposte-security/riposte/consumers/remediate/bucket"
	"github.com/riposte-security/riposte/internal/cloud"
	"github.com/riposte-security/riposte/internal/fault"
	"github.com/riposte-security/riposte/schemas"
)

func s3Rows() []Action {
	return []Action{s3PublicAccess(), s3AccountPublicAccess(), s3Versioning(), s3AccessLogging(), s3RequireTLS(), s3AbortUploads(), s3OwnerEnforced(), s3PublicGrants()}
}

// owner makes S3 refuse a bucket of that name in another account.
func (in input) owner() *string { return bucket.Owner(in.Target) }

// unless is err, unless it says by its code that there is nothing to be read.
func unless(err error, code string) error {
	if cloud.Code(err) == code {
		return nil
	}
	return err
}

func s3PublicAccess() Action {
	type conf = *types.PublicAccessBlockConfiguration
	return action(row[*s3.Client, conf]{
		Name: "s3-block-public-access", Controls: []string{"S3.8", "S3.2", "S3.3"}, Target: bucketKind(), API: (*cloud.Clients).S3,
		Does:   "Blocks all public access to a bucket, by ACLs and by its policy.",
		Policy: []string{"s3:GetBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock"},
		Do:     "block public access to", Done: "has its public access blocked",
		Read: func(ctx context.Context, api *s3.Client, in input, _ *conf) (conf, error) {
			out, err := api.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &in.ID, ExpectedBucketOwner: in.owner()})
			if err != nil {
				return nil, unless(err, "NoSuchPublicAccessBlockConfiguration")
			}
			return out.PublicAccessBlockConfiguration, nil
		},
		Want: func(input, conf) (conf, error) {
			yes := aws.Bool(true)
			return &types.PublicAccessBlockConfiguration{BlockPublicAcls: yes, BlockPublicPolicy: yes, IgnorePublicAcls: yes, RestrictPublicBuckets: yes}, nil
		},
		Write: func(in input, _, to conf) []call[*s3.Client] {
			if to == nil {
				return one((*s3.Client).DeletePublicAccessBlock, &s3.DeletePublicAccessBlockInput{Bucket: &in.ID, ExpectedBucketOwner: in.owner()})
			}
			return one((*s3.Client).PutPublicAccessBlock, &s3.PutPublicAccessBlockInput{
				Bucket: &in.ID, ExpectedBucketOwner: in.owner(), PublicAccessBlockConfiguration: to,
			})
		},
		Code: ofBucket("aws_s3_bucket_public_access_block", "public access", publicBlockHCL, publicBlockYAML),
	})
}

func s3Versioning() Action {
	type status = types.BucketVersioningStatus
	return action(row[*s3.Client, status]{
		Name: "s3-enable-versioning", Controls: []string{"S3.14"}, Target: bucketKind(), API: (*cloud.Clients).S3,
		Does:         "Turns the versioning of a bucket on.",
		Irreversible: "versioning can be suspended, not removed; versions made in the meantime stay",
		Policy:       []string{"s3:GetBucketVersioning", "s3:PutBucketVersioning"},
		Do:           "turn versioning on for", Done: "has versioning on",
		Read: func(ctx context.Context, api *s3.Client, in input, _ *status) (status, error) {
			out, err := api.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &in.ID, ExpectedBucketOwner: in.owner()})
			if err != nil || out.Status == types.BucketVersioningStatusEnabled {
				return types.BucketVersioningStatusEnabled, err
			}
			return types.BucketVersioningStatusSuspended, nil // or never on, which cannot be told to S3
		},
		Want: func(input, status) (status, error) { return types.BucketVersioningStatusEnabled, nil },
		Write: func(in input, _, to status) []call[*s3.Client] {
			return one((*s3.Client).PutBucketVersioning, &s3.PutBucketVersioningInput{
				Bucket: &in.ID, ExpectedBucketOwner: in.owner(), VersioningConfiguration: &types.VersioningConfiguration{Status: to},
			})
		},
		Code: ofBucket("aws_s3_bucket_versioning", "versioning", "versioning_configuration {\n  status = \"Enabled\"\n}", "VersioningConfiguration:\n  Status: Enabled"),
	})
}

func s3AccessLogging() Action {
	type conf = *types.LoggingEnabled
	return action(row[*s3.Client, conf]{
		Name: "s3-enable-access-logging", Controls: []string{"S3.9"}, Target: bucketKind(), API: (*cloud.Clients).S3,
		Does: "Turns server access logging on for a bucket that has none. Where a bucket logs to already is left alone.",
		Settings: []schemas.Setting{
			{Name: "log_bucket", Type: "string", Required: true, Help: "bucket that the logs go to, in the same account and region; it must let logging.s3.amazonaws.com write"},
			{Name: "prefix", Type: "string", Help: "prefix of the logs; the bucket's name and a slash are added"},
		},
		Policy: []string{"s3:GetBucketLogging", "s3:PutBucketLogging"},
		Do:     "turn server access logging on for", Done: "has server access logging",
		Read: func(ctx context.Context, api *s3.Client, in input, _ *conf) (conf, error) {
			out, err := api.GetBucketLogging(ctx, &s3.GetBucketLoggingInput{Bucket: &in.ID, ExpectedBucketOwner: in.owner()})
			if err != nil {
				return nil, err
			}
			return out.LoggingEnabled, nil
		},
		Want: func(in input, now conf) (conf, error) {
			if now != nil {
				return now, nil
			}
			if in.text("log_bucket") == in.ID {
				return nil, fault.Permanent(errors.New("with.log_bucket: a bucket that logs to itself never comes to rest"))
			}
			return &types.LoggingEnabled{TargetBucket: aws.String(in.text("log_bucket")), TargetPrefix: aws.String(in.text("prefix") + in.ID + "/")}, nil
		},
		Write: func(in input, _, to conf) []call[*s3.Client] {
			return one((*s3.Client).PutBucketLogging, &s3.PutBucketLoggingInput{
				Bucket: &in.ID, ExpectedBucketOwner: in.owner(), BucketLoggingStatus: &types.BucketLoggingStatus{LoggingEnabled: to},
			})
		},
		Code: ofBucket("aws_s3_bucket_logging", "server access logging",
			"target_bucket = {{ quote .With.log_bucket }}\ntarget_prefix = {{ quote (print .With.prefix .Target.ID \"/\") }}",
			"LoggingConfiguration:\n  DestinationBucketName: {{ quote .With.log_bucket }}\n  LogFilePrefix: {{ quote (print .With.prefix .Target.ID \"/\") }}"),
	})
}

func s3OwnerEnforced() Action {
	type conf = *types.OwnershipControls
	return action(row[*s3.Client, conf]{
		Name: "s3-disable-acls", Controls: []string{"S3.12"}, Target: bucketKind(), API: (*cloud.Clients).S3,
		Does:   "Turns the ACLs of a bucket and its objects off: whatever is in it belongs to the bucket's owner, and policies alone say who may do what.",
		Policy: []string{"s3:GetBucketOwnershipControls", "s3:PutBucketOwnershipControls"},
		Do:     "turn the ACLs off of", Done: "has its ACLs off",
		Read: func(ctx context.Context, api *s3.Client, in input, _ *conf) (conf, error) {
			out, err := api.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: &in.ID, ExpectedBucketOwner: in.owner()})
			if err != nil {
				return nil, unless(err, "OwnershipControlsNotFoundError")
			}
			return out.OwnershipControls, nil
		},
		Want: func(input, conf) (conf, error) {
			return &types.OwnershipControls{Rules: []types.OwnershipControlsRule{{ObjectOwnership: types.ObjectOwnershipBucketOwnerEnforced}}}, nil
		},
		Write: func(in input, _, to conf) []call[*s3.Client] {
			if to == nil {
				return one((*s3.Client).DeleteBucketOwnershipControls, &s3.DeleteBucketOwnershipControlsInput{Bucket: &in.ID, ExpectedBucketOwner: in.owner()})
			}
			return one((*s3.Client).PutBucketOwnershipControls, &s3.PutBucketOwnershipControlsInput{
				Bucket: &in.ID, ExpectedBucketOwner: in.owner(), OwnershipControls: to,
			})
		},
		Code: ofBucket("aws_s3_bucket_ownership_controls", "ownership of objects", "rule {\n  object_ownership = \"BucketOwnerEnforced\"\n}",
			"OwnershipControls:\n  Rules:\n    - ObjectOwnership: BucketOwnerEnforced"),
	})
}

// acl is all of an ACL. The grants to everybody are what its row is about.
type acl struct {
	Owner  *types.Owner
	Grants []types.Grant
}

func public(g types.Grant) bool {
	uri := ""
	if g.Grantee != nil {
		uri = aws.ToString(g.Grantee.URI)
	}
	return uri == "http://acs.amazonaws.com/groups/global/AllUsers" || uri == "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
}

func s3PublicGrants() Action {
	return action(row[*s3.Client, acl]{
		Name: "s3-remove-public-grants", Controls: []string{"S3.2", "S3.3"}, Target: bucketKind(), API: (*cloud.Clients).S3,
		Does:   "Takes what the ACL of a bucket grants to everybody, or to everybody with an AWS account, out of it; other grants stay.",
		Policy: []string{"s3:GetBucketAcl", "s3:PutBucketAcl"},
		Do:     "take the grants to everybody out of the ACL of", Done: "grants nothing to everybody",
		Read: func(ctx context.Context, api *s3.Client, in input, _ *acl) (acl, error) {
			out, err := api.GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: &in.ID, ExpectedBucketOwner: in.owner()})
			if err != nil {
				return acl{}, err
			}
			return acl{out.Owner, out.Grants}, nil
		},
		Want: func(_ input, now acl) (acl, error) {
			now.Grants = slices.DeleteFunc(slices.Clone(now.Grants), public)
			return now, nil
		},
		Write: func(in input, _, to acl) []call[*s3.Client] {
			return one((*s3.Client).PutBucketAcl, &s3.PutBucketAclInput{
				Bucket: &in.ID, ExpectedBucketOwner: in.owner(), AccessControlPolicy: &types.AccessControlPolicy{Owner: to.Owner, Grants: to.Grants},
			})
		},
		Code: ofBucket("aws_s3_bucket_acl", "ACL", "acl = \"private\" # or whatever grants nothing to everybody", "AccessControl: Private # or whatever grants nothing to everybody"),
	})
}
